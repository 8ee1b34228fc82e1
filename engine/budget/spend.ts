import { kept, minorDigits, toMinor } from '@einklang/contract'
import { defaultRules } from '#measurement'

/** One line of spend as it will stand in the ledger. */
export type Spend = {
  day: string
  days: 1 | 7
  channel: string
  given_channel: string
  campaign: string
  geo: string
  amount: number
  currency: string
  impressions: number | null
  clicks: number | null
  /** Persons, where the platform tells them. */
  reach: number | null
}

/** Names that ad platforms and agencies give to our channels, folded by `foldedName`. */
const aliases: { [given: string]: string } = {
  brand_search: 'search_brand',
  search_brand_: 'search_brand',
  suche_marke: 'search_brand',
  marken_suche: 'search_brand',
  generic_search: 'search_generic',
  search: 'search_generic',
  sea: 'search_generic',
  sem: 'search_generic',
  google_ads: 'search_generic',
  microsoft_advertising: 'search_generic',
  bing_ads: 'search_generic',
  suche: 'search_generic',
  suche_generisch: 'search_generic',
  google_shopping: 'shopping',
  social: 'social_ads',
  paid_social: 'social_ads',
  facebook: 'social_ads',
  instagram: 'social_ads',
  meta: 'social_ads',
  meta_ads: 'social_ads',
  tiktok: 'social_ads',
  tiktok_ads: 'social_ads',
  retargeting: 'display',
  display_retargeting: 'display',
  programmatic: 'display',
  banner: 'display',
  e_mail: 'email',
  newsletter: 'email',
  direct_mail: 'letter',
  direktmailing: 'letter',
  mailing: 'letter',
  brief: 'letter',
  print_mailing: 'letter',
  postwurf: 'letter',
  catalog: 'catalogue',
  katalog: 'catalogue',
  regional_tv: 'tv',
  regional_fernsehen: 'tv',
  fernsehen: 'tv',
  regionalfernsehen: 'tv',
  rundfunk: 'radio',
  horfunk: 'radio',
  ooh: 'out_of_home',
  plakat: 'out_of_home',
  plakate: 'out_of_home',
  aussenwerbung: 'out_of_home',
  out_of_home_qr: 'out_of_home',
  telefon: 'phone',
  call_center: 'phone',
  telefonie: 'phone',
}

/** `Hörfunk (regional)` → `horfunk_regional`. */
export function foldedName(given: string): string {
  return given
    .trim()
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
}

/** Words that say which medium is meant; the first line with a word of the name decides. */
const media: [channel: string, words: string][] = [
  ['shopping', 'shopping pla plas'],
  ['display', 'display gdn banner bannerwerbung retargeting remarketing programmatic prospecting'],
  ['social_ads', 'facebook instagram meta fb ig tiktok pinterest linkedin snapchat youtube'],
  ['search', 'google adwords bing microsoft search suche suchmaschinenwerbung sea sem'],
  ['social_ads', 'social'],
  ['radio', 'radio rundfunk horfunk radiospot radiospots radiowerbung'],
  ['tv', 'tv ctv fernsehen fernsehspot fernsehspots fernsehwerbung regionalfernsehen'],
  ['out_of_home', 'ooh dooh aussenwerbung plakat plakate plakatwerbung citylight litfasssaule poster'],
  ['catalogue', 'katalog kataloge catalog catalogue'],
  ['letter', 'direktmailing direktmailings mailing mailings brief briefe postwurf printmailing'],
  ['email', 'newsletter email mail'],
  ['sms', 'sms'],
  ['push', 'push'],
  ['affiliate', 'affiliate affiliates'],
]
/** Words that say nothing about the medium, beside those that tell brand from generic search. */
const besides = new Set(
  `ads ad advertising werbung anzeigen kampagne kampagnen campaign campaigns paid bezahlt marketing network netzwerk
  regional national lokal local versand brand branded brands marke marken markenname generic generisch generische non
  nonbrand nicht text e`.split(/\s+/),
)
const brandWord = /^(?:brand|branded|brands|marke|marken|markenname)$/
const notBrand = /^(?:generic|generisch|generische|non|nonbrand|nicht)$/

/** Reads names such as `Google Ads – Brand`; null when a word of it may name a channel of the house's own. */
function channelRead(words: string[]): string | null {
  const lines = media.map(([channel, text]) => ({ channel, words: text.split(' ') }))
  const named = lines.find((line) => words.some((word) => line.words.includes(word)))
  const known = (word: string) => besides.has(word) || lines.some((line) => line.words.includes(word))
  if (named === undefined || !words.every(known)) return null
  if (named.channel !== 'search') return named.channel
  return words.some((word) => brandWord.test(word)) && !words.some((word) => notBrand.test(word))
    ? 'search_brand'
    : 'search_generic'
}

const ours = new Set(defaultRules.map((rule) => rule.channel))

/** Our name for a channel; one we do not know keeps its own, folded. */
export function channelNamed(given: string): string {
  const folded = foldedName(given)
  const alias = aliases[folded]
  if (alias !== undefined) return alias
  return ours.has(folded) ? folded : (channelRead(folded.split('_')) ?? folded)
}

/** A record of the import as a ledger line, or what is wrong with it, naming the column. */
export function spendOf(fields: { [field: string]: string }, usualCurrency: string): Spend | { reason: string } {
  const text = (field: string) => fields[field]?.trim() ?? ''
  if (text('channel') === '') return { reason: kept('no_channel') }
  const when = periodOf(text('day'), text('week'))
  if ('reason' in when) return when
  const currency = (text('currency') || usualCurrency).toUpperCase().replace('€', 'EUR')
  if (!/^[A-Z]{3}$/.test(currency)) return { reason: kept('bad_currency', { given: text('currency') }) }
  const amount = amountOf(text('amount'), currency)
  if (typeof amount === 'object') return amount
  const impressions = countOf('impressions', text('impressions'))
  const clicks = countOf('clicks', text('clicks'))
  if (typeof impressions === 'object' && impressions !== null) return impressions
  if (typeof clicks === 'object' && clicks !== null) return clicks
  const reach = countOf('reach', text('reach'))
  if (typeof reach === 'object' && reach !== null) return reach
  return {
    ...when,
    channel: channelNamed(text('channel')),
    given_channel: text('channel'),
    campaign: text('campaign'),
    geo: text('geo'),
    amount,
    currency,
    impressions,
    clicks,
    reach,
  }
}

function periodOf(day: string, week: string): { day: string; days: 1 | 7 } | { reason: string } {
  if (day !== '') {
    const found = dayOf(day)
    return found === null ? { reason: kept('bad_day', { given: day }) } : { day: found, days: 1 }
  }
  if (week === '') return { reason: kept('no_day') }
  const found = weekOf(week)
  return found === null ? { reason: kept('bad_week', { given: week }) } : { day: found, days: 7 }
}

export function dayOf(text: string): string | null {
  const iso = /^(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?$/.exec(text)
  const german = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(text)
  const parts = iso ? [iso[1], iso[2], iso[3]] : german ? [german[3], german[2], german[1]] : null
  if (parts === null) return null
  const day = parts.map((part) => (part ?? '').padStart(2, '0')).join('-')
  const date = new Date(`${day}T00:00:00Z`)
  return Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== day ? null : day
}

/** The Monday of an ISO week, or of the week a date lies in. */
function weekOf(text: string): string | null {
  const iso = /^(\d{4})-?\s*(?:W|KW)\s*(\d{1,2})$/i.exec(text)
  const german = /^(?:KW\s*)?(\d{1,2})\s*[/.-]\s*(\d{4})$/i.exec(text)
  const year = Number(iso?.[1] ?? german?.[2])
  const week = Number(iso?.[2] ?? german?.[1])
  if (iso || german) {
    if (week < 1 || week > 53) return null
    const fourth = new Date(Date.UTC(year, 0, 4))
    fourth.setUTCDate(fourth.getUTCDate() - ((fourth.getUTCDay() + 6) % 7) + (week - 1) * 7)
    return fourth.toISOString().slice(0, 10)
  }
  const day = dayOf(text)
  if (day === null) return null
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return date.toISOString().slice(0, 10)
}

/** `1.234,56`, `1234.56`, `1 234,56 €` → minor units. */
function amountOf(text: string, currency: string): number | { reason: string } {
  const bare = text.replaceAll(/[\s\u00a0'’€$£]/g, '')
  if (bare === '') return { reason: kept('no_amount') }
  const decimal = decimalOf(bare)
  if (decimal === null) return { reason: kept('bad_amount', { given: text }) }
  if (decimal === 'ambiguous') return { reason: kept('two_amounts', { given: text }) }
  if (decimal < 0) return { reason: kept('negative_amount', { given: text }) }
  const { amount } = toMinor(decimal, currency)
  return Number.isSafeInteger(amount)
    ? amount
    : { reason: kept('large_amount', { given: text, decimals: minorDigits(currency) }) }
}

function decimalOf(text: string): number | null | 'ambiguous' {
  if (!/^-?[\d.,]+$/.test(text)) return null
  const comma = text.lastIndexOf(',')
  const dot = text.lastIndexOf('.')
  if (comma >= 0 && dot >= 0) {
    const plain = comma > dot ? text.replaceAll('.', '').replace(',', '.') : text.replaceAll(',', '')
    return numberOf(plain)
  }
  if (comma >= 0) {
    if (text.indexOf(',') !== comma) return numberOf(text.replaceAll(',', ''))
    return text.length - comma === 4 && comma < 4 + (text.startsWith('-') ? 1 : 0)
      ? 'ambiguous'
      : numberOf(text.replace(',', '.'))
  }
  return numberOf(text.indexOf('.') === dot ? text : text.replaceAll('.', ''))
}

function numberOf(text: string): number | null {
  const value = Number(text)
  return text !== '' && Number.isFinite(value) ? value : null
}

function countOf(field: string, text: string): number | null | { reason: string } {
  if (text === '') return null
  const value = Number(text.replaceAll(/[\s.\u00a0']/g, ''))
  return Number.isSafeInteger(value) && value >= 0 ? value : { reason: kept('no_count', { field, given: text }) }
}

/** What makes two lines the same line: the later one corrects the earlier. */
export function keyOf(spend: Spend): string {
  return JSON.stringify([
    spend.day,
    spend.days,
    spend.channel,
    spend.given_channel,
    spend.campaign,
    spend.geo,
    spend.currency,
  ])
}
