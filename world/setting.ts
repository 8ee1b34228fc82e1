import { type Calendar, createCalendar, day, endOf, isoWeek, localDate } from './calendar.ts'
import { type Campaign, planCampaigns } from './campaigns.ts'
import { cumulate, type Purpose, purposeOf, Stream } from './chance.ts'
import { receiveMessages } from './life.ts'
import {
  channelIndex,
  createMedia,
  type Media,
  type MediaName,
  meanBasketCents,
  mediaChannels,
  spendShare,
} from './media.ts'
import { buyerOf, emailPermission, personOf, recordDates } from './persons.ts'
import { createStores, geos, type Store } from './places.ts'
import { type Catalogue, categories, createCatalogue } from './products.ts'
import { presets, type Size, targets } from './sizes.ts'

export type WorldOptions = {
  /** Media and addressable channels that are off for the whole world. */
  channelsOff?: readonly MediaName[]
  /** Correlation between spend series. */
  collinearity?: 0.3 | 0.6 | 0.9
  /** Multiplies every defect rate; 0 gives clean records. */
  defects?: number
  /** Puts a unique token into each personal field. */
  canaries?: boolean
  /** Languages that customers speak, the commonest first; German alone unless given. */
  languages?: readonly Language[]
  /** Share of the size's persons that is made, with a range of articles to fit (its square root): for tests. */
  scale?: number
}

/** Languages of customers and how many of a hundred speak them. */
export const languageShares = { de: 90, en: 5, it: 3, vi: 2 } as const
export type Language = keyof typeof languageShares

/** Purposes of the streams, by entity. A new draw gets a new name here, never a place in an old stream. */
const purposeNames = [
  'block/households',
  'household/traits',
  'household/address',
  'household/life',
  'person/traits',
  'person/language',
  'person/buying',
  'person/records',
  'person/permission',
  'person/devices',
  'person/life',
  'person/number',
  'person/phone',
  'person/landline',
  'person/mailbox',
  'person/card',
  'person/candidates',
  'person/basket',
  'person/visits',
  'person/session',
  'person/message',
  'person/response',
  'person/returns',
  'person/story',
  'person/orderNumber',
  'person/offers',
  'person/defect',
  'person/recordNumber',
  'message/number',
  'store/order',
  'store/detail',
  'store/walkins',
  'store/receiptNumber',
  'store/late',
  'model/traits',
  'model/number',
  'model/gtin',
  'model/deviation',
  'model/markdown',
  'model/assortment',
  'sku/supply',
  'sku/records',
  'sku/shrink',
  'sku/opening',
  'world/weather',
  'world/media',
  'world/campaigns',
  'bot/sessions',
  'row/tie',
  'event/number',
  'event/device',
  'person/canary',
  'person/future',
  'person/calls',
  'store/basket',
] as const
export type PurposeName = (typeof purposeNames)[number]

export type Setting = {
  size: Size
  seed: number
  persons: number
  options: Required<Omit<WorldOptions, 'channelsOff'>> & { channelsOff: ReadonlySet<MediaName> }
  calendar: Calendar
  weeks: number
  /** Where the replayed past ends and the live part begins. */
  until: number
  end: number
  stores: Store[]
  storesOfGeo: Store[][]
  catalogue: Catalogue
  purposes: { [name in PurposeName]: Purpose }
  media: Media
  campaigns: Campaign[]
  /** Campaigns by week. */
  campaignsOfWeek: Campaign[][]
  weekOfYear: Uint8Array
  yearOf: Uint16Array
  /** Base level of a week, mean one: web and store. */
  season: { web: Float64Array; store: Float64Array }
  /** Cumulated weights of the seven days, per week: web, and store (closed days weigh nothing). */
  dayTables: { web: Float64Array[]; store: Float64Array[] }
  /** Category weights per week. */
  categoryTables: Float64Array[]
  /** Relative additions of broad channels: [channel][geo × weeks + week], in units of the base intensity. */
  lift: Float64Array[]
  /** Expected additional orders of one exposure. */
  exposureEffect: { [name in MediaName]: number }
  costCents: { email: number; sms: number; push: number; letter: number; catalogue: number; phone: number }
  /** Scales of the buying rates; walk-ins of a geo per week relative to one. */
  scale: { web: number; store: number; walkin: number; visits: number }
  story: readonly number[]
}

export function defaultStart(): Date {
  // 2024-01-01, a Monday, 00:00 in Berlin.
  return new Date('2023-12-31T23:00:00.000Z')
}

/** Everything that is the same for all persons. Pure: each worker builds its own, and all are equal. */
export function createSetting(request: {
  size: Size
  seed: number
  start?: Date
  weeks?: number
  until?: Date
  options?: WorldOptions
}): Setting {
  const preset = presets[request.size]
  const { seed, size } = request
  const weeks = request.weeks ?? preset.weeks
  const purposes = Object.fromEntries(
    purposeNames.map((name) => {
      const [kind, purpose] = name.split('/') as [string, string]
      return [name, purposeOf(seed, kind, purpose)]
    }),
  ) as Setting['purposes']
  const stream = new Stream()
  const options: Setting['options'] = {
    channelsOff: new Set(request.options?.channelsOff ?? []),
    collinearity: request.options?.collinearity ?? 0.6,
    defects: request.options?.defects ?? 1,
    canaries: request.options?.canaries ?? false,
    languages: request.options?.languages ?? ['de'],
    scale: request.options?.scale ?? 1,
  }
  const start = (request.start ?? defaultStart()).getTime()
  const calendar = createCalendar(start, weeks, { stream, weather: purposes['world/weather'] })
  const end = endOf(calendar)
  const until = Math.min(end, request.until?.getTime() ?? end)
  const stores = createStores(preset.stores, weeks, {
    stream,
    order: purposes['store/order'],
    detail: purposes['store/detail'],
  })
  const catalogue = createCatalogue(Math.round(preset.models * Math.sqrt(options.scale)), weeks, {
    stream,
    model: purposes['model/traits'],
    number: purposes['model/number'],
    gtin: purposes['model/gtin'],
  })
  const persons = Math.max(24, Math.round(preset.persons * options.scale))
  const weekOfYear = new Uint8Array(weeks)
  const yearOf = new Uint16Array(weeks)
  for (let week = 0; week < weeks; week++) {
    const text = isoWeek((calendar.midnight[week * 7] as number) + day / 2)
    weekOfYear[week] = Number(text.slice(6)) - 1
    yearOf[week] = Number(text.slice(0, 4))
  }
  const season = seasons(calendar, weekOfYear)
  const sales = Uint8Array.from(weekOfYear, (number) => (number < 6 || (number >= 26 && number < 32) ? 1 : 0))
  const setting: Setting = {
    size,
    seed,
    persons,
    options,
    calendar,
    weeks,
    until,
    end,
    stores,
    storesOfGeo: geos.map((geo) => stores.filter((store) => store.geo === geo.index)),
    catalogue,
    purposes,
    media: undefined as unknown as Media, // set below, it needs the buyers
    campaigns: planCampaigns(calendar, { stream, plan: purposes['world/campaigns'], until }),
    campaignsOfWeek: [],
    weekOfYear,
    yearOf,
    season,
    dayTables: dayTables(calendar),
    categoryTables: categoryTables(calendar, weekOfYear),
    lift: [],
    exposureEffect: Object.fromEntries(mediaChannels.map((law) => [law.name, 0])) as Setting['exposureEffect'],
    costCents: { email: 2.2, sms: 8, push: 0, letter: 85, catalogue: 240, phone: 400 },
    scale: { web: 1, store: 1, walkin: 0, visits: 1 },
    story: storyPersons(persons, stream, purposes['person/story'], weeks),
  }
  setting.campaignsOfWeek = Array.from({ length: weeks }, (_, week) =>
    setting.campaigns.filter((campaign) => campaign.week === week),
  )
  calibrate(setting, sales)
  return setting
}

/** Twelve persons whose last days follow a planned course. */
function storyPersons(persons: number, stream: Stream, purpose: Purpose, weeks: number): number[] {
  if (weeks < 3) return []
  const wanted = Math.min(12, Math.floor(persons / 3))
  const chosen = new Set<number>()
  stream.open(purpose, 0)
  while (chosen.size < wanted) chosen.add(stream.below(persons))
  return [...chosen].sort((a, b) => a - b)
}

function seasons(calendar: Calendar, weekOfYear: Uint8Array): Setting['season'] {
  const web = new Float64Array(calendar.weeks)
  const store = new Float64Array(calendar.weeks)
  for (let week = 0; week < calendar.weeks; week++) {
    const number = weekOfYear[week] as number
    const turn = 1 + 0.22 * bump(number, 12, 3.5) + 0.28 * bump(number, 38, 3.5)
    const sale = 1 + 0.25 * bump(number, 1.5, 2) + 0.2 * bump(number, 28, 2.5)
    const christmas = 1 + 0.45 * bump(number, 49, 2.2)
    let openDays = 0
    let wet = 0
    for (let index = week * 7; index < week * 7 + 7; index++) {
      openDays += calendar.open[index] as number
      wet += calendar.rain[index] as number
    }
    const firstDays = Number(localDate(calendar.midnight[week * 7] as number).slice(8, 10))
    const payday = firstDays <= 5 || firstDays >= 27 ? 1.06 : 1
    web[week] = turn * sale * christmas * payday * (1 + 0.004 * Math.min(wet, 20))
    store[week] = turn * sale * christmas * payday * (1 - 0.004 * Math.min(wet, 20)) * (openDays / 6)
  }
  for (const series of [web, store]) {
    const mean = series.reduce((sum, value) => sum + value, 0) / calendar.weeks
    for (let week = 0; week < calendar.weeks; week++) series[week] = (series[week] as number) / mean
  }
  return { web, store }
}

function bump(week: number, centre: number, width: number): number {
  const distance = Math.min(Math.abs(week - centre), 52 - Math.abs(week - centre))
  return Math.exp(-(distance * distance) / (2 * width * width))
}

function dayTables(calendar: Calendar): Setting['dayTables'] {
  const webDays = [1.05, 1, 0.98, 1, 0.92, 0.95, 1.25]
  const storeDays = [0.85, 0.85, 0.9, 0.95, 1.2, 1.75, 1.1]
  const tables: Setting['dayTables'] = { web: [], store: [] }
  for (let week = 0; week < calendar.weeks; week++) {
    tables.web.push(cumulate(webDays))
    const open = storeDays.map((weight, at) => weight * (calendar.open[week * 7 + at] as number))
    tables.store.push(cumulate(open.some((weight) => weight > 0) ? open : storeDays))
  }
  return tables
}

/** What is bought follows the calendar and the weather of the week: sandals when warm, boots when cold. */
function categoryTables(calendar: Calendar, weekOfYear: Uint8Array): Float64Array[] {
  return Array.from({ length: calendar.weeks }, (_, week) => {
    let warmth = 0
    let wet = 0
    for (let index = week * 7; index < week * 7 + 7; index++) {
      warmth += ((calendar.temperature[index] as number) - 10.4) / 7
      wet += (calendar.rain[index] as number) / 7
    }
    const ahead = Math.cos((2 * Math.PI * ((weekOfYear[week] as number) - 24)) / 52)
    return cumulate(
      categories.map((category) => {
        const pull = category.season * (0.11 * warmth + 0.7 * ahead)
        return category.weight * Math.exp(pull) * (category.kind === 'care' ? 1 + 0.05 * wet : 1)
      }),
    )
  })
}

/**
 * Sets all scales from the expected buying of a sample of persons: base rates so that orders reach the size's counts,
 * responses so that each channel's marginal return is the table's.
 */
function calibrate(setting: Setting, sales: Uint8Array): void {
  const { weeks, persons } = setting
  const frames = weeks / 104
  const revenue =
    persons * (targets.webOrders + targets.knownReceipts + targets.anonymousReceipts) * frames * meanBasketCents
  const stream = new Stream()
  setting.media = createMedia({
    stream,
    plan: setting.purposes['world/media'],
    weeks,
    revenue,
    season: setting.season.web,
    saleWeeks: sales,
    collinearity: setting.options.collinearity,
  })
  const sample = Math.min(persons, 10_000)
  const cells = geos.length * weeks
  const expected: Expected = {
    web: new Float64Array(cells),
    store: new Float64Array(cells),
    knownStore: new Float64Array(cells),
    knownWeb: new Float64Array(cells),
  }
  const subscribers = new Float64Array(weeks)
  const others = { sms: new Float64Array(weeks), push: new Float64Array(weeks), letter: new Float64Array(weeks) }
  let interest = 0
  for (let id = 0; id < sample; id++) {
    const buyer = buyerOf(setting, id)
    const from = Math.max(0, (buyer.joined - setting.calendar.start) / (7 * day))
    const until = Math.min(weeks, (buyer.gone - setting.calendar.start) / (7 * day))
    const cardFrom = (recordDates(setting, buyer).loyalty - 60 * day - setting.calendar.start) / (7 * day)
    for (let week = Math.floor(from); week < until; week++) {
      // The first and the last week count in part.
      const part = Math.min(week + 1, until) - Math.max(week, from)
      const at = buyer.geo * weeks + week
      const web = buyer.rate * buyer.webShare * part
      const store = buyer.rate * (1 - buyer.webShare) * part
      const known = buyer.has.loyalty ? (week >= cardFrom ? buyer.cardDiscipline : 0) : buyer.has.crm ? 0.5 : 0
      expected.web[at] = (expected.web[at] as number) + web
      expected.store[at] = (expected.store[at] as number) + store
      expected.knownWeb[at] = (expected.knownWeb[at] as number) + web * known
      expected.knownStore[at] = (expected.knownStore[at] as number) + store * known
      interest += buyer.visitRate * part
    }
    const email = emailPermission(setting, buyer)
    if (email) {
      const begins = Math.max(0, Math.ceil((email.from - setting.calendar.start) / (7 * day)))
      for (let week = begins; week < Math.min(weeks, email.weeks); week++)
        subscribers[week] = (subscribers[week] as number) + 1
    }
    for (const channel of ['sms', 'push', 'letter'] as const)
      if (buyer.permits[channel])
        for (let week = Math.ceil(from); week < weeks; week++)
          others[channel][week] = (others[channel][week] as number) + 1
  }
  const perPerson = persons / sample
  addressedEffects(setting)
  for (let round = 0; round < 6; round++) setScales(setting, expected, perPerson, { revenue, frames })
  setReach(setting, subscribers, others, perPerson, frames)
  tuneExposures(setting)
  setting.scale.visits = visitScale(setting, interest * perPerson, frames)
}

/** Expected buying before scaling, at geo × weeks + week. */
type Expected = { web: Float64Array; store: Float64Array; knownWeb: Float64Array; knownStore: Float64Array }

/** Orders that one round of addressed contacts adds over the whole frame, by where they are placed. */
function addressedOrders(revenue: number): { web: number; store: number } {
  const result = { web: 0, store: 0 }
  for (const law of mediaChannels) {
    if (law.way !== 'addressed') continue
    const orders = (revenue * spendShare * law.share * law.roas) / meanBasketCents
    result.web += orders * law.web
    result.store += orders * (1 - law.web)
  }
  return result
}

/**
 * One round towards the counts of the size: lifts follow from the base rates, base rates from what the lifts leave over.
 * The lift of a cell is its expected additional revenue in units of the cell's base revenue.
 */
function setScales(
  setting: Setting,
  expected: Expected,
  perPerson: number,
  of: { revenue: number; frames: number },
): void {
  const { weeks, scale } = setting
  const cells = geos.length * weeks
  const goal = (perHead: number): number => setting.persons * perHead * of.frames
  const first = setting.lift.length === 0
  if (first) {
    let sum = 0
    for (let at = 0; at < cells; at++)
      sum += ((expected.web[at] as number) + (expected.store[at] as number)) * perPerson
    const all = targets.webOrders + targets.knownReceipts + targets.anonymousReceipts
    scale.web = (goal(all) * 0.8) / sum
    scale.store = scale.web
    scale.walkin = goal(all) * 0.1
  }
  setting.lift = []
  const added = { web: 0, store: 0, known: 0, walkin: 0 }
  for (const [index, law] of mediaChannels.entries()) {
    const increment = setting.media.increment[index] as Float64Array
    const lift = new Float64Array(cells)
    setting.lift.push(lift)
    if (law.way !== 'broad') continue
    for (const geo of geos)
      for (let week = 0; week < weeks; week++) {
        const at = geo.index * weeks + week
        const persons =
          ((expected.web[at] as number) * scale.web + (expected.store[at] as number) * scale.store) * perPerson
        const known =
          ((expected.knownWeb[at] as number) * scale.web + (expected.knownStore[at] as number) * scale.store) *
          perPerson
        const walkin = (scale.walkin / weeks) * walkinShare(setting, geo.index)
        const buying = persons + walkin
        if (buying <= 0) continue
        const value = (increment[at] as number) / (buying * meanBasketCents)
        lift[at] = value
        added.web += persons * value * law.web
        added.store += persons * value * (1 - law.web)
        added.known += known * value * (1 - law.web)
        added.walkin += walkin * value
      }
  }
  const addressed = addressedOrders(of.revenue)
  const total = { web: 0, store: 0, known: 0 }
  for (let at = 0; at < cells; at++) {
    const week = at % weeks
    total.web += (expected.web[at] as number) * (setting.season.web[week] as number) * perPerson
    total.store += (expected.store[at] as number) * (setting.season.store[week] as number) * perPerson
    total.known += (expected.knownStore[at] as number) * (setting.season.store[week] as number) * perPerson
  }
  // Those whom letters and mails reach show a card more often than others.
  const knownOfReached = 0.62
  scale.web = Math.max(0.1 * goal(targets.webOrders), goal(targets.webOrders) - added.web - addressed.web) / total.web
  scale.store =
    Math.max(
      0.1 * goal(targets.knownReceipts),
      goal(targets.knownReceipts) - added.known - addressed.store * knownOfReached,
    ) / total.known
  const anonymousOfPersons =
    (total.store - total.known) * scale.store + added.store - added.known + addressed.store * (1 - knownOfReached)
  scale.walkin = Math.max(0, goal(targets.anonymousReceipts) - anonymousOfPersons - added.walkin)
}

/** Share of the walk-ins that a geo has: regions without a store have none. */
export function walkinShare(setting: Setting, geo: number): number {
  const served = geos.reduce(
    (sum, one) => sum + ((setting.storesOfGeo[one.index] as Store[]).length > 0 ? one.weight : 0),
    0,
  )
  return (setting.storesOfGeo[geo] as Store[]).length > 0 ? (geos[geo] as { weight: number }).weight / served : 0
}

/** The effect of one exposure: what a contact costs, times the channel's return, in baskets. */
function addressedEffects(setting: Setting): void {
  const { email, sms, letter, catalogue, phone } = setting.costCents
  for (const [name, cents] of Object.entries({ email, sms, direct_mail: letter, catalogue, phone }) as [
    MediaName,
    number,
  ][]) {
    const law = mediaChannels[channelIndex[name]] as (typeof mediaChannels)[number]
    setting.exposureEffect[name] = (law.roas * cents) / meanBasketCents
  }
}

/**
 * Contacts reach people who have left, and the last ones outlive the frame: the effect of those that count is raised until
 * the return of all of them is the table's. Measured on a pilot of the first persons.
 */
function tuneExposures(setting: Setting): void {
  if (setting.size === 'town') return
  const spent = new Float64Array(mediaChannels.length)
  const fixed = new Float64Array(mediaChannels.length)
  const scaled = new Float64Array(mediaChannels.length)
  for (let id = 0; id < Math.min(setting.persons, 1_500); id++) {
    const person = personOf(setting, id)
    for (const one of receiveMessages(setting, person).exposures) {
      const cost = setting.costCents[costOf[one.channel] as keyof Setting['costCents']]
      spent[one.channel] = (spent[one.channel] as number) + cost
      if (one.at >= person.gone) continue
      const lasts = 1 - 2 ** (-(Math.min(person.gone, setting.end) - one.at) / one.fade)
      scaled[one.channel] = (scaled[one.channel] as number) + (one.effect - one.offer) * lasts
      fixed[one.channel] = (fixed[one.channel] as number) + one.offer * lasts
    }
  }
  for (const [index, law] of mediaChannels.entries()) {
    if (law.way !== 'addressed' || law.name === 'phone' || (scaled[index] as number) <= 0) continue
    const wanted = ((spent[index] as number) * law.roas) / meanBasketCents - (fixed[index] as number)
    setting.exposureEffect[law.name] *= Math.max(0.2, Math.min(5, wanted / (scaled[index] as number)))
  }
}

const costOf: { [channel: number]: keyof Setting['costCents'] } = {
  [channelIndex.email]: 'email',
  [channelIndex.sms]: 'sms',
  [channelIndex.direct_mail]: 'letter',
  [channelIndex.catalogue]: 'catalogue',
}

/** Chooses what share of the permitted each campaign reaches, so that the number of sends is the size's. */
function setReach(
  setting: Setting,
  subscribers: Float64Array,
  others: { sms: Float64Array; push: Float64Array; letter: Float64Array },
  perPerson: number,
  frames: number,
): void {
  const expected: { [kind: string]: number } = {}
  const audience = (campaign: Campaign): number => {
    if (campaign.kind === 'newsletter' || campaign.kind === 'offer') return subscribers[campaign.week] as number
    if (campaign.kind === 'sms') return others.sms[campaign.week] as number
    if (campaign.kind === 'push') return others.push[campaign.week] as number
    return others.letter[campaign.week] as number
  }
  const group = (campaign: Campaign): string => (campaign.kind === 'offer' ? 'newsletter' : campaign.kind)
  for (const campaign of setting.campaigns)
    expected[group(campaign)] =
      (expected[group(campaign)] ?? 0) + audience(campaign) * (1 - campaign.holdout) * perPerson
  const wanted: { [kind: string]: number } = {
    newsletter: targets.emails,
    sms: targets.sms,
    push: targets.push,
    letter: targets.letters,
    catalogue: targets.catalogues,
  }
  for (const campaign of setting.campaigns) {
    const kind = group(campaign)
    campaign.reach = Math.min(
      1,
      ((wanted[kind] as number) * setting.persons * frames) / Math.max(1, expected[kind] as number),
    )
  }
}

/** Spontaneous visits per unit of interest: what remains of the sessions when those with a cause are taken away. */
function visitScale(setting: Setting, interest: number, frames: number): number {
  const clicks = targets.emails * 0.026 + targets.sms * 0.05
  const caused = targets.webOrders + 0.12 * 3.6 + clicks + 0.03 * targets.sessions
  return ((targets.sessions - caused) * setting.persons * frames) / Math.max(1e-9, interest)
}

/** What a person speaks and reads; drawn apart from everything else, so that it shifts nothing. */
export function languageOf(setting: Setting, person: number): Language {
  const { languages } = setting.options
  const whole = languages.reduce((sum, language) => sum + languageShares[language], 0)
  let left = new Stream().open(setting.purposes['person/language'], person, 0).uniform() * whole
  for (const language of languages) {
    left -= languageShares[language]
    if (left < 0) return language
  }
  return languages[0] ?? 'de'
}
