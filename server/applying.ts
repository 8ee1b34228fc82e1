/** The process behind `applier.ts`: the same stages, and of their loops only those that need nothing but PostgreSQL. */
import { flushCompileCache } from 'node:module'
import { createLog, joinGround, runLoops, slim } from '@einklang/platform'
import type { FromApplier, Orders, ToApplier } from './applier.ts'
import { compose } from './compose.ts'

// The house is gone, and with it the right to its data directory.
process.once('disconnect', () => process.exit(1))
// Ctrl-C reaches the whole group; the server decides when we stop.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)

process.on('message', (message: ToApplier) => {
  if ('start' in message) void begin(message.start)
})

async function begin({ config, databaseUrl }: Orders): Promise<void> {
  const log = createLog(config.logLevel)
  const { ground, database, close } = await joinGround({ config, databaseUrl, log, environment: process.env })
  const house = await compose(ground, { outside: false })
  const loops = house.parts.flatMap((part) => part.loops ?? []).filter((loop) => loop.apart)
  const running = await runLoops({ loops, listen: database.listen, log, metrics: ground.metrics })
  flushCompileCache()
  slim()
  process.on('message', (message: ToApplier) => {
    if ('metrics' in message) {
      void ground.metrics.values().then((values) => {
        const answer: FromApplier = { metrics: message.metrics, values }
        process.send?.(answer)
      })
    }
    if ('stop' in message) void end()
  })

  async function end(): Promise<void> {
    await running.stop()
    await house.close()
    await close()
    process.exit(0)
  }
}
