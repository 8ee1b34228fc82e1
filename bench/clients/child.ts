/** One package in a process of its own: does what its parent says, answers when it is done. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Driver, drivers, type Setup } from './drivers.ts'

export type Order =
  | { do: 'start'; name: string; setup: Setup; first: number }
  | { do: 'calls' }
  | { do: 'large' }
  | { do: 'bulk' }
  | { do: 'flush' }
  | { do: 'one' }
  | { do: 'many'; count: number; everyMs: number }
export type Report = { done: string; error?: string; sent: string[] }

let driver: Driver | undefined
let next = 0
let sent: string[] = []

const probe = () => {
  const made = `prb${String(next++).padStart(6, '0')}x`
  sent.push(made)
  return made
}

async function obey(order: Order): Promise<void> {
  if (order.do === 'start') {
    next = order.first
    const make = drivers[order.name]
    if (!make) throw new Error(`There is no driver for ${order.name}.`)
    driver = await make(order.setup)
    return
  }
  if (!driver) throw new Error('Not started.')
  if (order.do === 'calls') await driver.calls(probe)
  else if (order.do === 'large') await driver.large(probe(), 'ß'.repeat(16_000) + 'x'.repeat(1000))
  else if (order.do === 'bulk') await driver.bulk?.(probe)
  else if (order.do === 'flush') await driver.flush()
  else if (order.do === 'one') await driver.one(probe())
  else {
    for (let number = 0; number < order.count; number++) {
      // Some packages wait for the answer, some only queue: both go on when the network does not.
      await Promise.race([Promise.resolve(driver.one(probe())).catch(() => undefined), pause(2000)])
      await pause(order.everyMs)
    }
  }
}

process.on('message', (order: Order) => {
  sent = []
  const answer = (report: Report) => process.send?.(report)
  obey(order).then(
    () => answer({ done: order.do, sent }),
    (error: unknown) => answer({ done: order.do, sent, error: error instanceof Error ? error.message : String(error) }),
  )
})
// What a package does in the background must not end the run; what it failed to send shows in the audit.
process.on('unhandledRejection', () => undefined)
process.on('uncaughtException', () => undefined)
process.on('disconnect', () => process.exit(0))
