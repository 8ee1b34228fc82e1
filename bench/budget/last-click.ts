import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The usual window of shop systems. */
const windowMs = 30 * 86_400_000

type Call = {
  anonymousId?: string
  timestamp: string
  event?: string
  properties?: { order_id?: string; total?: number }
  context?: { campaign?: { source?: string; medium?: string; name?: string } }
}

/**
 * Revenue that each channel gets when the last campaign whose link brought a visitor gets the whole order: what a shop
 * system tells, from the retailer's own files. Channels without links (posters, radio …) get nothing.
 */
export function lastClickRevenue(product: string): { [channel: string]: number } {
  const channelOf = new Map<string, string>()
  for (const line of readFileSync(join(product, 'media/spend_digital.csv'), 'utf8').split('\n').slice(1)) {
    const [, channel, campaign] = line.split(',')
    if (channel && campaign) channelOf.set(campaign, channel)
  }
  const calls: Call[] = []
  for (const source of ['web', 'app'])
    for (const file of readdirSync(join(product, source)))
      for (const line of readFileSync(join(product, source, file), 'utf8').split('\n'))
        if (line.includes('"campaign"') || line.includes('Order Completed')) calls.push(JSON.parse(line) as Call)
  calls.sort((one, other) => Date.parse(one.timestamp) - Date.parse(other.timestamp))
  const last = new Map<string, { channel: string; at: number }>()
  const told = new Set<string>()
  const revenue: { [channel: string]: number } = {}
  for (const { anonymousId = '', timestamp, event, properties, context } of calls) {
    const at = Date.parse(timestamp)
    const { medium = '', name = '' } = context?.campaign ?? {}
    const channel = channelOf.get(name) ?? (medium === 'email' || medium === 'sms' ? medium : undefined)
    if (channel !== undefined) last.set(anonymousId, { channel, at })
    const { order_id: order = '', total = 0 } = properties ?? {}
    if (event !== 'Order Completed' || told.has(order)) continue
    told.add(order)
    const click = last.get(anonymousId)
    if (click && at - click.at <= windowMs) revenue[click.channel] = (revenue[click.channel] ?? 0) + total
  }
  return revenue
}
