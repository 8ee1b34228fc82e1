import type { ChannelAnswer, MixAnswers } from './answers.ts'
import type { Check } from './checks.ts'
import { type ChannelSpec, type MixSpec, usualReturn } from './spec.ts'

/** Above this return of a unit of money nobody is believed who has not tested it, or said so before. */
const mostReturn = 20
/** Above this share of the outcome, advertising as a whole is not believed either. */
const mostShare = 0.6
/** A finding this far out in what was believed contradicts the belief: one of the two is wrong. */
const surprising = 0.005
/** Above this share a channel moves with something else: a variance inflated tenfold. */
const mostExplained = 0.9
/** A next euro that leaves three even when read cautiously is a find to be tested, not to be believed. */
const greatFind = 3

const number = (value: number) => (value >= 10 ? value.toFixed(0) : String(Number(value.toPrecision(2))))
const percent = (value: number) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`

/**
 * Can what the fit says be believed? Returns before and after the data in the marketer's money, advertising as a share of
 * all sales, and contradictions between belief and data. A failed check forbids planning with its channels.
 */
export function beliefChecks({ answers, spec }: { answers: MixAnswers; spec: MixSpec }): Check[] {
  return [...togetherCheck(answers, spec), ...answers.channels.flatMap((channel) => channelChecks(channel, spec))]
}

function togetherCheck({ channels }: MixAnswers, spec: MixSpec): Check[] {
  const share = channels.reduce((sum, { share: own }) => sum + own.mean, 0)
  // Who sells by advertising alone may say so.
  const stated = (name: string) => {
    const { prior } = spec.channels.find((one) => one.name === name) as ChannelSpec
    return prior?.roas !== undefined || prior?.share !== undefined
  }
  const believed = channels.reduce((sum, { name, belief }) => sum + (stated(name) ? belief.high : belief.mean), 0)
  const most = Math.max(mostShare, believed)
  return [
    {
      name: 'advertising as a whole can be believed',
      passed: share <= most,
      blocks: true,
      says: `All advertising together would have brought ${percent(share)} of the outcome; up to ${percent(most)} can be believed.`,
      doInstead:
        'Something that moves sales along with advertising is missing: add season, events or controls, or state what you believe of each channel.',
      said: { code: 'all_advertising', values: { share, most } },
    },
  ]
}

function channelChecks(channel: ChannelAnswer, spec: MixSpec): Check[] {
  const { name, roas, marginalRoas, believedRoas, rank, explained } = channel
  const own = spec.channels.find((one) => one.name === name) as ChannelSpec
  const checks: Check[] = []
  // Experiments above models: what was tested needs no belief, and has a check of its own.
  if ((spec.lift ?? []).some((result) => result.channel === name)) return checks
  if (spec.money === true && roas !== null && believedRoas !== null) {
    const most = Math.max(mostReturn, statedMost(own, believedRoas.high))
    // Beliefs told as returns are about money already.
    if (own.prior?.share !== undefined || own.prior?.coefficient !== undefined)
      checks.push({
        name: `the belief about ${name} is about money`,
        passed: believedRoas.high <= most,
        blocks: false,
        forbids: [name],
        says: `Before the data, a unit spent on ${name} was believed to bring ${number(believedRoas.low)} to ${number(believedRoas.high)}; above ${number(most)} nothing can be believed.`,
        doInstead: 'State the belief as a return (roas) that you would tell your bank.',
        said: { code: 'wild_belief', values: { channel: name, low: believedRoas.low, high: believedRoas.high, most } },
      })
    const found = Math.max(roas.mean, marginalRoas?.mean ?? 0)
    checks.push({
      name: `the return of ${name} can be believed`,
      passed: found <= most,
      blocks: false,
      forbids: [name],
      says: `A unit spent on ${name} would bring ${number(found)}; above ${number(most)} no return can be believed that was not tested.`,
      doInstead: `Compare the spend of ${name} with its invoices, look for what happened in the same weeks, and pause it in some regions as a test.`,
      said: { code: 'unbelievable', values: { channel: name, roas: found, most } },
    })
    const left = (spec.margin ?? 0) * (marginalRoas?.low ?? 0)
    if (spec.margin !== undefined && found <= most)
      checks.push({
        name: `${name} leaves no money on the street`,
        passed: left < greatFind,
        blocks: false,
        says: `Even read cautiously, the next unit spent on ${name} leaves ${number(left)} at a margin of ${percent(spec.margin)}: a find that few houses have.`,
        doInstead: 'Raise it in some regions first, as a test.',
        said: { code: 'great_find', values: { channel: name, left, margin: spec.margin } },
      })
  }
  const contradicts = rank < surprising || rank > 1 - surprising
  checks.push({
    name: `data and belief about ${name} can both be true`,
    passed: !contradicts,
    blocks: false,
    forbids: [name],
    says: `The data say ${rank > 0.5 ? 'more' : 'less'} of ${name} than ${percent(1 - surprising)} of what was believed possible: ${percent(channel.share.mean)} of the outcome, where ${percent(channel.belief.low)} to ${percent(channel.belief.high)} were expected.`,
    doInstead: `Either the belief is wrong, or something that moved in the same weeks is taken for ${name}: test it, or state what you believe.`,
    said: {
      code: rank > 0.5 ? 'contradicts_more' : 'contradicts_less',
      values: { channel: name, share: channel.share.mean, low: channel.belief.low, high: channel.belief.high },
    },
  })
  checks.push({
    name: `${name} moves by itself`,
    passed: explained.share <= mostExplained,
    blocks: false,
    says: `${percent(explained.share)} of how ${name} moves is also told by ${explained.by}: the data cannot tell them apart.`,
    doInstead: 'Spend on it in other weeks or regions, or add a lift test.',
    said: {
      code: `moves_with_${explained.part}`,
      values: { channel: name, share: explained.share, other: explained.by },
    },
  })
  const failed = checks.filter(({ passed }) => !passed)
  if (failed.length > 0) return failed
  return [
    {
      name: `what is said of ${name} can be believed`,
      passed: true,
      blocks: false,
      says: `${name} brought ${percent(channel.share.mean)} of the outcome, where ${percent(channel.belief.low)} to ${percent(channel.belief.high)} were believed; ${percent(explained.share)} of how it moves is also told by other things.`,
      doInstead: null,
      said: {
        code: 'believable',
        values: {
          channel: name,
          share: channel.share.mean,
          low: channel.belief.low,
          high: channel.belief.high,
          told: explained.share,
        },
      },
    },
  ]
}

/** What the marketer said before, or what is usual for such channels, may be more than what strangers would believe. */
function statedMost({ prior, usualReturn: usual }: ChannelSpec, believed: number): number {
  return prior?.roas !== undefined ? believed : (usual ?? usualReturn)[1]
}

/**
 * What a plan may do with the channels of a fit. `hold`: what is said of them cannot be believed, they stay where they
 * are. `noMore`: the data cannot tell what they bring, so they get no more than today on belief alone.
 */
export function planLimits(fit: {
  checks: readonly { passed: boolean; forbids?: readonly string[] }[]
  answers: { channels: readonly { name: string; overlap: number; explained?: { share: number } }[] }
  unidentified: readonly { channels: readonly string[] }[]
}): { hold: string[]; noMore: string[] } {
  const hold = [...new Set(fit.checks.flatMap(({ passed, forbids }) => (passed ? [] : (forbids ?? []))))]
  const together = new Set(fit.unidentified.flatMap(({ channels }) => channels))
  const noMore = fit.answers.channels
    .filter(
      ({ name, overlap, explained }) =>
        !hold.includes(name) &&
        (overlap > muchOverlap || together.has(name) || (explained?.share ?? 0) > mostExplained),
    )
    .map(({ name }) => name)
  return { hold, noMore }
}

/** Above this common share of belief and knowledge the data taught nothing. */
export const muchOverlap = 0.85
