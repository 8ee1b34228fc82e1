import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from './failure.ts'

type Holder = { pid: number; began: string; since: string }

/**
 * One program per data directory. The lock names the process and when that process began, so that a lock left by a
 * killed program is recognised even when its pid has been given to somebody else.
 */
export function lockDataDirectory(directory: string): { release(): void } {
  const file = join(directory, 'einklang.lock')
  const mine: Holder = { pid: process.pid, began: beganOf(process.pid) ?? '', since: new Date().toISOString() }
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, JSON.stringify(mine))
  try {
    for (let tries = 0; tries < 10; tries++) {
      try {
        // A link is made whole or not at all, and only one of two starters can make it.
        linkSync(fresh, file)
        return { release: () => release(file, mine) }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = holderOf(file)
      if (holder && beganOf(holder.pid) === holder.began) {
        throw new Refusal(
          409,
          'data_directory_in_use',
          `The data directory ${directory} is in use by Einklang (pid ${holder.pid}, since ${holder.since}); stop it, or choose another directory with --data.`,
        )
      }
      setAside(file, holder)
    }
    throw new Refusal(
      409,
      'data_directory_in_use',
      `The data directory ${directory} is being taken by another program; try again.`,
    )
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** The living program on a data directory; null when there is none. */
export function holderOfDataDirectory(directory: string): number | null {
  const holder = holderOf(join(directory, 'einklang.lock'))
  return holder && beganOf(holder.pid) === holder.began ? holder.pid : null
}

function release(file: string, mine: Holder): void {
  const holder = holderOf(file)
  if (holder?.pid === mine.pid && holder.began === mine.began) rmSync(file, { force: true })
}

function holderOf(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return null
  }
}

/** Moves a dead lock away; when another starter was faster and a living lock was moved, puts that one back. */
function setAside(file: string, dead: Holder | null): void {
  const aside = `${file}.dead.${process.pid}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  const moved = holderOf(aside)
  if (moved && (moved.pid !== dead?.pid || moved.began !== dead.began)) {
    try {
      linkSync(aside, file)
    } catch {
      // A third starter holds it by now; its lock counts.
    }
  }
  rmSync(aside, { force: true })
}

/** When a process began, as the system tells it; null when there is no such process. */
function beganOf(pid: number): string | null {
  try {
    // Field 22 of stat, counted after the name, which may contain spaces and brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch (error) {
    if (process.platform === 'linux') return null
    void error
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
  } catch {
    return null
  }
}
