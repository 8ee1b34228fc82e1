import { type Range, usualReturn } from '@einklang/stats'

/** What is known of media of a kind before a house has data of its own: revenue per unit of spend, and carry-over in weeks. */
type UsualBelief = { returns: Range; halfLifeWeeks: Range }

/**
 * Wide ranges (90 %) from experiments that were published; the data of the house narrow them.
 * - Brand search: most of its clicks come anyway (Blake, Nosko & Tadelis 2015).
 * - Display and retargeting reach those who would buy (Lewis & Rao 2015; Gordon, Moakler & Zettelmeyer 2023).
 * - Television returns less than it costs for most brands (Shapiro, Hitsch & Tuchman 2021); radio and posters as it.
 * - Messages to own customers cost little beside what they bring (Sahni, Zou & Chintagunta 2017).
 * - Carry-over: days for search and messages, weeks for broadcast and print, longest for what lies on the table
 *   (Leone 1995; Köhler, Mantrala, Albers & Kanuri 2017).
 */
const usual: { [channel: string]: UsualBelief } = {
  search_brand: { returns: [0.1, 2], halfLifeWeeks: [0.1, 1] },
  search_generic: { returns: [0.5, 8], halfLifeWeeks: [0.1, 1.5] },
  shopping: { returns: [0.5, 8], halfLifeWeeks: [0.1, 1.5] },
  affiliate: { returns: [0.2, 6], halfLifeWeeks: [0.1, 1.5] },
  display: { returns: [0.1, 3], halfLifeWeeks: [0.2, 2] },
  social_ads: { returns: [0.5, 8], halfLifeWeeks: [0.25, 3] },
  tv: { returns: [0.2, 4], halfLifeWeeks: [0.75, 6] },
  radio: { returns: [0.2, 4], halfLifeWeeks: [0.5, 4] },
  out_of_home: { returns: [0.2, 4], halfLifeWeeks: [0.5, 4] },
  letter: { returns: [0.5, 8], halfLifeWeeks: [0.75, 6] },
  catalogue: { returns: [0.5, 8], halfLifeWeeks: [1, 10] },
  email: { returns: [1, 30], halfLifeWeeks: [0.1, 1.5] },
  sms: { returns: [1, 30], halfLifeWeeks: [0.1, 1] },
  push: { returns: [1, 30], halfLifeWeeks: [0.1, 1] },
}

/** What is usually believed of a channel; of one we do not know, only that money is not wasted without limit. */
export function usualBelief(channel: string): UsualBelief {
  return usual[channel] ?? { returns: usualReturn, halfLifeWeeks: [0.25, 4] }
}
