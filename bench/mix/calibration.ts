import {
  drawsFrom,
  type MixData,
  type MixModel,
  type MixSpec,
  mixModel,
  ranksUniform,
  startChain,
} from '@einklang/stats'

export type Family = { name: string; spec: Partial<MixSpec>; regions: number }

/** One small model of each kind: the ranks of planted quantities among their draws must be uniform. */
export const calibrationFamilies: Family[] = [
  { name: 'geometric, Hill, normal', spec: {}, regions: 1 },
  {
    name: 'delayed, logistic, normal',
    spec: { adstock: { kind: 'delayed', weeks: 6 }, saturation: 'logistic' },
    regions: 1,
  },
  { name: 'geometric, Hill, Student-t', spec: { likelihood: 'student-t' }, regions: 1 },
  { name: 'geometric, Hill, log link', spec: { link: 'log' }, regions: 1 },
  { name: 'geometric, Hill, three regions', spec: {}, regions: 3 },
]

const kept = 99

/** Draws truths from the prior and data from the truths, fits each, and asks whether the truths' ranks are uniform. */
export function calibrationOf(family: Family, fits: number): { name: string; chance: number }[] {
  const ranks = new Map<string, number[]>()
  for (let fit = 0; fit < fits; fit++) {
    const { model, truth } = planted(family, fit)
    const chain = startChain(model.density, {
      warmup: 300,
      draws: kept * 8,
      seed: 'calibration',
      chain: fit,
      start: model.start,
      target: 0.9,
    })
    while (chain.advance(200));
    const { values, size } = chain.result()
    for (const [index, name] of model.names.entries()) {
      if (name.startsWith('base ')) continue
      let rank = 0
      for (let draw = 0; draw < kept; draw++)
        if ((values[draw * 8 * size + index] as number) < (truth[index] as number)) rank++
      const own = ranks.get(name) ?? []
      own.push(rank)
      ranks.set(name, own)
    }
  }
  return [...ranks].map(([name, own]) => ({ name, chance: ranksUniform(own, kept, fits >= 200 ? 10 : 5) }))
}

/** A truth from the prior and one table made by it. Usual outcome 1, so that no scale is learnt from the data. */
function planted(family: Family, fit: number): { model: MixModel; truth: Float64Array } {
  const draws = drawsFrom('planted', family.name, fit)
  const weeks = 70
  const cells = weeks * family.regions
  const regions = family.regions === 1 ? [''] : Array.from({ length: family.regions }, (_, index) => `r${index}`)
  const names = ['a', 'b']
  const spec: MixSpec = {
    date: 'week',
    outcome: 'sales',
    channels: names.map((name) => ({ name, spend: name, prior: { share: [0.05, 0.4] } })),
    season: 1,
    usualOutcome: regions.map(() => 1),
    base: { noise: 0.1 },
    ...family.spec,
  }
  const data: MixData = {
    weeks: Array.from({ length: weeks }, (_, week) =>
      new Date(Date.UTC(2024, 0, 1) + week * 7 * 86_400_000).toISOString().slice(0, 10),
    ),
    regions,
    outcome: new Float64Array(cells).fill(1),
    spend: names.map(() =>
      Float64Array.from({ length: cells }, () => (draws.uniform() < 0.3 ? 0 : Math.exp(0.7 * draws.normal()))),
    ),
    exposure: names.map(() => null),
    controls: [],
  }
  const blank = mixModel(data, spec)
  const truth = blank.drawPrior(draws)
  const at = blank.unfold(truth)
  const student = spec.likelihood === 'student-t'
  const weights = blank.drawBaseWeights(draws)
  for (let region = 0; region < regions.length; region++) {
    for (let week = 0; week < weeks; week++) {
      const cell = region * weeks + week
      let value = at.media[cell] as number
      for (const [place, column] of blank.columns.entries())
        value += (weights[region * blank.columns.length + place] as number) * (column.values[cell] as number)
      const heavy = student ? Math.sqrt(draws.gamma(at.freedom / 2, at.freedom / 2)) : 1
      value += ((at.noise[region] as number) * draws.normal()) / heavy
      data.outcome[cell] = spec.link === 'log' ? Math.exp(value) : value
    }
  }
  return { model: mixModel(data, spec), truth }
}
