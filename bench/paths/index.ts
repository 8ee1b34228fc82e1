import { performance } from 'node:perf_hooks'
import { createMeasurement } from '@einklang/engine/measurement'
import { benchGround } from '../ground.ts'

/**
 * Claim: touches, paths and all rule models over 100 million events in 30 s on two cores; the journey map in 3 s.
 * `einklang bench paths [EVENTS]`, default 5 million. Events are made in the database by a hash of their number:
 * 40 per person over a year in ten visits of four, from one of twelve sources; a tenth are messages, 3 in 100 orders.
 */
const events = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 5_000_000)
const perInsert = 500_000
const bench = await benchGround()
const { ground } = bench
const { history } = ground
const millions = events / 1e6
if (process.argv.includes('--statements')) {
  // What a statement takes includes what is computed here meanwhile.
  const told = (before: number, cpu: NodeJS.CpuUsage, what: string) => {
    const used = process.cpuUsage(cpu)
    console.log(
      `  ${((performance.now() - before) / 1000).toFixed(2)} s, ${((used.user + used.system) / 1e6).toFixed(2)} CPU s: ${what}`,
    )
  }
  const short = (text: TemplateStringsArray) => text.join('?').replaceAll(/\s+/g, ' ').trim().slice(0, 90)
  const { run, blocks, insertBlock } = history
  history.run = async (text, ...values) => {
    const [before, cpu] = [performance.now(), process.cpuUsage()]
    await run(text, ...values)
    told(before, cpu, short(text))
  }
  history.blocks = async function* (text, ...values) {
    const [before, cpu] = [performance.now(), process.cpuUsage()]
    yield* blocks(text, ...values)
    told(before, cpu, short(text))
  }
  history.insertBlock = async (table, block) => {
    const [before, cpu] = [performance.now(), process.cpuUsage()]
    await insertBlock(table, block)
    told(before, cpu, `${block.rows} rows into ${table}`)
  }
}

async function timed(name: string, work: () => Promise<unknown>): Promise<number> {
  const [before, cpu] = [performance.now(), process.cpuUsage()]
  await work()
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - before) / 1000
  const cpuSeconds = (used.user + used.system) / 1e6
  console.log(
    `${name}: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} CPU s (${(cpuSeconds / millions).toFixed(3)} CPU s per million events), ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`,
  )
  console.log(
    JSON.stringify({ bench: 'paths', figure: name, events, seconds, cpuSeconds, rssBytes: process.memoryUsage().rss }),
  )
  return seconds
}

try {
  await timed('events made', async () => {
    for (let from = 0; from < events; from += perInsert) {
      const count = Math.min(perInsert, events - from)
      await history.run`
        insert into ingest.event (person, at, id, source_name, kind, name, channel, received_at, order_no, value, currency,
          campaign, medium, utm_source, url, message_id, place, properties, context, flags, batch)
        with sipHash64(number) as chance, chance % 100 as fate, intDiv(number, 40) as who,
          multiIf(fate < 3, 'Order Completed', fate < 8, 'message.opened', fate < 13, 'message.clicked', fate < 45, 'Home', 'Product Viewed') as told,
          toDateTime64('2025-03-01 00:00:00', 3, 'UTC') + toIntervalSecond(intDiv(number % 40, 4) * 3153600 + sipHash64('visit', intDiv(number, 4)) % 3000000 + (number % 4) * 90) as moment,
          bitShiftRight(sipHash64('visit', intDiv(number, 4)), 8) % 12 as source
        select reinterpretAsUUID(sipHash128(who)), moment, reinterpretAsUUID(sipHash128('event', number)), 'bench',
          if(told = 'Home', 'page', 'track'), told, multiIf(fate < 1, 'store', fate between 3 and 12, 'email', 'web'), moment,
          if(fate < 3, concat('B', toString(number)), ''), if(fate < 3, 1000 + bitShiftRight(chance, 30) % 20000, 0), if(fate < 3, 'EUR', ''),
          if(told = 'Home', ['', 'Spring', 'Brand', 'Shoes', 'News', ''][source % 6 + 1], if(fate between 3 and 12, 'Newsletter', '')),
          if(told = 'Home', ['', 'cpc', 'cpc', 'paid_social', 'email', 'affiliate', 'display', 'referral', 'organic', '', 'sms', 'cpc'][source + 1], ''),
          if(told = 'Home', ['', 'google', 'bing', 'meta', 'newsletter', 'awin', 'criteo', 'blog', 'google', '', 'sms', 'google'][source + 1], ''),
          'https://shop.example/', if(fate between 3 and 12, concat('m', toString(number)), ''), if(fate < 1, 'S1', ''),
          if(fate between 3 and 12, '{"channel":"email"}', '{}'), '{}', [], intDiv(number, 100000) + 1
        from numbers(${from}, ${count}) settings max_execution_time = 0`
    }
  })
  const measurement = createMeasurement({ ground })
  const built = await timed('touches and paths', () => measurement.buildNow())
  const status = await measurement.status()
  console.log(`${status.touches} touches, ${status.conversions} orders`)
  const period = { from: '2025-03-01', to: '2026-03-31' }
  const rules = await timed('rule models', () =>
    measurement.attribution({
      ...period,
      by: 'channel',
      models: 'first,last,last_nondirect,linear,position,position_w,decay',
    }),
  )
  await timed('Markov and Shapley', () =>
    measurement.attribution({ ...period, by: 'channel', models: 'markov,shapley' }),
  )
  await timed('journey map', () => measurement.journeyMap({ ...period, ways: 60 }))
  const [counted] = await history.rows<{ paths: number }>`select count() as paths from measurement.path final`
  console.log(
    `${counted?.paths ?? 0} paths; paths and rule models together ${((built + rules) / millions).toFixed(3)} s per million events`,
  )
} finally {
  await bench.close()
}
