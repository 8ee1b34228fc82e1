import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  baseColumns,
  baseWidths,
  type ChainDraws,
  convergence,
  fitMix,
  type LiftResult,
  type MixData,
  type MixFit,
  type MixSpec,
  mixModel,
  startChain,
} from '@einklang/stats'
import { calibrationFamilies, calibrationOf } from './calibration.ts'
import { nationalYears, plantedContributions, sharedData, truthOf } from './data.ts'

/**
 * Claim: the mix model finds planted returns with honest intervals, draws the same posterior as Stan at ten times its
 * speed, and its ranks are uniform. `einklang bench mix [roas|example|recovery|medium|national|pymc|calibration …] [full]`:
 * without a name everything but `medium` and `pymc` (the same table in PyMC-Marketing, installed on first use); `full` draws 4 × (1,000 + 1,000) and 200 calibration fits per family; `calibration regions` is the
 * family with regions alone.
 */
const words = process.argv.slice(2)
const full = words.includes('full')
const asked = words.filter((word) => word !== 'full')
const wanted = (part: string) =>
  asked.length === 0 ? (part !== 'medium' && part !== 'pymc') || full : asked.includes(part)
const missed: string[] = []
const must = (holds: boolean, sentence: string) => {
  if (!holds) missed.push(sentence)
}
const line = (figure: object) => console.log(JSON.stringify({ bench: 'mix', ...figure }))
const round = (value: number, digits = 3) => Number(value.toPrecision(digits))

type Sampled = { results: ChainDraws[]; cpu: number; seconds: number }

function sampled(data: MixData, spec: MixSpec, run: { chains: number; warmup: number; draws: number }): Sampled {
  const model = mixModel(data, spec)
  const before = process.cpuUsage()
  const began = performance.now()
  const results = Array.from({ length: run.chains }, (_, chain) => {
    const own = startChain(model.density, { ...run, seed: 'bench', chain, start: model.start })
    while (own.advance(100));
    return own.result()
  })
  const used = process.cpuUsage(before)
  return { results, cpu: (used.user + used.system) / 1e6, seconds: (performance.now() - began) / 1000 }
}

/** Contribution of each channel over all weeks, per chain and draw, in multiples of the usual outcome. */
function contributions(data: MixData, spec: MixSpec, results: ChainDraws[]): Float64Array[][] {
  const model = mixModel(data, spec)
  const weeks = data.weeks.length
  return spec.channels.map((_, index) =>
    results.map((chain) =>
      Float64Array.from({ length: chain.draws }, (_, draw) => {
        const at = model.unfold(chain.values.subarray(draw * chain.size, (draw + 1) * chain.size))
        let sum = 0
        for (let week = 0; week < weeks; week++) sum += at.reached[index * weeks + week] as number
        return sum * (at.effect[index] as number)
      }),
    ),
  )
}

/** mix-roas without its confounder, with lift tests of 10 % error, told exactly as the Stan model tells it. */
function confounded() {
  const spec: MixSpec = {
    date: 'date',
    outcome: 'y',
    channels: ['x1', 'x2'].map((name) => ({
      name,
      spend: name,
      prior: {
        retention: { law: 'beta', a: 1, b: 3 },
        rate: { law: 'gamma', shape: 3, rate: 1 },
        coefficient: { law: 'half-normal', scale: 0.5 },
      },
    })),
    adstock: { kind: 'geometric', weeks: 8 },
    saturation: 'logistic',
    season: 2,
  }
  const { data, column } = sharedData('mix-roas', spec)
  const windows = [
    [20, 27],
    [80, 87],
  ] as const
  const lift = [0, 1].flatMap((channel) =>
    windows.map(([from, until]): LiftResult => {
      const [whole, without] = [column('y'), column(channel === 0 ? 'y01' : 'y02')]
      let increment = 0
      for (let week = from; week <= until; week++) increment += (whole[week] as number) - (without[week] as number)
      return {
        channel: `x${channel + 1}`,
        from: data.weeks[from] as string,
        until: data.weeks[until] as string,
        increment,
        error: 0.1 * increment,
      }
    }),
  )
  return { spec: { ...spec, lift }, data, windows }
}

const python = join(import.meta.dirname, '../../.cache/peers/mix/bin/python')

function stan(run: { chains: number; warmup: number; draws: number }) {
  if (!existsSync(python)) return null
  const { spec, data, windows } = confounded()
  const columns = baseColumns(data, spec, baseWidths)
  const usual = data.outcome.reduce((sum, value) => sum + value, 0) / data.weeks.length
  const model = mixModel(data, spec)
  const input = {
    run: { ...run, seed: 1, target: 0.85 },
    weeks: data.weeks.length,
    channels: 2,
    columns: columns.length,
    lags: 8,
    tests: 4,
    outcome: [...data.outcome].map((value) => value / usual),
    spend: model.channels.map(({ input: series }) => [...series]),
    base: data.weeks.map((_, week) => columns.map(({ values }) => values[week])),
    centre: columns.map(({ mean }) => mean),
    width: columns.map(({ deviation }) => deviation),
    noise_width: baseWidths.noise,
    channel: [1, 1, 2, 2],
    first: [...windows, ...windows].map(([from]) => from + 1),
    last: [...windows, ...windows].map(([, until]) => until + 1),
    increment: (spec.lift ?? []).map(({ increment }) => increment / usual),
    error: (spec.lift ?? []).map(({ error }) => error / usual),
  }
  const child = spawnSync(python, [join(import.meta.dirname, 'peer.py')], {
    input: JSON.stringify(input),
    maxBuffer: 2 ** 28,
    encoding: 'utf8',
  })
  const last = child.stdout?.trim().split('\n').at(-1)
  if (child.status !== 0 || !last?.startsWith('{')) {
    return { failed: child.stderr?.trim().split('\n').at(-1)?.slice(0, 300) ?? 'no answer' }
  }
  const answer = JSON.parse(last)
  return 'missing' in answer
    ? null
    : (answer as { draws: { [name: string]: number[][] }; seconds: number; cpu: number; version: string })
}

function roas(): void {
  const { spec, data } = confounded()
  const run = { chains: 4, warmup: 1000, draws: 1000 }
  const own = sampled(data, spec, run)
  const usual = data.outcome.reduce((sum, value) => sum + value, 0) / data.weeks.length
  const totals = contributions(data, spec, own.results)
  const spends = data.spend.map((series) => series.reduce((sum, value) => sum + value, 0))
  const ours = totals.map((chains, index) =>
    convergence(chains.map((chain) => chain.map((value) => (value * usual) / (spends[index] as number)))),
  )
  const all = [...totals, ...scalars(data, spec, own.results)].map(convergence)
  const least = Math.min(...all.map(({ bulk }) => bulk))
  const rate = least / own.cpu
  line({
    case: 'mix-roas, lift tests',
    roas: ours.map(({ mean, deviation }) => [round(mean), round(deviation)]),
    truth: [93.4, 171.4],
    published: { roas: [132, 176], effectivePerSecond: 6.8 },
    rHat: round(Math.max(...all.map(({ rHat }) => rHat)), 5),
    leastBulk: Math.round(least),
    cpuSeconds: round(own.cpu),
    effectivePerCpuSecond: round(rate),
    timesPublished: round(rate / 6.8),
  })
  must(rate >= 68, `mix-roas: ${rate.toFixed(0)} effective draws per CPU second, at least 68 are due`)
  must(Math.max(...all.map(({ rHat }) => rHat)) <= 1.01, 'mix-roas: R-hat above 1.01')
  const peer = stan(full ? run : { chains: 2, warmup: 500, draws: 500 })
  if (peer === null || 'failed' in peer) {
    const because =
      peer === null ? 'pystan is not in .cache/peers/mix (python3 -m venv, pip install pystan)' : peer.failed
    line({ case: 'mix-roas, the same model in Stan', result: 'not run', because })
    return
  }
  const theirs = Object.values(peer.draws).map((chains) => convergence(chains.map((chain) => Float64Array.from(chain))))
  const stanLeast = Math.min(...theirs.map(({ bulk }) => bulk))
  const stanRoas = spends.map((spend, index) =>
    convergence(
      (peer.draws[`total.${index}`] as number[][]).map((chain) =>
        Float64Array.from(chain, (value) => (value * usual) / spend),
      ),
    ),
  )
  const gaps = ours.map(({ mean, error }, index) => {
    const other = stanRoas[index] as (typeof stanRoas)[number]
    return Math.abs(mean - other.mean) / Math.hypot(error, other.error)
  })
  const peerRate = stanLeast / Math.max(peer.cpu, 1e-9)
  line({
    case: 'mix-roas, the same model in Stan',
    version: peer.version,
    roas: stanRoas.map(({ mean, deviation }) => [round(mean), round(deviation)]),
    gapInMonteCarloErrors: gaps.map((gap) => round(gap)),
    leastBulk: Math.round(stanLeast),
    cpuSeconds: round(peer.cpu),
    effectivePerCpuSecond: round(peerRate),
    timesFaster: round(rate / peerRate),
  })
  must(
    Math.max(...gaps) < 4,
    `mix-roas: posterior means differ from Stan's by ${Math.max(...gaps).toFixed(1)} Monte-Carlo errors`,
  )
  must(rate / peerRate >= 10, `mix-roas: ${(rate / peerRate).toFixed(1)} times Stan's speed, at least 10 are due`)
}

/** The quantities that Stan reports too, per chain. */
function scalars(data: MixData, spec: MixSpec, results: ChainDraws[]): Float64Array[][] {
  const model = mixModel(data, spec)
  return model.names.map((_, index) =>
    results.map((chain) =>
      Float64Array.from({ length: chain.draws }, (_, draw) =>
        (model.coordinates[index] as (typeof model.coordinates)[number]).value(
          chain.values[draw * chain.size + index] as number,
        ),
      ),
    ),
  )
}

async function fitted(data: MixData, spec: MixSpec, run: { chains: number; warmup: number; draws: number }) {
  const before = process.cpuUsage()
  const fit = await fitMix(data, spec, { ...run, seed: 'bench', outOfSample: false })
  const used = process.cpuUsage(before)
  if ('refused' in fit) throw new Error(fit.refused[0]?.because)
  return { fit, cpu: (used.user + used.system) / 1e6 }
}

function quality(fit: MixFit, cpu: number) {
  const least = Math.min(...fit.parameters.map(({ bulk, tail }) => Math.min(bulk, tail)))
  return {
    rHat: round(Math.max(...fit.parameters.map(({ rHat }) => rHat)), 5),
    leastEffective: Math.round(least),
    divergences: fit.run.divergences,
    gradients: fit.run.evaluations,
    cpuSeconds: round(cpu),
    effectivePerCpuSecond: round(least / cpu),
    r2: round(fit.answers.fit.r2),
    mape: round(fit.answers.fit.mape),
  }
}

async function example(): Promise<void> {
  const spec: MixSpec = {
    date: 'date_week',
    outcome: 'y',
    channels: [
      { name: 'x1', spend: 'x1' },
      { name: 'x2', spend: 'x2' },
    ],
    controls: ['event_1', 'event_2'],
    adstock: { kind: 'geometric', weeks: 8 },
    saturation: 'logistic',
    season: 2,
    scale: 'largest',
  }
  const { data } = sharedData('mix-example', spec)
  const { fit, cpu } = await fitted(data, spec, { chains: 4, warmup: 1000, draws: 1000 })
  const truth = {
    'x1.retention': 0.4,
    'x2.retention': 0.2,
    'x1.halfSaturation': Math.log(3) / 4,
    'x2.halfSaturation': Math.log(3) / 3,
  }
  const found = Object.entries(truth).map(([name, planted]) => {
    const parameter = fit.parameters.find((one) => one.name === name)
    return {
      name,
      planted: round(planted),
      low: round(parameter?.low ?? Number.NaN),
      high: round(parameter?.high ?? Number.NaN),
      inside: (parameter?.low as number) <= planted && planted <= (parameter?.high as number),
    }
  })
  line({ case: 'mix-example', found, ...quality(fit, cpu) })
  must(found.filter(({ inside }) => inside).length >= 3, 'mix-example: fewer than 3 of 4 planted parameters inside')
}

async function recovery(folder: string, spec: MixSpec, run: { chains: number; warmup: number; draws: number }) {
  const { data } = sharedData(folder, spec)
  const { fit, cpu } = await fitted(data, spec, run)
  const planted = plantedContributions(folder, spec)
  const truth = truthOf(folder)
  const channels = fit.answers.channels.map((channel, index) => {
    const own = planted[index] as Float64Array
    const weeks = data.weeks.length
    const total = own.reduce((sum, value) => sum + value, 0)
    const actual = total / channel.spend
    const weekly = data.weeks.map((_, week) =>
      data.regions.reduce((sum, __, region) => sum + (own[region * weeks + week] as number), 0),
    )
    const squares = weekly.reduce((sum, value, week) => sum + (value - (channel.weekly.mean[week] as number)) ** 2, 0)
    const name = channel.name.replace(/^x\d+_/, '')
    const regional = channel.regions.map(({ name: region, roas: found }) => {
      const value = truth.roas[region]?.[name] as number
      return {
        inside: (found?.low ?? 0) <= value && value <= (found?.high ?? 0),
        error: Math.abs((found?.mean ?? 0) / value - 1),
      }
    })
    return {
      channel: name,
      truth: round(actual),
      roas: round(channel.roas?.mean ?? 0),
      low: round(channel.roas?.low ?? 0),
      high: round(channel.roas?.high ?? 0),
      inside: (channel.roas?.low ?? 0) <= actual && actual <= (channel.roas?.high ?? 0),
      srmse: round(Math.sqrt(squares / weeks) / (total / weeks)),
      bias: round(((channel.contribution.mean - total) / total) * 100),
      overlap: round(channel.overlap, 2),
      regionsInside: regional.length === 0 ? undefined : regional.filter(({ inside }) => inside).length,
    }
  })
  const inside = channels.filter(({ inside: one }) => one).length
  line({
    case: folder,
    run,
    channels,
    inside: `${inside} of ${channels.length}`,
    meanSrmse: round(channels.reduce((sum, { srmse }) => sum + srmse, 0) / channels.length),
    meanAbsoluteError: round(
      channels.reduce((sum, { roas: found, truth: actual }) => sum + Math.abs(found / actual - 1), 0) / channels.length,
    ),
    ...quality(fit, cpu),
  })
  must(
    inside >= 0.8 * channels.length,
    `${folder}: ${inside} of ${channels.length} intervals hold the truth, 80 % are due`,
  )
}

const columns = (names: string[]) => names.map((name) => ({ name, spend: name }))
const small: MixSpec = {
  date: 'date',
  outcome: 'y',
  channels: columns(['x1_Search-Ads', 'x2_Social-Media', 'x3_Local-Ads', 'x4_Email']),
  controls: ['c1', 'c2'],
  adstock: { kind: 'geometric', weeks: 8 },
  season: 2,
}
const medium: MixSpec = {
  ...small,
  geo: 'geo',
  channels: columns([
    'x1_Search-Ads',
    'x2_Search-Ads-Brand',
    'x3_Video',
    'x4_Video-2',
    'x5_Social-Media',
    'x6_Social-Media-2',
    'x7_Display-Ads',
    'x8_Influencer',
  ]),
  controls: ['c1', 'c2', 'c3', 'c4'],
}

async function national(): Promise<void> {
  const { data, spec } = nationalYears()
  const run = { chains: 4, warmup: 1000, draws: 1000 }
  const began = performance.now()
  const { fit, cpu } = await fitted(data, spec, run)
  const seconds = (performance.now() - began) / 1000
  // Chains are independent, so two cores take half of what one core takes.
  line({
    case: '3 years × 10 channels, national',
    run,
    oneCoreSeconds: round(seconds),
    twoCoreSeconds: round(cpu / 2),
    ...quality(fit, cpu),
  })
  must(cpu / 2 <= 20, `national: ${(cpu / 2).toFixed(1)} s on two cores, at most 20`)
}

const pymc = join(import.meta.dirname, '../../.cache/peers/pymc-marketing')

/**
 * The same table, chains and draws in both, so that both end within minutes: two years of four channels (`full`: the
 * national case). The peer runs its own model of it, geometric carry-over, Hill, three season pairs, with its own beliefs.
 */
async function besidePymc(): Promise<void> {
  const { data, spec } = full ? nationalYears() : nationalYears(4, 104)
  const run = full ? { chains: 4, warmup: 1000, draws: 1000 } : { chains: 2, warmup: 500, draws: 500 }
  const what = `${data.weeks.length} weeks × ${data.spend.length} channels`
  const { fit, cpu } = await fitted(data, spec, run)
  const own = quality(fit, cpu)
  line({ case: `${what}, beside PyMC-Marketing`, run, ...own })
  const binary = join(pymc, 'bin/python')
  if (!existsSync(binary)) {
    spawnSync('python3', ['-m', 'venv', pymc])
    spawnSync(join(pymc, 'bin/pip'), ['install', '--quiet', 'pymc-marketing', 'nutpie'], { timeout: 900_000 })
  }
  const spend = Object.fromEntries(data.spend.map((series, index) => [`channel ${index + 1}`, [...series]]))
  const child = spawnSync(binary, ['-W', 'ignore', join(import.meta.dirname, 'national.py')], {
    input: JSON.stringify({ run, weeks: data.weeks, outcome: [...data.outcome], spend }),
    maxBuffer: 2 ** 28,
    encoding: 'utf8',
    timeout: full ? 3_600_000 : 1_200_000,
  })
  const last = child.stdout?.trim().split('\n').at(-1)
  if (child.status !== 0 || !last?.startsWith('{')) {
    const because = child.error?.message ?? child.stderr?.trim().split('\n').at(-1)?.slice(0, 300) ?? 'no answer'
    line({ case: `${what}, PyMC-Marketing`, result: 'not run', because })
    return
  }
  const answer = JSON.parse(last)
  const rate = answer.leastEffective / answer.cpu
  const times = own.effectivePerCpuSecond / rate
  line({
    case: `${what}, PyMC-Marketing`,
    run,
    version: answer.version,
    sampler: answer.sampler,
    rHat: round(answer.rHat, 5),
    leastEffective: Math.round(answer.leastEffective),
    divergences: answer.divergences,
    seconds: round(answer.seconds),
    cpuSeconds: round(answer.cpu),
    effectivePerCpuSecond: round(rate),
    timesFaster: round(times),
  })
  must(times >= 10, `${what}: ${times.toFixed(1)} times PyMC-Marketing's speed, at least 10 are due`)
}

function calibration(): void {
  const fits = full ? 200 : 40
  const named = calibrationFamilies.filter(({ name }) => asked.some((word) => name.includes(word)))
  for (const family of named.length > 0 ? named : calibrationFamilies) {
    const before = process.cpuUsage()
    const ranks = calibrationOf(family, fits)
    const used = process.cpuUsage(before)
    const least = Math.min(...ranks.map(({ chance }) => chance))
    line({
      case: `calibration, ${family.name}`,
      fits,
      quantities: Object.fromEntries(ranks.map(({ name, chance }) => [name, round(chance, 2)])),
      leastChance: round(least, 2),
      cpuSeconds: round((used.user + used.system) / 1e6),
    })
    // Several quantities are looked at: one in a thousand among all of them.
    must(least * ranks.length > 0.005, `calibration, ${family.name}: ranks are not uniform (${least.toExponential(1)})`)
  }
}

if (wanted('roas')) roas()
if (wanted('example')) await example()
if (wanted('recovery')) await recovery('mix-recovery-small', small, { chains: 4, warmup: 1000, draws: 1000 })
if (wanted('national')) await national()
if (wanted('pymc')) await besidePymc()
if (wanted('calibration')) calibration()
if (wanted('medium'))
  await recovery(
    'mix-recovery-medium',
    medium,
    full ? { chains: 4, warmup: 1000, draws: 1000 } : { chains: 2, warmup: 400, draws: 300 },
  )
for (const sentence of missed) console.error(sentence)
process.exitCode = missed.length > 0 ? 1 : 0
