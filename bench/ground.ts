/** The ground in a throwaway directory, with durable commits as in production, for benches of single stages. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootGround, createLifecycle, createLog, type Ground, readConfig } from '@einklang/platform'

export type BenchGround = {
  ground: Ground
  /** CPU seconds of this process and of PostgreSQL's, since they began. */
  cpuSeconds(): number
  close(): Promise<void>
}

/** `kept` is a directory that stays for the next run. */
export async function benchGround(kept?: string): Promise<BenchGround> {
  const directory = kept ?? mkdtempSync(join(tmpdir(), 'einklang-bench-'))
  const log = createLog('error')
  const lifecycle = createLifecycle({ log })
  const config = readConfig({ EINKLANG_DATA: directory })
  const { ground } = await bootGround({
    config,
    lifecycle,
    log,
    engineDirectory: join(import.meta.dirname, '../engine'),
  })
  return {
    ground,
    cpuSeconds: () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6 + postgresSeconds(directory),
    async close() {
      await lifecycle.stop()
      if (kept === undefined) rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL's processes are the descendants of the one whose id stands in its directory. */
function postgresSeconds(directory: string): number {
  const main = Number(readFileSync(join(directory, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      if (Number(name) === main || Number(fields[1]) === main) ticks += Number(fields[11]) + Number(fields[12])
      // Of those that have ended meanwhile the first one keeps the account.
      if (Number(name) === main) ticks += Number(fields[13]) + Number(fields[14])
    } catch {
      // It ended while we looked.
    }
  }
  return ticks / 100
}
