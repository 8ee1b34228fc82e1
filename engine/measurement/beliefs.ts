import { type Range, usualReturn } from '@einklang/stats'

/**
 * What is known of media of a kind before a house has data of its own: revenue per unit of spend, carry-over in weeks, and
 * the odds that a sale they bring is made online, in multiples of the odds of all sales of the house.
 */
type UsualBelief = { returns: Range; halfLifeWeeks: Range; onlineOdds: Range }

/**
 * Wide ranges (90 %), estimates of ours; the data of the house narrow them. No publication gives these numbers. What
 * publications say, and what it made us believe:
 * - Brand search: ads on brand keywords had no measurable short-term benefit at eBay, and the average return on other
 *   keywords was negative (Blake, Nosko & Tadelis 2015, Econometrica 83): low for brand, wide for generic.
 * - Display and social: in 25 experiments the median interval of the return was over 100 % wide (Lewis & Rao 2015); in
 *   663 experiments at Facebook what is told without an experiment was far above the lift (Gordon, Moakler &
 *   Zettelmeyer 2023, "Close Enough?"): wide, and lower than platforms report.
 * - Television: the whole return was positive for one third of 288 brands, the marginal one for fewer than a fifth;
 *   observed, not an experiment (Shapiro, Hitsch & Tuchman 2021, Econometrica 89). Radio and posters: as television, a guess.
 * - Messages to own customers: offers by e-mail raised what customers spent, mostly beyond the offer and also in the
 *   week after (Sahni, Zou & Chintagunta 2017); they cost little, so the range reaches far.
 * - Carry-over: our estimates. Leone 1995 (Marketing Science 14) finds effects of six to nine months, longer than these.
 * - Online or in stores: at a clothing house that sold 90 % in stores, 84 % of the effect of its banners was there: odds
 *   of 1.7 (Johnson, Lewis & Reiley 2017, Marketing Science 36); at another 93 % (Lewis & Reiley 2014, Quantitative
 *   Marketing and Economics 12). Who clicks a search result stands in the shop already, so that search is believed to
 *   sell online far more often than the house does; media without a click about as often. Estimates of ours.
 */
const click: Range = [2, 60]
const post: Range = [0.5, 12]
const offline: Range = [0.3, 6]
const usual: { [channel: string]: UsualBelief } = {
  search_brand: { returns: [0.1, 2], halfLifeWeeks: [0.1, 1], onlineOdds: click },
  search_generic: { returns: [0.5, 8], halfLifeWeeks: [0.1, 1.5], onlineOdds: click },
  shopping: { returns: [0.5, 8], halfLifeWeeks: [0.1, 1.5], onlineOdds: click },
  affiliate: { returns: [0.2, 6], halfLifeWeeks: [0.1, 1.5], onlineOdds: click },
  display: { returns: [0.1, 3], halfLifeWeeks: [0.2, 2], onlineOdds: post },
  social_ads: { returns: [0.5, 8], halfLifeWeeks: [0.25, 3], onlineOdds: post },
  tv: { returns: [0.2, 4], halfLifeWeeks: [0.75, 6], onlineOdds: offline },
  radio: { returns: [0.2, 4], halfLifeWeeks: [0.5, 4], onlineOdds: offline },
  out_of_home: { returns: [0.2, 4], halfLifeWeeks: [0.5, 4], onlineOdds: offline },
  letter: { returns: [0.5, 8], halfLifeWeeks: [0.75, 6], onlineOdds: offline },
  catalogue: { returns: [0.5, 8], halfLifeWeeks: [1, 10], onlineOdds: [0.5, 15] },
  email: { returns: [1, 30], halfLifeWeeks: [0.1, 1.5], onlineOdds: post },
  sms: { returns: [1, 30], halfLifeWeeks: [0.1, 1], onlineOdds: post },
  push: { returns: [1, 30], halfLifeWeeks: [0.1, 1], onlineOdds: post },
}

/** What is usually believed of a channel; of one we do not know, only that money is not wasted without limit. */
export function usualBelief(channel: string): UsualBelief {
  return usual[channel] ?? { returns: usualReturn, halfLifeWeeks: [0.25, 4], onlineOdds: [0.2, 20] }
}
