import { setTimeout as pause } from 'node:timers/promises'
import { holderOfDataDirectory, Refusal } from '@einklang/platform'
import { announced } from './local.ts'

/** Tells a server to stop working and to give its data directory away; it goes on answering at the door. */
export const handOverSignal = 'SIGUSR2'
/** How long a server that handed over waits for the word to end, ms. */
export const longestHandOver = 120_000
/** How long it tells clients that their connection ends, ms. */
export const drainAfterHandOver = 1500

const longestWait = 30_000

/**
 * Asks the server of this data directory to hand over and waits until it has. The returned `dismiss` ends it, once
 * we answer ourselves. Null when nobody has the directory.
 */
export async function askToHandOver(
  directory: string,
  told: (message: string) => void,
): Promise<{ dismiss(): void } | null> {
  const holder = holderOfDataDirectory(directory)
  const pid = holder ?? announced(directory)?.pid ?? null
  if (pid === null || !lives(pid)) return null
  if (holder !== null) {
    told(`Taking over from the server with pid ${pid}.`)
    process.kill(pid, handOverSignal)
    const begun = performance.now()
    while (holderOfDataDirectory(directory) === pid) {
      if (performance.now() - begun > longestWait) {
        throw new Refusal(409, 'no_hand_over', `The server with pid ${pid} does not hand over; stop it instead.`)
      }
      await pause(50)
    }
  }
  return { dismiss: () => void (lives(pid) && process.kill(pid, 'SIGTERM')) }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
