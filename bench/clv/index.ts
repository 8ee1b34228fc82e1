import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  type CustomerSummary,
  choosePurchases,
  fitPurchases,
  historiesOf,
  type Purchase,
  type PurchaseModelName,
  purchaseModels,
  summariesOf,
} from '@einklang/stats'
import { peer } from '../peers/python.ts'

/**
 * Claim: customer value models at the published likelihoods, five times faster than the fastest peer, and none that
 * fails on ordinary data. Anchors: lifetimes 0.11.3 and CLVTools 0.12.1, READMEs of the data sets.
 */
const shared = process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data')
if (!existsSync(join(shared, 'clv-cdnow'))) {
  console.error(`The customer data sets are not at ${shared}; set EINKLANG_SHARED_DATA.`)
  process.exit(1)
}
const dayOf = (text: string) => Date.parse(text.slice(0, 10)) / 86_400_000

function rowsOf(path: string): string[][] {
  const text = gunzipSync(readFileSync(join(shared, path))).toString()
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
}

function seconds(work: () => void): number {
  const runs = [1, 2, 3].map(() => {
    const before = process.cpuUsage()
    work()
    const used = process.cpuUsage(before)
    return (used.user + used.system) / 1e6
  })
  return runs.sort((left, right) => left - right)[1] as number
}

function errorsOf(model: PurchaseModelName, values: number[], customers: CustomerSummary[], horizon: number) {
  let [absolute, squared] = [0, 0]
  for (const customer of customers) {
    const miss = purchaseModels[model].expected(values, customer, horizon) - customer.later
    absolute += Math.abs(miss)
    squared += miss * miss
  }
  return { mae: absolute / customers.length, rmse: Math.sqrt(squared / customers.length) }
}

const missed: string[] = []
const must = (holds: boolean, sentence: string) => {
  if (!holds) missed.push(sentence)
}

const cdnow: Purchase[] = rowsOf('clv-cdnow/transactions.csv.gz').map((row) => ({
  customer: row[0] as string,
  day: dayOf(row[2] as string),
  amount: Number(row[4]),
}))
const customers = summariesOf(cdnow, dayOf('1997-09-30'))
const tenfold = Array.from({ length: 10 }, () => customers).flat()
// lifetimes beside ours on the same cores; the published figures stand in where it cannot be installed.
const peerFile = join(import.meta.dirname, '../../.cache/peers/cdnow.csv')
mkdirSync(join(peerFile, '..'), { recursive: true })
writeFileSync(
  peerFile,
  `customer_id,date\n${rowsOf('clv-cdnow/transactions.csv.gz')
    .map((row) => `${row[0]},${row[2]}`)
    .join('\n')}\n`,
)
const beside = await peer(
  'lifetimes, CDNOW 23,570',
  join(import.meta.dirname, 'peer.py'),
  [peerFile],
  ['numpy', 'pandas', 'lifetimes'],
)
rmSync(peerFile, { force: true })
console.log('set\tmodel\tlog-likelihood\tCPU s\tpeer CPU s\ttimes faster')
for (const [set, people, model, likelihood, published] of [
  ['CDNOW 23,570', customers, 'bg-nbd', -95368.443933, 0.44],
  ['CDNOW 23,570', customers, 'pareto-nbd', -95415.11863, 2.135],
  ['CDNOW 235,700', tenfold, 'bg-nbd', -953684.43933, 3.74],
] as const) {
  const theirs = (people === customers ? beside[model] : undefined) ?? published
  // From the customers' figures to parameters with errors, as the peers' times are.
  let found = 0
  const ours = seconds(() => {
    found = fitPurchases(model, historiesOf(people)).logLikelihood
  })
  console.log([set, model, found.toFixed(6), ours.toFixed(3), theirs.toFixed(2), (theirs / ours).toFixed(1)].join('\t'))
  must(
    Math.abs(found - likelihood) < 1e-4 * (people.length / 23_570),
    `${model} on ${set}: log-likelihood ${found}, published ${likelihood}`,
  )
  console.log(
    JSON.stringify({ figure: `${model}, ${set}`, cpuSeconds: ours, peerCpuSeconds: theirs, logLikelihood: found }),
  )
  must(theirs / ours >= 5, `${model} on ${set}: ${(theirs / ours).toFixed(1)} times faster, at least 5 are due`)
}

const lines = rowsOf('retail-online-uci/lines.csv.gz').filter(
  (row) => row[1] !== '' && Number(row[3]) > 0 && Number(row[4]) > 0,
)
const first = new Map<string, number>()
for (const row of lines) {
  const day = dayOf(row[0] as string)
  first.set(row[1] as string, Math.min(first.get(row[1] as string) ?? day, day))
}
const online = summariesOf(
  lines
    .filter((row) => (first.get(row[1] as string) as number) <= dayOf('2011-02-28'))
    .map((row) => ({
      customer: row[1] as string,
      day: dayOf(row[0] as string),
      amount: Number(row[3]) * Number(row[4]),
    })),
  dayOf('2011-06-30'),
)
console.log('\nretail-online-uci\tmodel\tMAE\tRMSE\tsays')
const chosen = choosePurchases('auto', historiesOf(online))
for (const fit of chosen.tried) {
  const values = fit.parameters.map(({ value }) => value)
  const { mae, rmse } = errorsOf(fit.model, values, online, 162 / 7)
  console.log(['', fit.model, mae.toFixed(4), rmse.toFixed(4), fit.edge ?? ''].join('\t'))
  if (fit.model !== chosen.fit.model) continue
  must(mae <= 1.46 && rmse <= 2.46, `auto: MAE ${mae.toFixed(4)} (1.46), RMSE ${rmse.toFixed(4)} (2.46)`)
}
for (const sentence of missed) console.error(sentence)
process.exitCode = missed.length > 0 ? 1 : 0
