import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the demo has done so far; written after every step, so that the next start goes on from there. */
export type DemoState = {
  version: 1
  size: string
  seed: number
  /** The present of the world: later rows are replayed live. */
  until: string
  generated: boolean
  /** Write keys by source name. */
  keys: { [source: string]: string }
  /** Lines of each tracking file that were acknowledged. */
  sent: { [file: string]: number }
  /** Files that were imported to the end. */
  imported: string[]
  administrator: { email: string; password: string } | null
  /** The recent weeks are in and the journeys have run. */
  usable: boolean
  finished: boolean
  /** The directory is being emptied for another demo; nothing else here holds any more. */
  clearing?: true
  seconds: { [step: string]: number }
}

const fileOf = (directory: string) => join(directory, 'demo.json')

/** The state itself and what stays of a write that was interrupted. */
export function isStateFile(name: string): boolean {
  return name === 'demo.json' || name.startsWith('demo.json.')
}

export function readState(directory: string): DemoState | null {
  const file = fileOf(directory)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DemoState) : null
}

export function writeState(directory: string, state: DemoState): void {
  const fresh = `${fileOf(directory)}.${process.pid}`
  writeFileSync(fresh, JSON.stringify(state, null, 2), { mode: 0o600 })
  renameSync(fresh, fileOf(directory))
}
