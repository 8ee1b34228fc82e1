/**
 * `einklang bench quality [RECORDS]`: all content checks together per record (bar: below 0.1 ms over a shop's mix), planted
 * defects found and wrongly alarmed, slips in mail domains, and whether every original can be recovered.
 * `einklang bench quality replay [ITEMS]` (default 50,000): what waits is sent again beside live traffic, with a kill.
 */
import { machine } from '../served.ts'
import { plantedDefects, plantedNumbers, recovered } from './defects.ts'
import { domains } from './domains.ts'
import { replayed } from './replay.ts'
import { speed } from './speed.ts'

const print = (figure: string, value: object) => console.log(JSON.stringify({ bench: 'quality', figure, ...value }))
const round = (value: number) => Math.round(value * 1000) / 1000

if (process.argv[2] === 'replay')
  print('Q8 replay', { ...(await replayed(Number(process.argv[3] ?? 50_000))), machine: machine() })
else await checks(Number(process.argv[2] ?? 40_000))

async function checks(records: number): Promise<void> {
  const fast = speed(records)
  print('Q1 checks', {
    recordsPerSecondAndCore: Math.round(fast.mix),
    millisecondsPerRecord: round(fast.milliseconds),
    customerRecordsPerSecondAndCore: Math.round(fast.people),
    millisecondsPerCustomerRecord: round(fast.peopleMilliseconds),
    ok: fast.milliseconds < 0.1,
  })
  const mail = domains()
  print('Q5 mail domains', { ...mail, ok: mail.right >= 0.9 && mail.suggestedOnReal <= 0.005 && mail.real >= 1000 })
  const kept = recovered(10_000)
  print('Q7 originals', { ...kept, ok: kept.changed > 0 && kept.changed === kept.recovered })
  for (const [kind, score] of Object.entries(plantedNumbers(20_000)))
    print(`Q4 ${kind}`, { ...score, ok: score.recall >= 0.99 && score.precision >= 0.99 })
  const heuristic = new Set(['swapped', 'placeholder'])
  const defects = await plantedDefects()
  for (const [kind, score] of Object.entries(defects.kinds)) {
    const ok = heuristic.has(kind) ? score.precision >= 0.95 : score.recall >= 0.99 && score.precision >= 0.99
    print(`Q4 ${kind}`, { records: defects.records, ...score, ok })
  }
}
