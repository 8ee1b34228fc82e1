import { hour, minute, type Noise, noiseAt, noiseOf, type Usual } from './usual.ts'

/**
 * Has a stream lost half of its items? A sequential test (cumulative sum of log likelihood ratios, Page 1954): of all moments
 * at which it could have begun, the one that explains the counts best. Items come in visits, so the variance is a multiple
 * of the mean (quasi-Poisson). The multiple is learnt from the source's own weeks per length of the span, because what hours
 * of a day have in common does not average out within it.
 */
export type DropNoise = { one: Noise; three: Noise; six: Noise; twelve: Noise; day: Noise }

/** Counts of five minutes that end now, the latest first, for three hours. */
export const binMinutes = 5
export const bins = 36
/** Full hours of the past that are looked at. */
export const hoursBack = 24

export type DropQuestion = {
  /** A full minute, ms. */
  at: number
  bins: readonly number[]
  /** Items of the hour that begins there, the running one included. */
  items: (hourStart: number) => number
  usual: (hourStart: number) => Usual
  noise: DropNoise
}

/** `nats` = for the loss; `against` = what the latest part of it that contradicts it most has to say (negative). */
export type Drop = { windowMinutes: number; observed: number; usual: number; nats: number; against: number }

/** Spans that are tried, in bins; beyond them full hours and the running one. */
const spans = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 24, 30, 36]
const longer = [
  { back: 5, noise: 'six', levelled: true },
  { back: 11, noise: 'twelve', levelled: false },
  { back: 23, noise: 'day', levelled: false },
] as const
const logHalf = Math.log(0.5)
const fewest = 20
/** Chance may bring it once in a quarter of minutes (Lorden 1971): a third of what all monitors together may. */
const dropLimit = Math.log(90 * 24 * 60)

/** The span that speaks most clearly for a loss of half; null = too little is expected to tell. */
export function dropOf(question: DropQuestion): Drop | null {
  const { at, usual, noise } = question
  const level = levelBefore(question, Math.floor((at - bins * binMinutes * minute) / hour) * hour)
  let best: Drop | null = null
  let against = 0
  const consider = (windowMinutes: number, observed: number, expected: number, spread: Noise) => {
    if (expected < fewest) return
    const variance = noiseAt(spread, (expected * 60) / windowMinutes)
    const nats = (observed * logHalf + expected / 2) / variance
    if (best === null || nats > best.nats) best = { windowMinutes, observed, usual: expected, nats, against }
    against = Math.min(against, nats)
  }
  let observed = 0
  let expected = 0
  for (let bin = 0, span = 0; bin < bins; bin++) {
    observed += question.bins[bin] ?? 0
    expected += level * binMinutes * rateAt(at - (bin + 0.5) * binMinutes * minute, usual)
    if (bin + 1 !== spans[span]) continue
    span++
    const length = (bin + 1) * binMinutes
    consider(length, observed, expected, length <= 60 ? noise.one : noise.three)
  }
  const running = Math.floor(at / hour) * hour
  for (const { back, noise: name, levelled } of longer) {
    const from = running - back * hour
    let [seen, awaited] = [0, 0]
    for (let start = from; start < running; start += hour) {
      seen += question.items(start)
      awaited += usual(start).items
    }
    // Of the running hour nobody knows when in it a store opens.
    seen += question.items(running)
    awaited += ((at - running) / hour) * quietest(running, usual)
    consider((at - from) / minute, seen, awaited * (levelled ? levelBefore(question, from) : 1), noise[name])
  }
  return best
}

/** The loss is over when what came last speaks so clearly against it. */
const contradicted = -3

/** Half is meant, and a quarter less is somebody's slow day. */
export function isDropped(drop: Drop | null): drop is Drop {
  return drop !== null && drop.nats > dropLimit && drop.against > contradicted && drop.observed <= 0.7 * drop.usual
}

const levelHours = 6
/** Neighbouring hours that differ by more have a step between them, and nobody knows when in the hour it comes. */
const gentle = 1.5

/** Items a minute: between the middles of hours in a straight line; where there may be a step, the quietest neighbour. */
function rateAt(at: number, usual: (hourStart: number) => Usual): number {
  const start = Math.floor(at / hour) * hour
  const here = usual(start)
  const other = usual(at - start < hour / 2 ? start - hour : start + hour)
  const quiet = quietest(start, usual)
  if (Math.max(usual(start - hour).items, here.items, usual(start + hour).items) > gentle * quiet) return quiet / 60
  const away = Math.abs(at - start - hour / 2) / hour
  return (here.items * (1 - away) + other.items * away) / 60
}

function quietest(start: number, usual: (hourStart: number) => Usual): number {
  return Math.min(usual(start - hour).items, usual(start).items, usual(start + hour).items)
}

/**
 * Whether it is a good day or a bad one: the hours before the spans against what is usual, drawn towards usual as if days
 * differed by a fifth (gamma and Poisson).
 */
function levelBefore({ items, usual, noise }: Pick<DropQuestion, 'items' | 'usual' | 'noise'>, until: number): number {
  let [seen, awaited] = [0, 0]
  for (let start = until - levelHours * hour; start < until; start += hour) {
    seen += items(start)
    awaited += usual(start).items
  }
  return levelOf(seen, awaited, noiseAt(noise.one, awaited / levelHours))
}

function levelOf(seen: number, awaited: number, variance: number): number {
  const drawn = 25 * variance
  return Math.min(2, Math.max(0.5, (seen + drawn) / (awaited + drawn)))
}

/** From the source's own hours, in order, each with what was usual by the weeks before it. */
export function dropNoiseOf(hours: readonly { at: number; items: number; usual: number }[]): DropNoise {
  const byHour = new Map(hours.map((one) => [one.at, one]))
  const sum = (from: number, count: number) => {
    const found = { items: 0, usual: 0, whole: true }
    for (let index = 0; index < count; index++) {
      const one = byHour.get(from + index * hour)
      if (one === undefined) found.whole = false
      found.items += one?.items ?? 0
      found.usual += one?.usual ?? 0
    }
    return found
  }
  // How far hours vary by themselves says how much a level that was seen may be believed.
  const plain = noiseOf(hours)
  const learn = (length: number, levelled: boolean) =>
    noiseOf(
      hours.flatMap(({ at }) => {
        const from = at - (length - 1) * hour
        const span = sum(from, length)
        // Hours are levelled as they are watched: by what came before the longest of the short spans.
        const before = sum((length < 3 ? at - 2 * hour : from) - levelHours * hour, levelHours)
        if (!span.whole || (levelled && !before.whole)) return []
        const level = levelled ? levelOf(before.items, before.usual, noiseAt(plain, before.usual / levelHours)) : 1
        return [{ items: span.items, usual: span.usual * level }]
      }),
      length,
    )
  return {
    one: learn(1, true),
    three: learn(3, true),
    six: learn(6, true),
    twelve: learn(12, false),
    day: learn(24, false),
  }
}
