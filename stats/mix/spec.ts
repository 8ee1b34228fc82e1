/** Between these two with 90 % probability. For an effect, a lower end of 0 means: perhaps nothing. */
export type Range = readonly [low: number, high: number]

/** A belief told as a law, for those who want to repeat a model from elsewhere exactly. */
export type Law =
  | { law: 'beta'; a: number; b: number }
  | { law: 'gamma'; shape: number; rate: number }
  | { law: 'half-normal'; scale: number }
  | { law: 'log-normal'; median: number; spread: number }
  | { law: 'normal'; mean: number; deviation: number }
  | { law: 'fixed'; value: number }

export type Belief = Range | Law

export type AdstockKind = 'geometric' | 'delayed' | 'none'
export type SaturationKind = 'hill' | 'logistic' | 'none'

/** What is believed of a channel before the data speak; everything has a default. */
export type ChannelPrior = {
  /** Carry-over: weeks after which half of the effect is over. */
  halfLife?: Belief
  /** The same as the share that stays from week to week; instead of `halfLife`. */
  retention?: Belief
  /** Delayed carry-over: weeks until the effect is largest. */
  peak?: Belief
  /** Spend at which half of the possible effect is reached, relative to the usual week (a week with spend). */
  halfSaturation?: Belief
  /** Logistic saturation by its rate, instead of `halfSaturation`. */
  rate?: Belief
  /** Hill: above 1 the curve is S-shaped. */
  slope?: Belief
  /** Share of the outcome that the channel brings. */
  share?: Belief
  /** Outcome per unit of spend; instead of `share`. */
  roas?: Belief
  /** The possible effect in multiples of the usual outcome; instead of `share`, for models from elsewhere. */
  coefficient?: Belief
  /** Share of what the channel brings that is bought online; where the table tells what is sold online. */
  online?: Range
}

export type ChannelSpec = {
  name: string
  /** Column with the money. */
  spend: string
  /** Column with what acts (impressions, rating points), when it is not the money itself. */
  exposure?: string
  adstock?: AdstockKind
  saturation?: SaturationKind
  prior?: ChannelPrior
  /** What channels of this kind usually return, where the outcome is money; gives way to `prior`, and to `usualShare` where all together would pass it. */
  usualReturn?: Range
  /** Odds that what channels of this kind bring is bought online, in multiples of those of all sales; gives way to `prior`. */
  usualOnline?: Range
}

/** A result of an experiment: this channel brought so much, give or take a standard error. */
export type LiftResult = { channel: string; increment: number; error: number } & (
  | {
      /** First and last day of the window; the increment is that of the window. */
      from: string
      until: string
      /** Regions of the test; all when not given. */
      regions?: readonly string[]
      /** `on` (default): compared with no spend. `off`: the channel paused there; compared with its usual spend. */
      test?: 'on' | 'off'
    }
  | {
      /** Weekly spend held at `spend`, compared with `extra` more: the difference of a week. */
      spend: number
      extra: number
    }
)

export type MixSpec = {
  date: string
  outcome: string
  /** Column with the part of the outcome that is sold online; the rest is sold in stores. */
  online?: string
  /** The outcome is money in the unit of the spend: then beliefs and their checks are about returns. */
  money?: boolean
  /** What is left of a unit of the outcome before advertising, where the outcome is money. */
  margin?: number
  /** Column of the region, when there are several. */
  geo?: string
  channels: readonly ChannelSpec[]
  /** Columns that explain sales beside advertising: price, weather, distribution, events. */
  controls?: readonly string[]
  /** Yearly season by pairs of sine and cosine; with `interaction` its size may grow or shrink over time. */
  season?: number | { pairs: number; interaction?: boolean }
  trend?: 'none' | 'linear' | { everyWeeks: number }
  /** Days with a name; each name gets one effect on the weeks that contain its days. */
  holidays?: 'DE' | readonly { name: string; days: readonly string[] }[]
  adstock?: AdstockKind | { kind: AdstockKind; weeks: number }
  saturation?: SaturationKind
  likelihood?: 'normal' | 'student-t'
  /** `log`: sales multiply instead of adding up. */
  link?: 'identity' | 'log'
  lift?: readonly LiftResult[]
  /** What one unit of exposure is scaled by: its usual week (default) or its largest. */
  scale?: 'usual' | 'largest'
  /** Usual outcome of each region, when it is known beforehand; default its mean. */
  usualOutcome?: readonly number[]
  /** Standard deviations of the base's priors, in multiples of the usual outcome. */
  base?: Partial<BaseWidths>
}

export type BaseWidths = {
  level: number
  trend: number
  season: number
  holiday: number
  control: number
  /** Scale of the half-normal prior of the noise. */
  noise: number
  /** How far regions may differ in their response (log scale). */
  regions: number
  /** How far a region's base may stray from the common one, as a share of the widths above: 0 all alike, 1 each for itself. */
  apart: number
}

export const baseWidths: BaseWidths = {
  level: 0.5,
  trend: 0.4,
  season: 0.2,
  holiday: 0.25,
  control: 0.25,
  noise: 0.3,
  regions: 0.3,
  apart: 0.3,
}

/** The table of a mix model: cell (region, week) at `region * weeks + week`. */
export type MixData = {
  /** First day of each week, seven days apart. */
  weeks: readonly string[]
  /** One empty name when there are no regions. */
  regions: readonly string[]
  outcome: Float64Array
  /** The part of the outcome that is sold online. */
  online?: Float64Array
  spend: readonly Float64Array[]
  exposure: readonly (Float64Array | null)[]
  controls: readonly { name: string; values: Float64Array }[]
}

export const usualBeliefs = {
  halfLife: [0.25, 4] as Range,
  peak: [0.25, 3] as Range,
  halfSaturation: [0.4, 5] as Range,
  slope: [0.7, 2] as Range,
}

/** Odds that what a channel brings is bought online when nobody says otherwise, in multiples of those of all sales. */
export const usualOnline: Range = [0.2, 20]

/** What a unit of spend is believed to bring when nobody says otherwise: from a fifth of itself to eight times itself. */
export const usualReturn: Range = [0.2, 8]

/** All advertising together is not expected to bring more than this share of the outcome, whatever single channels may do. */
export const usualShare = 0.25

export function adstockOf(spec: MixSpec, channel: ChannelSpec): { kind: AdstockKind; weeks: number } {
  const whole = typeof spec.adstock === 'object' ? spec.adstock : { kind: spec.adstock ?? 'geometric', weeks: 13 }
  return { kind: channel.adstock ?? whole.kind, weeks: whole.weeks }
}

export function saturationOf(spec: MixSpec, channel: ChannelSpec): SaturationKind {
  return channel.saturation ?? spec.saturation ?? 'hill'
}

export function seasonOf(spec: MixSpec): { pairs: number; interaction: boolean } {
  const season = spec.season ?? 3
  return typeof season === 'number'
    ? { pairs: season, interaction: false }
    : { pairs: season.pairs, interaction: season.interaction ?? false }
}
