import { type Block, type Column, textsOf } from '@einklang/platform'
import { grown } from './ids.ts'

/** What the grouping rules look at, in the order of `ruleColumns`. */
export const sourceFields = [
  'medium',
  'utm_source',
  'campaign',
  'referrer_host',
  'url',
  'event_channel',
  'event_name',
] as const
export type SourceFields = { [Field in (typeof sourceFields)[number]]: string }

const clicks = ['message.clicked', 'Email Link Clicked']
const opens = ['message.opened', 'Email Opened']
const visitsToStore = ['Store Visited', 'Store Entered', 'Geofence Entered']
const scans = ['QR Scanned', 'Code Scanned']
export const orders = ['Order Completed']
export const returns = ['Order Refunded', 'Order Cancelled']

/** What proves a contact; its place in the list is its number. */
export const proofs = [
  'visit',
  'click',
  'open',
  'scan',
  'store visit',
  'conversation',
  'bounced',
  'call',
  'sent',
  'delivered',
]
export const proofNumber = (name: string) => proofs.indexOf(name)
/** What an event proves by its name; any other may be part of a visit. */
export const namesByProof: { [proof: string]: string[] } = {
  click: clicks,
  open: opens,
  scan: scans,
  'store visit': [...visitsToStore, ...orders],
  conversation: ['conversation.received'],
  bounced: ['message.bounced'],
  sent: ['message.sent'],
  delivered: ['message.delivered'],
  nothing: [...returns, 'Order Updated'],
}
const proofByName = new Map(
  Object.entries(namesByProof).flatMap(([proof, names]) => names.map((name) => [name, proofNumber(proof)] as const)),
)

/** Days before an order in which a touch gets credit (spec measurement §2). */
export const lookBackDays = 90
const lookBackByChannel: { [channel: string]: number } = { letter: 60, catalogue: 120 }
const dayMs = 86_400_000

/**
 * Kinds of sources: what the grouping rules tell apart has a number here, so that the rules are read once for each and
 * events are compared by numbers.
 */
export class Sources {
  readonly fields: SourceFields[] = []
  readonly channels: string[] = []
  readonly campaigns: string[] = []
  readonly proof: number[] = []
  /** Channel and campaign in any case as one number: what counts as the same. */
  readonly whole: number[] = []
  readonly channel: number[] = []
  /** Where a link says that it leads from; 0 when it does not. */
  readonly origin: number[] = []
  readonly direct: boolean[] = []
  readonly named: boolean[] = []
  readonly lookBack: number[] = []
  private readonly numbers = new Map<string, number>()
  private readonly words = new Map<string, number>()

  /** The number of the source in each row of the block. */
  ofRows({ columns, rows }: Block): Int32Array {
    const found = new Int32Array(rows)
    const codes = new Float64Array(rows)
    // What words say is one number, and rows with the same one are of one source, unless a text of their own says more.
    for (const field of sourceFields) {
      const column = columns[field]
      if (column === undefined || !('words' in column)) continue
      const { words, places } = column
      for (let row = 0; row < rows; row++) codes[row] = (codes[row] as number) * words.length + (places[row] as number)
    }
    const own = sourceFields.flatMap((field) => (columns[field]?.type === 'String' ? [textsOf(columns[field])] : []))
    const known = new Map<number, number>()
    const [recentCodes, recentSources] = [new Float64Array(recent).fill(-1), new Int32Array(recent)]
    for (let row = 0; row < rows; row++) {
      const code = codes[row] as number
      const slot = Math.imul(code | 0, 0x9e3779b1) >>> 20
      let plain = true
      for (const textOf of own) if (textOf(row) !== '') plain = false
      if (plain && recentCodes[slot] === code) {
        found[row] = recentSources[slot] as number
        continue
      }
      const source = (plain ? known.get(code) : undefined) ?? this.add(fieldsIn(columns, row))
      found[row] = source
      if (!plain) continue
      known.set(code, source)
      recentCodes[slot] = code
      recentSources[slot] = source
    }
    return found
  }

  private add(fields: SourceFields): number {
    const key = sourceFields.map((field) => fields[field]).join('\0')
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    const number = this.fields.push(fields) - 1
    this.numbers.set(key, number)
    const { utm_source, medium, campaign, event_name, event_channel } = fields
    this.origin.push(utm_source === '' ? 0 : this.nameNumber(['from', utm_source, medium, campaign.toLowerCase()]))
    this.proof.push(proofOf(event_name, event_channel))
    return number
  }

  /** What the rules say of the sources that are new; `channelsOf` reads them. */
  async group(channelsOf: (sources: SourceFields[]) => Promise<string[]>): Promise<void> {
    const fresh = this.fields.slice(this.channels.length)
    if (fresh.length === 0) return
    const channels = await channelsOf(fresh)
    for (const [index, { campaign }] of fresh.entries()) {
      const channel = channels[index] as string
      this.channels.push(channel)
      this.campaigns.push(campaign)
      this.whole.push(this.nameNumber(['of', channel, campaign.toLowerCase()]))
      this.channel.push(this.nameNumber(['channel', channel]))
      this.direct.push(channel === 'direct')
      this.named.push(campaign !== '')
      this.lookBack.push((lookBackByChannel[channel] ?? lookBackDays) * dayMs)
    }
  }

  private nameNumber(parts: string[]): number {
    const key = parts.join('\0')
    const number = this.words.get(key) ?? this.words.size + 1
    this.words.set(key, number)
    return number
  }

  get size(): number {
    return this.fields.length
  }

  /** No number of a channel, a campaign or an origin is larger. */
  get most(): number {
    return this.words.size
  }
}

const recent = 4096

function proofOf(name: string, channel: string): number {
  const proof = proofByName.get(name) ?? proofNumber('visit')
  // Arriving is all one can see of a call.
  const arrives = proof === proofNumber('sent') || proof === proofNumber('delivered')
  return arrives && channel === 'phone' ? proofNumber('call') : proof
}

function fieldsIn(columns: Block['columns'], row: number): SourceFields {
  const texts = sourceFields.map((field) => [field, columns[field] === undefined ? '' : textsOf(columns[field])(row)])
  return Object.fromEntries(texts) as SourceFields
}

/** Texts that come again and again, as words for a block; rows with one key have one text. */
export function wordsOf(keys: ArrayLike<number>, textOf: (key: number) => string): Column {
  const numbers = new Map<string, number>()
  const places = new Uint32Array(keys.length)
  // By key, counted from 1.
  let known = new Uint32Array(1024)
  for (let row = 0; row < keys.length; row++) {
    const key = keys[row] as number
    known = grown(known, key + 1)
    let number = known[key] as number
    if (number === 0) {
      const text = textOf(key)
      number = numbers.get(text) ?? numbers.size + 1
      numbers.set(text, number)
      known[key] = number
    }
    places[row] = number - 1
  }
  const narrow =
    numbers.size <= 256 ? Uint8Array.from(places) : numbers.size <= 65_536 ? Uint16Array.from(places) : places
  return { type: 'LowCardinality(String)', words: [...numbers.keys()], places: narrow }
}
