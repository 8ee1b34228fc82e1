import { kept } from '@einklang/contract'
import { CsvReader } from '#ingest'
import type { SpendMapping } from './mapping.ts'

/** How the exports of ad platforms and agencies name what the ledger needs. */
type Profile = {
  name: string
  /** Words in the channel column's place; null when the file has a channel column. */
  channel: string | null
  /** Headers, folded; the first that is there counts. */
  day: string[]
  week?: string[]
  amount: string[]
  campaign?: string[]
  channelFrom?: string[]
  currency?: string[]
  geo?: string[]
  impressions?: string[]
  clicks?: string[]
  /** Persons. */
  reach?: string[]
  /** A header that only this platform writes. */
  sign: string[]
}

const profiles: { [id: string]: Profile } = {
  google_ads: {
    name: 'Google Ads',
    channel: 'Google Ads',
    day: ['day', 'date', 'tag', 'datum'],
    week: ['week', 'woche'],
    amount: ['cost', 'kosten'],
    campaign: ['campaign', 'kampagne'],
    currency: ['currency code', 'currency', 'wahrungscode', 'wahrung'],
    impressions: ['impr.', 'impressions', 'impressionen', 'impr'],
    clicks: ['clicks', 'klicks'],
    sign: ['campaign state', 'impr.', 'currency code', 'avg. cpc', 'wahrungscode', 'campaign type', 'interaction rate'],
  },
  meta: {
    name: 'Meta',
    channel: 'Meta Ads',
    day: ['day', 'reporting starts', 'tag', 'berichtsstart', 'date'],
    amount: ['amount spent', 'ausgegebener betrag'],
    campaign: ['campaign name', 'kampagnenname', 'name der kampagne'],
    currency: ['currency', 'wahrung'],
    impressions: ['impressions', 'impressionen'],
    clicks: ['link clicks', 'clicks (all)', 'link-klicks', 'klicks (alle)'],
    reach: ['reach', 'reichweite'],
    sign: ['amount spent', 'ausgegebener betrag', 'reporting starts', 'berichtsstart'],
  },
  tiktok: {
    name: 'TikTok',
    channel: 'TikTok Ads',
    day: ['by day', 'date', 'stat time day', 'day'],
    amount: ['cost', 'spend', 'total cost'],
    campaign: ['campaign name'],
    currency: ['currency'],
    impressions: ['impressions', 'impression'],
    clicks: ['clicks (destination)', 'clicks', 'click'],
    reach: ['reach'],
    sign: ['by day', 'stat time day', 'clicks (destination)', 'cpc (destination)'],
  },
  microsoft: {
    name: 'Microsoft Advertising',
    channel: 'Microsoft Advertising',
    day: ['gregorian date', 'time period', 'date', 'day', 'gregorianisches datum'],
    amount: ['spend', 'cost', 'ausgaben'],
    campaign: ['campaign name', 'campaign', 'kampagnenname'],
    currency: ['currency code', 'currency', 'wahrungscode'],
    impressions: ['impressions', 'impr.', 'impressionen'],
    clicks: ['clicks', 'klicks'],
    sign: ['gregorian date', 'gregorianisches datum', 'time period', 'account number'],
  },
  print: {
    name: 'Print',
    channel: null,
    day: [
      'insertion date',
      'erscheinungstag',
      'publication date',
      'mailing date',
      'invoice date',
      'rechnungsdatum',
      'datum',
      'date',
      'day',
    ],
    amount: ['net', 'net cost', 'netto', 'nettokosten', 'amount', 'betrag', 'cost', 'kosten'],
    campaign: ['motif', 'motiv', 'campaign', 'kampagne', 'title', 'titel'],
    channelFrom: ['medium', 'channel', 'kanal'],
    currency: ['currency', 'wahrung'],
    geo: ['region', 'edition', 'ausgabe', 'geo'],
    impressions: ['circulation', 'auflage', 'print run'],
    sign: ['circulation', 'auflage', 'print run', 'insertion date', 'erscheinungstag'],
  },
  broadcast: {
    name: 'Radio, TV',
    channel: null,
    day: ['air date', 'sendetag', 'spot date', 'date', 'datum', 'day'],
    amount: ['net cost', 'net', 'netto', 'nettokosten', 'cost', 'kosten', 'amount', 'betrag'],
    campaign: ['motif', 'motiv', 'campaign', 'kampagne', 'spot'],
    channelFrom: ['medium', 'channel', 'kanal'],
    currency: ['currency', 'wahrung'],
    geo: ['region', 'geo', 'sendegebiet'],
    impressions: ['contacts', 'kontakte'],
    reach: ['reach', 'reichweite', 'net reach', 'nettoreichweite'],
    sign: ['station', 'sender', 'daypart', 'air date', 'sendetag', 'grp', 'spot date'],
  },
  plain: {
    name: 'Einklang',
    channel: null,
    day: ['day', 'date', 'tag', 'datum'],
    week: ['week', 'woche', 'kw'],
    amount: ['amount', 'cost', 'spend', 'betrag', 'kosten', 'ausgaben'],
    campaign: ['campaign', 'kampagne'],
    channelFrom: ['channel', 'medium', 'kanal'],
    currency: ['currency', 'wahrung'],
    geo: ['geo', 'region'],
    impressions: ['impressions', 'impressionen'],
    clicks: ['clicks', 'klicks'],
    reach: ['reach', 'reichweite'],
    sign: [],
  },
}

const profileNames = Object.keys(profiles)

/** A mapping of the house's own as a profile. */
function ownProfile({ columns, channel }: SpendMapping): Profile {
  const one = (name: string | null): string[] => (name === null ? [] : [folded(name)])
  return {
    name: 'own',
    channel,
    day: one(columns.day),
    week: one(columns.week),
    amount: one(columns.amount),
    campaign: one(columns.campaign),
    channelFrom: one(columns.channel),
    currency: one(columns.currency),
    geo: one(columns.geo),
    impressions: one(columns.impressions),
    clicks: one(columns.clicks),
    // Mappings saved before this column was known have none.
    reach: one(columns.reach ?? null),
    sign: [],
  }
}

/** `14/03/2026` and figures as the mapping says they are written. */
function byMapping({ decimal, dayFirst }: SpendMapping) {
  return {
    day(text: string): string {
      const slashes = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4})$/.exec(text)
      if (slashes === null) return dayOf(text)
      const [first, second] = [slashes[1]?.padStart(2, '0'), slashes[2]?.padStart(2, '0')]
      return dayFirst ? `${slashes[3]}-${second}-${first}` : `${slashes[3]}-${first}-${second}`
    },
    amount(text: string): string {
      if (decimal === null) return text
      const bare = text.replaceAll(/[^\d.,-]/g, '')
      // Two decimals always, so that nobody takes a thousands' sign for a decimal one.
      const plain = decimal === ',' ? bare.replaceAll('.', '').replace(',', '.') : bare.replaceAll(',', '')
      return /\.\d+$/.test(plain) ? plain : /\d/.test(plain) ? `${plain}.00` : text
    },
  }
}

/** `Ausgegebener Betrag (EUR)` → `ausgegebener betrag`; the currency in brackets is read from it. */
export const folded = (header: string) =>
  header
    .replace(/^\uFEFF/, '')
    .trim()
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .replace(/\s*\((?:[a-z]{3}|€)\)$/, '')

/** Rows that are not empty, each with the line it begins on; the separator is the most frequent one above the figures. */
export function cellsOf(text: string): { rows: string[][]; lines: number[] } {
  const reader = new CsvReader(separatorOf(text))
  const rows: string[][] = []
  const lines: number[] = []
  let line = 1
  for (const record of [...reader.take(text), ...reader.end()]) {
    // A cell that never ends costs its own line, which then fits no column.
    const row = 'cells' in record ? record.cells : [record.raw]
    if (row.some((one) => one.trim() !== '')) {
      rows.push(row)
      lines.push(line)
    }
    line += record.lines
  }
  return { rows, lines }
}

function separatorOf(text: string): string {
  // Platforms put a title and a period above the header, so all of the first lines are looked at.
  const head = text.split('\n', 6).join('\n')
  const count = (sign: string) => head.split(sign).length
  return [',', ';', '\t'].sort((left, right) => count(right) - count(left))[0] as string
}

export type SpendFile = {
  profile: string
  /** Folded headers of the table. */
  header: string[]
  rows: { row: number; fields: { [field: string]: string } }[]
  /** Lines that are no spend, such as totals below the table. */
  left: number
}

/** Reads an export of a platform or agency into rows of the ledger; equal days and campaigns are added up. */
export function readSpendFile(
  text: string,
  asked: string,
  usualChannel: string | null,
  mapping: SpendMapping | null = null,
): SpendFile | { reason: string } {
  const { rows, lines } = cellsOf(text)
  const own = mapping === null ? null : ownProfile(mapping)
  const found = own === null ? headerOf(rows, asked) : ownHeaderOf(rows, own)
  if ('reason' in found) return found
  const { header, at, id } = found
  const profile = own ?? (profiles[id] as Profile)
  const written = mapping === null ? { day: dayOf, amount: (figure: string) => figure } : byMapping(mapping)
  const place = (names: string[] | undefined) => {
    for (const name of names ?? []) {
      const index = header.indexOf(name)
      if (index >= 0) return index
    }
    return -1
  }
  const [day, week, amount, campaign] = [
    place(profile.day),
    place(profile.week),
    place(profile.amount),
    place(profile.campaign),
  ]
  const [channel, currency, geo] = [place(profile.channelFrom), place(profile.currency), place(profile.geo)]
  const [impressions, clicks, reach] = [place(profile.impressions), place(profile.clicks), place(profile.reach)]
  const inBrackets = /\(([A-Z]{3})\)\s*$/.exec(rows[at]?.[amount] ?? '')?.[1] ?? ''
  const sums = new Map<string, SpendFile['rows'][number]>()
  let left = 0
  for (let index = at + 1; index < rows.length; index++) {
    const cell = (column: number) => (column < 0 ? '' : (rows[index]?.[column] ?? '').trim())
    const when = cell(day) || cell(week)
    if (!/\d/.test(when) || /^(total|gesamt|summe)/i.test(cell(0))) {
      left++
      continue
    }
    const name = cell(campaign)
    const fields = {
      ...(cell(day) === '' ? { week: cell(week) } : { day: written.day(cell(day)) }),
      channel: cell(channel) || channelOf(profile.channel, name) || (usualChannel ?? ''),
      campaign: name,
      geo: cell(geo),
      amount: cell(amount) === '--' || cell(amount) === '' ? '0' : written.amount(cell(amount)),
      currency: cell(currency) || inBrackets || (mapping?.currency ?? ''),
      impressions: whole(cell(impressions)),
      clicks: whole(cell(clicks)),
      reach: whole(cell(reach)),
    }
    const key = JSON.stringify([when, fields.channel, name, fields.geo, fields.currency])
    const same = sums.get(key)
    if (same === undefined) {
      sums.set(key, { row: lines[index] ?? index + 1, fields })
      continue
    }
    for (const field of ['amount', 'impressions', 'clicks'] as const)
      same.fields[field] = added(same.fields[field] ?? '', fields[field])
    // Parts of a campaign share their people: of the whole only the largest part is sure.
    if (Number(fields.reach) > Number(same.fields.reach)) same.fields.reach = fields.reach
  }
  return { profile: id, header, rows: [...sums.values()], left }
}

function headerOf(rows: string[][], asked: string): { header: string[]; at: number; id: string } | { reason: string } {
  const candidates = asked === 'auto' ? profileNames : [asked]
  for (let at = 0; at < Math.min(rows.length, 12); at++) {
    const header = (rows[at] as string[]).map(folded)
    const has = (names: string[] | undefined) => (names ?? []).some((name) => header.includes(name))
    const fitting = candidates
      .filter((id) => {
        const profile = profiles[id] as Profile
        return (has(profile.day) || has(profile.week)) && has(profile.amount)
      })
      .map((id) => ({ id, signs: (profiles[id] as Profile).sign.filter((name) => header.includes(name)).length }))
      .sort((left, right) => right.signs - left.signs)
    const best = fitting[0]
    if (best === undefined) continue
    // Without a sign of a platform only the plain profile may guess.
    if (best.signs > 0 || asked !== 'auto') return { header, at, id: best.id }
    return { header, at, id: 'plain' }
  }
  return {
    reason: asked === 'auto' ? kept('no_header') : kept('no_header_of', { profile: (profiles[asked] as Profile).name }),
  }
}

function ownHeaderOf(
  rows: string[][],
  own: Profile,
): { header: string[]; at: number; id: string } | { reason: string } {
  const wanted = [own.day, own.week, own.amount, own.campaign, own.channelFrom, own.currency, own.geo]
    .flatMap((names) => names ?? [])
    .concat(own.impressions ?? [], own.clicks ?? [], own.reach ?? [])
  for (let at = 0; at < Math.min(rows.length, 12); at++) {
    const header = (rows[at] as string[]).map(folded)
    if (wanted.every((name) => header.includes(name))) return { header, at, id: 'own' }
  }
  const missing = wanted.filter((name) => !rows.slice(0, 12).some((row) => row.map(folded).includes(name)))
  return { reason: kept('columns_missing', { columns: (missing.length > 0 ? missing : wanted).join(', ') }) }
}

/** A campaign that names its kind decides between brand, shopping and generic search. */
function channelOf(channel: string | null, campaign: string): string {
  if (channel === null) return ''
  if (channel !== 'Google Ads' && channel !== 'Microsoft Advertising') return channel
  if (/\b(shopping|pla|pmax|performance max)\b/i.test(campaign)) return 'Google Shopping'
  if (/\b(display|gdn|retargeting|remarketing)\b/i.test(campaign)) return 'Display'
  if (/\b(non|nicht|generi\w*)\b/i.test(campaign)) return channel
  return /\b(brand|marke)\b/i.test(campaign) ? `${channel} Brand` : channel
}

/** `3/14/2026` of American exports and `20260314`; others are left to the ledger. */
function dayOf(text: string): string {
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text)
  if (american) return `${american[3]}-${american[1]?.padStart(2, '0')}-${american[2]?.padStart(2, '0')}`
  const bare = /^(\d{4})(\d{2})(\d{2})$/.exec(text)
  return bare ? `${bare[1]}-${bare[2]}-${bare[3]}` : text
}

const whole = (text: string) => (/\d/.test(text) ? text.replaceAll(/[.,\s\u00a0]/g, '') : '')

/** Sum of two figures as a file wrote them. */
function added(left: string, right: string): string {
  const read = (text: string) => {
    const bare = text.replaceAll(/[^\d.,-]/g, '')
    const sign = Math.max(bare.lastIndexOf('.'), bare.lastIndexOf(','))
    const decimals = sign >= 0 && bare.length - sign <= 3
    return (
      Number(
        decimals
          ? `${bare.slice(0, sign).replaceAll(/[.,]/g, '')}.${bare.slice(sign + 1)}`
          : bare.replaceAll(/[.,]/g, ''),
      ) || 0
    )
  }
  return String(Math.round((read(left) + read(right)) * 100) / 100)
}
