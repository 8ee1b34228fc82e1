import { availableParallelism } from 'node:os'
import { worldSizes, writeWorld } from '@einklang/world'
import { type Command, Misuse, serverFlags } from '../command.ts'
import { runDemo } from '../demo/demo.ts'
import { startProgress } from '../progress.ts'

const { role: _role, ...flags } = serverFlags

export const demo: Command = {
  name: 'demo',
  summary: 'A shoe retailer with stores, shop and app, living on all thirteen stages',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    size: { value: 'SIZE', text: 'town, S or M (default: S, 10,000 customers and two years)' },
    seed: { value: 'N', text: 'whole number; the same seed makes the same retailer (default: 7)' },
    keep: { text: 'continue with the data of last time' },
    exit: { text: 'end when everything is in' },
    speed: { value: 'K', text: 'how fast the rest of the week is replayed (default: 1)' },
    write: { value: 'DIRECTORY', text: 'only write the retailer’s files there' },
    truth: { value: 'DIRECTORY', text: 'with --write: also write what is true, elsewhere' },
    format: { value: 'FORMAT', text: 'with --write: ndjson, csv or sql (default: ndjson)' },
    workers: { value: 'N', text: 'threads that make the retailer (default: one per core)' },
    ...flags,
  },
  help: 'Examples: einklang demo --exit --json; einklang demo --size town --write shoes --truth answers',
  async run(call) {
    const size = call.flag('size') ?? 'S'
    if (!worldSizes.includes(size as never)) {
      throw new Misuse(`There is no size "${size}"; there are ${worldSizes.join(', ')}.`)
    }
    const seed = wholeNumber(call.flag('seed') ?? '7', '--seed')
    const workers = wholeNumber(call.flag('workers') ?? String(availableParallelism()), '--workers')
    const write = call.flag('write')
    if (write !== undefined) {
      const progress = startProgress({ label: 'Writing the retailer', total: 100, unit: '%' })
      const manifest = await writeWorld({
        size: size as never,
        seed,
        workers,
        write,
        ...(call.flag('truth') ? { truth: call.flag('truth') as string } : {}),
        format: (call.flag('format') ?? 'ndjson') as never,
        until: new Date(),
        onProgress: ({ share }) => progress.at(Math.round(share * 100)),
      })
      progress.done(write)
      return manifest
    }
    const config = call.config(call.flag('data') === undefined ? { data: 'data/demo' } : {})
    const happened = await runDemo({
      config,
      size: size as never,
      seed,
      workers,
      keep: call.switch('keep'),
      exit: call.switch('exit'),
      speed: wholeNumber(call.flag('speed') ?? '1', '--speed'),
      told: call.tell,
    })
    if (call.switch('exit')) for (const line of happened.lines) call.show(line)
    return happened.document
  },
}

function wholeNumber(text: string, flag: string): number {
  if (!/^\d+$/.test(text)) throw new Misuse(`${flag} takes a whole number, not "${text}".`)
  return Number(text)
}
