/**
 * `einklang bench start`: seconds until `serve` is ready on a new and on an existing data directory, and what all its
 * processes hold in memory when idle (proportional set size).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { median } from '../generator.ts'
import { freePort, machine, Served } from '../served.ts'

const data = await mkdtemp(join(tmpdir(), 'einklang-start-'))
const server = new Served(data, await freePort())
const round = (value: number) => Math.round(value * 100) / 100
try {
  const first = await server.start()
  await pause(15_000)
  const idle = server.memory()
  await server.stop()
  const again: number[] = []
  for (let turn = 0; turn < 5; turn++) {
    again.push(await server.start())
    await server.stop()
  }
  console.log(
    JSON.stringify({
      bench: 'start',
      machine: machine(),
      firstSeconds: round(first),
      againSeconds: { median: round(median(again)), worst: round(Math.max(...again)) },
      idleMegabytes: Math.round(idle),
    }),
  )
} finally {
  await server.stop()
  await rm(data, { recursive: true, force: true })
}
