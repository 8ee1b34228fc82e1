import { describe, expect, test } from 'vitest'
import { drawsFrom } from '../numbers/chance.ts'
import { priorPredictive } from './answers.ts'
import { planLimits } from './belief.ts'
import { fitMix, type MixFit } from './fit.ts'
import { mixModel } from './model.ts'
import type { MixData, MixSpec } from './spec.ts'

const weeks = 104
const draws = drawsFrom('can it be believed')
const spent = (usual: number) =>
  Float64Array.from({ length: weeks }, () => (draws.uniform() < 0.3 ? 0 : usual * Math.exp(0.5 * draws.normal())))
/** Search brings 3 for each 1; posters follow the season and bring nothing. */
const search = spent(100)
const radio = spent(100)
const wave = (week: number) => Math.sin((2 * Math.PI * week) / 52.18)
const posters = Float64Array.from({ length: weeks }, (_, week) => 60 + 50 * wave(week))
const outcome = Float64Array.from(
  { length: weeks },
  (_, week) =>
    3000 + 300 * wave(week) + 3 * (search[week] as number) + 3 * (radio[week] as number) + 60 * draws.normal(),
)
const data: MixData = {
  weeks: Array.from({ length: weeks }, (_, week) =>
    new Date(Date.UTC(2023, 0, 2) + week * 7 * 86_400_000).toISOString().slice(0, 10),
  ),
  regions: [''],
  outcome,
  // Of what radio cost only a fiftieth was booked.
  spend: [search, radio.map((value) => value / 50), posters],
  exposure: [null, null, null],
  controls: [],
}
const named = (...names: string[]) => names.map((name) => ({ name, spend: name }))
const spec: MixSpec = {
  date: 'week',
  outcome: 'revenue',
  money: true,
  margin: 0.4,
  season: 1,
  adstock: 'none',
  saturation: 'none',
  channels: named('search', 'radio', 'posters'),
}
const run = { chains: 2, draws: 150, warmup: 150, outOfSample: false, seed: 'belief' }

async function fitted(given: MixSpec, table = data, more = {}): Promise<MixFit> {
  const fit = await fitMix(table, given, { ...run, ...more })
  if ('refused' in fit) throw new Error(fit.refused[0]?.because)
  return fit
}
const failed = (fit: MixFit) => fit.checks.filter(({ passed }) => !passed).map(({ said }) => said.code)

test('what is believed of a return does not hang on which channels are looked at, and never passes a quarter of sales', () => {
  const believed = (table: MixData, channels: MixSpec['channels']) =>
    priorPredictive(mixModel(table, { ...spec, channels }), 1).shares.map(({ roas }) => roas)
  const only = { ...data, spend: [data.spend[1] as Float64Array], exposure: [null] }
  const [alone] = believed(only, named('radio'))
  const [, among] = believed(data, spec.channels)
  for (const { high } of [alone, among] as { high: number }[]) {
    expect(high).toBeGreaterThan(6.5)
    expect(high).toBeLessThan(9.5)
  }
  const lavish = { ...data, spend: data.spend.map((series) => series.map((value) => 100 * value)) }
  const { advertising } = priorPredictive(mixModel(lavish, spec), 1)
  expect(advertising.mean).toBeLessThan(0.6)
})

describe('a return that nobody can believe', () => {
  test('is said, and plans leave the channel where it is; one that moves with the season gets no more', async () => {
    const fit = await fitted(spec, data, { chains: 4, draws: 250, warmup: 250 })
    expect(fit.answers.channels[1]?.roas?.mean).toBeGreaterThan(20)
    expect(failed(fit)).toContain('unbelievable')
    expect(failed(fit)).toContain('contradicts_more')
    expect(failed(fit)).toContain('moves_with_season')
    expect(fit.headline).toContain('A unit spent on radio would bring')
    expect(fit.blocked).toBe(false)
    expect(planLimits(fit)).toEqual({ hold: ['radio'], noMore: ['posters'] })
  })

  test('is believed when it was tested', async () => {
    const lift = [{ channel: 'radio', from: '2023-05-01', until: '2023-05-28', increment: 0, error: 100 }]
    const increment = 3 * radio.subarray(17, 21).reduce((sum, value) => sum + value, 0)
    const fit = await fitted({ ...spec, lift: lift.map((one) => ({ ...one, increment })) })
    expect(planLimits(fit)).toEqual({ hold: [], noMore: ['posters'] })
  })

  test('a belief that is not about money is said before it becomes a figure', async () => {
    const wild = { ...spec, channels: [{ name: 'radio', spend: 'radio', prior: { share: [0.05, 0.5] as const } }] }
    const fit = await fitted(wild, { ...data, spend: [data.spend[1] as Float64Array], exposure: [null] })
    expect(failed(fit)).toContain('wild_belief')
    expect(planLimits(fit).hold).toEqual(['radio'])
  })
})

test('advertising that would have made most of the sales blocks the whole report', async () => {
  const noise = drawsFrom('without a base')
  const made = search.map((value) => 30 + 3 * value + 5 * noise.normal())
  const table = { ...data, outcome: made, spend: [search], exposure: [null] }
  const checked = async (channels: MixSpec['channels']) =>
    (await fitted({ ...spec, season: 0, channels }, table)).checks.find(({ said }) => said.code === 'all_advertising')
  expect(await checked(named('search'))).toMatchObject({ passed: false, blocks: true })
  // Who knows that they sell by advertising alone may say so.
  const said = [{ name: 'search', spend: 'search', prior: { roas: [2, 4] as const } }]
  expect(await checked(said)).toMatchObject({ passed: true })
})
