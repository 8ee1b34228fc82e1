import { availableParallelism } from 'node:os'
import { type Size, sizes, UsageError, writeWorld } from '@einklang/world'
import { type Call, type Command, Misuse, serverFlags } from '../command.ts'
import { stopOnSignals } from '../demo/signals.ts'
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
    faults: { text: 'live calls also come twice, late, out of order, and a source is down for two hours' },
    speed: { value: 'K', text: 'how fast the rest of the week is replayed (default: 1)' },
    write: { value: 'DIRECTORY', text: 'only write the retailer’s files there' },
    format: {
      value: 'FORMAT',
      text: 'with --write: all files as ndjson, csv or sql (default: as the retailer’s systems write them)',
    },
    truth: { value: 'DIRECTORY', text: 'with --write: also write what is true, elsewhere' },
    workers: { value: 'N', text: 'threads that make the retailer (default: one per core)' },
    ...flags,
  },
  help: 'Examples: einklang demo --exit --json; einklang demo --size town --write shoes --truth answers',
  async run(call) {
    const size = call.flag('size') ?? 'S'
    if (!sizes.includes(size as Size)) {
      throw new Misuse(`There is no size "${size}"; there are ${sizes.join(', ')}.`)
    }
    const seed = wholeNumber(call.flag('seed') ?? '7', '--seed')
    const workers = wholeNumber(call.flag('workers') ?? String(availableParallelism()), '--workers')
    const write = call.flag('write')
    if (write !== undefined) return writeOnly(call, { size, seed: String(seed), workers: String(workers), write })
    for (const flag of ['truth', 'format']) {
      if (call.flag(flag) !== undefined)
        throw new Misuse(`--${flag} goes with --write.`, `--write DIRECTORY --${flag} …`)
    }
    const config = call.config(call.flag('data') === undefined ? { data: 'data/demo' } : {})
    const { runDemo } = await import('../demo/demo.ts')
    const happened = await runDemo({
      config,
      size: size as Size,
      seed,
      workers,
      keep: call.switch('keep'),
      exit: call.switch('exit'),
      faults: call.switch('faults'),
      speed: wholeNumber(call.flag('speed') ?? '1', '--speed'),
      told: call.tell,
    })
    if (happened.code !== undefined) call.fail(happened.code)
    if (call.switch('exit')) for (const line of happened.lines) call.show(line)
    return happened.document
  },
}

function wholeNumber(text: string, flag: string): number {
  if (!/^\d+$/.test(text)) throw new Misuse(`${flag} takes a whole number, not "${text}".`)
  return Number(text)
}

/** Only the files, for whoever wants to feed another system or score one. */
async function writeOnly(
  call: Call,
  request: { size: string; seed: string; workers: string; write: string },
): Promise<object> {
  const truth = call.flag('truth')
  const format = call.flag('format')
  const languages = call.flag('languages')
  const progress = startProgress({ label: 'Writing the retailer', total: null, unit: 'parts' })
  const stopping = stopOnSignals({
    signals: process,
    told: call.tell,
    continues: 'the same command',
    stop: () => undefined,
  })
  try {
    const manifest = await writeWorld(
      {
        ...request,
        ...(format === undefined ? {} : { format }),
        ...(languages === undefined ? {} : { languages }),
        ...(truth === undefined ? {} : { truth }),
      },
      {
        onProgress({ done, total }) {
          progress.total(total)
          progress.at(done)
        },
        signal: stopping.signal,
      },
    )
    progress.done(request.write)
    return manifest
  } catch (error) {
    if (stopping.code !== null) {
      call.fail(stopping.code)
      return { stopped: true }
    }
    progress.failed(error instanceof Error ? error.message : 'failed')
    if (error instanceof UsageError) throw new Misuse(error.message)
    throw error
  } finally {
    stopping.release()
  }
}
