import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Outage, Refusal } from './failure.ts'

type Fault = { mode: 'die' | 'outage' | 'delay' | 'freeze'; at: number; milliseconds: number }

let armed: Map<string, Fault> | null = null
const passes = new Map<string, number>()

/** A place where tests may break us. Costs nothing unless `armFaults` was called. */
export function fault(name: string): void {
  if (armed !== null) pass(name, armed)
}

/** The file that marks a data directory as one of tests; faults refuse every other directory. */
export const testMark = 'this-directory-is-for-tests'

/**
 * Arms the points named in `text`: `name:mode@pass` joined by commas, for example
 * `ingest.after-commit:die@3,delivery.mid-body:outage`. Modes: die (SIGKILL), outage (throws), delay (`delay=250`), freeze (SIGSTOP).
 */
export function armFaults(text: string | undefined, dataDirectory: string): void {
  if (!text) return
  if (!existsSync(join(dataDirectory, testMark))) {
    throw new Refusal(
      400,
      'faults',
      `EINKLANG_FAULTS is set, but ${dataDirectory} is not marked as a test directory; unset it.`,
    )
  }
  armed = new Map(text.split(',').map(readFault))
}

/** How often each point was passed since faults were armed. */
export function faultPasses(): ReadonlyMap<string, number> {
  return passes
}

function readFault(text: string): [string, Fault] {
  const match = /^([a-z.-]+):(die|outage|delay|freeze)(?:=(\d+))?(?:@(\d+))?$/.exec(text.trim())
  if (!match) throw new Refusal(400, 'faults', `EINKLANG_FAULTS: "${text}" is not name:mode@pass.`)
  const [, name, mode, milliseconds, at] = match
  return [
    name as string,
    { mode: mode as Fault['mode'], milliseconds: Number(milliseconds ?? 100), at: Number(at ?? 1) },
  ]
}

function pass(name: string, faults: Map<string, Fault>): void {
  const count = (passes.get(name) ?? 0) + 1
  passes.set(name, count)
  const planned = faults.get(name)
  if (!planned || planned.at !== count) return
  switch (planned.mode) {
    case 'die':
      process.kill(process.pid, 'SIGKILL')
      // The signal arrives at the next return to the kernel: do not run on until then.
      return hold(10_000)
    case 'freeze':
      process.kill(process.pid, 'SIGSTOP')
      return hold(1)
    case 'delay':
      return hold(planned.milliseconds)
    case 'outage':
      throw new Outage(`Fault point ${name}`, { retryAfterSeconds: 1 })
  }
}

function hold(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
