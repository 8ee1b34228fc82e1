import { type Basket, chooseBasket } from './baskets.ts'
import { day, hour, instant, week } from './calendar.ts'
import type { Campaign } from './campaigns.ts'
import { pickIndex, Stream, share } from './chance.ts'
import { channelIndex, type MediaName, mediaChannels } from './media.ts'
import type { Person } from './persons.ts'
import type { Setting } from './setting.ts'

/** One of the worlds that are simulated with the same chance: which channels are on, and whether the stores unify. */
export type Scenario = {
  name: string
  /** Factor on each channel, 1 = as in history. */
  level: Float64Array
  unification: boolean
}

export function history(setting: Setting): Scenario {
  return scenarioWithout(setting, 'history', [])
}

export function scenarioWithout(
  setting: Setting,
  name: string,
  off: readonly MediaName[],
  unification = true,
): Scenario {
  const level = new Float64Array(mediaChannels.length).fill(1)
  for (const channel of [...off, ...setting.options.channelsOff]) level[channelIndex[channel]] = 0
  return { name, level, unification }
}

export type Message = {
  campaign: Campaign
  channel: 'email' | 'sms' | 'push' | 'letter' | 'catalogue'
  at: number
  heldOut: boolean
  cell: string
  delivered: boolean
  opened: number | null
  machineOpened: number | null
  clicked: number | null
  bounced: boolean
  unsubscribed: number | null
}

/** A contact that can move a purchase: expected additional orders, fading by half-life. */
export type Exposure = {
  channel: number
  at: number
  effect: number
  /** Part of the effect that comes from a personal offer. */
  offer: number
  fade: number
}

export type Purchase = {
  /** Number of the candidate: the same in every scenario. */
  key: number
  at: number
  week: number
  channel: 'web' | 'app' | 'store'
  /** Store of the purchase or of collection; −1 = delivered from the web warehouse. */
  store: number
  collect: boolean
  basket: Basket
  /** Share of the intensity that was due to each cause at this moment: what the visit will say of where it came from. */
  cause: 'base' | MediaName
  /** Preceded by a web cart of the same articles. */
  precededByCart: boolean
}

const drawing = new Stream()

function closeness(person: Person, at: number): number {
  const local = ((at / hour + 1) % 24) - person.preferredHour
  return Math.exp(0.8 * Math.cos((2 * Math.PI * local) / 24)) / 1.1665
}

const preferenceOf = { email: 1.125, sms: 0.84, push: 0.885, letter: 0.9 } as const

/** 1.5 on the preferred channel and 0.75 on others, divided by its mean over persons. */
function liking(person: Person, channel: Person['preferredChannel']): number {
  return (person.preferredChannel === channel ? 1.5 : 0.75) / preferenceOf[channel]
}

/** Every message planned for a person, what became of it, and the exposures it makes. Independent of purchases. */
export function receiveMessages(setting: Setting, person: Person): { messages: Message[]; exposures: Exposure[] } {
  const messages: Message[] = []
  const exposures: Exposure[] = []
  const recent: number[] = []
  const chosen = setting.purposes['person/message']
  const machine = share(setting.purposes['person/response'], person.id, 3) < 0.27
  const off = setting.options.channelsOff
  let ended = false
  for (const campaign of setting.campaigns) {
    const channel = campaign.kind === 'newsletter' || campaign.kind === 'offer' ? 'email' : campaign.kind
    if (off.has(channel === 'letter' ? 'direct_mail' : (channel as MediaName))) continue
    if (!permitted(person, channel, campaign.at, ended)) continue
    const storyMail = person.story && campaign.at > setting.until - 8 * day && channel === 'email'
    if (share(chosen, person.id, campaign.index * 2) >= campaign.reach && !storyMail) continue
    const heldOut = !storyMail && share(chosen, person.id, campaign.index * 2 + 1) < campaign.holdout
    const personal =
      campaign.kind === 'offer' &&
      offersLive(setting, person, campaign.week) &&
      share(setting.purposes['person/offers'], person.id, campaign.index) < 0.5
    const message: Message = {
      campaign,
      channel,
      at: campaign.at,
      heldOut,
      cell:
        campaign.kind === 'offer'
          ? personal
            ? 'personal'
            : 'generic'
          : campaign.kind === 'letter' || campaign.kind === 'catalogue'
            ? `${campaign.name}-${heldOut ? 'K' : 'A'}`
            : '',
      delivered: true,
      opened: null,
      machineOpened: null,
      clicked: null,
      bounced: false,
      unsubscribed: null,
    }
    messages.push(message)
    if (heldOut) continue
    const draw = drawing.open(setting.purposes['person/response'], person.id, campaign.index + 16)
    message.at = campaign.at + draw.below(channel === 'letter' || channel === 'catalogue' ? 2 * day : 40 * 60_000)
    if (channel === 'email') {
      if (person.emailPermission && campaign.at >= person.emailPermission.until) {
        ended = true
        if (person.emailPermission.end === 'bounced') {
          message.bounced = true
          message.delivered = false
          continue
        }
      }
      while (recent.length > 0 && (recent[0] as number) < message.at - week) recent.shift()
      const tired = recent.length >= 2
      recent.push(message.at)
      const fits = closeness(person, campaign.at) * liking(person, 'email')
      if (machine && draw.happens(0.5)) message.machineOpened = message.at + 1000 * (20 + draw.below(1800))
      const opens = draw.happens(Math.min(0.9, 0.125 * fits * (tired ? 0.6 : 1) * person.response ** 0.5))
      if (opens || ended) {
        message.opened = message.at + Math.floor(draw.exponential(1 / (4 * hour))) + 60_000
        if (draw.happens(0.16)) message.clicked = message.opened + 1000 * (5 + draw.below(120))
        if (ended && person.emailPermission?.end === 'unsubscribed')
          message.unsubscribed = message.opened + 1000 * (30 + draw.below(300))
      }
      const effect = setting.exposureEffect.email * person.response * fits * (tired ? -0.6 : 1.06)
      exposures.push({
        channel: channelIndex.email,
        at: message.at,
        effect: effect + (personal ? person.offerEffect : 0),
        offer: personal ? person.offerEffect : 0,
        fade: 0.5 * week,
      })
    } else if (channel === 'sms') {
      message.delivered = !draw.happens(0.03)
      if (draw.happens(0.05 * closeness(person, campaign.at)))
        message.clicked = message.at + Math.floor(draw.exponential(1 / hour))
      if (message.delivered)
        exposures.push({
          channel: channelIndex.sms,
          at: message.at,
          effect: setting.exposureEffect.sms * person.response * closeness(person, campaign.at) * liking(person, 'sms'),
          offer: 0,
          fade: 0.2 * week,
        })
    } else if (channel === 'push') {
      message.delivered = !draw.happens(0.08)
      if (message.delivered && draw.happens(0.06 * closeness(person, campaign.at)))
        message.opened = message.at + Math.floor(draw.exponential(1 / (2 * hour)))
    } else {
      // Undeliverable where the address is stale: after a move that nobody reported.
      const stale =
        person.household.move !== null &&
        campaign.at > person.household.move.at &&
        share(setting.purposes['person/life'], person.id, 7) < 0.4
      message.delivered = !stale && !draw.happens(0.012)
      const name = channel === 'letter' ? 'direct_mail' : 'catalogue'
      const law = mediaChannels[channelIndex[name]] as (typeof mediaChannels)[number]
      if (message.delivered)
        exposures.push({
          channel: channelIndex[name],
          at: message.at + 2 * day,
          effect:
            setting.exposureEffect[name] * person.response * (channel === 'letter' ? liking(person, 'letter') : 1),
          offer: 0,
          fade: law.halfLife * week,
        })
    }
  }
  return { messages, exposures }
}

function permitted(person: Person, channel: Message['channel'], at: number, ended: boolean): boolean {
  if (at < person.joined) return false
  if (channel === 'email') return person.emailPermission !== null && at >= person.emailPermission.from && !ended
  if (channel === 'sms') return person.permits.sms
  if (channel === 'push') return person.permits.push
  return person.permits.letter
}

/** Part four of the unification: personalised offers, three weeks after the store has joined. */
export function offersLive(setting: Setting, person: Person, weekIndex: number): boolean {
  const store = setting.stores[person.homeStore]
  return store !== undefined && setting.weeks > 20 && weekIndex >= store.joins + 3
}

/** How far the staff of a store use the companion: logistic after training, 0 before. */
export function adoption(setting: Setting, store: number, weekIndex: number): number {
  const one = setting.stores[store]
  if (!one || setting.weeks <= 20 || weekIndex < one.joins + 2) return 0
  return 1 / (1 + Math.exp(-(weekIndex - one.joins - 5) / 1.5))
}

export function hasJoined(setting: Setting, store: number, weekIndex: number): boolean {
  const one = setting.stores[store]
  return one !== undefined && setting.weeks > 20 && weekIndex >= one.joins
}

/** The instant of a position (0 … 1) in a week, along the week's profile of days and the channel's hours. */
export function momentOf(setting: Setting, weekIndex: number, position: number, store: number, within: number): number {
  const table = (store < 0 ? setting.dayTables.web : setting.dayTables.store)[weekIndex] as Float64Array
  const dayInWeek = pickIndex(table, position)
  const index = weekIndex * 7 + dayInWeek
  if (store < 0) {
    // Evening peak: the mean of two uniforms over 6 to 24 o'clock leans to the evening.
    return instant(setting.calendar, index, (7 + 16.9 * within ** 0.72) * 3600)
  }
  const hours = (setting.stores[store] as Setting['stores'][number]).hours
  const [opens, closes] = dayInWeek === 5 ? hours.saturday : dayInWeek === 6 ? [13, 18] : hours.week
  return instant(setting.calendar, index, (opens + (closes - opens) * (0.04 + 0.95 * within)) * 3600)
}

/** The purchases of a person in a scenario. Candidates come from the same chance in all of them; the intensity decides. */
export function buy(
  setting: Setting,
  person: Person,
  exposures: readonly Exposure[],
  scenario: Scenario,
  known?: Map<number, Basket>,
  onCall?: (weekIndex: number) => void,
): Purchase[] {
  const { calendar, weeks, season, scale, purposes } = setting
  const purchases: Purchase[] = []
  const baseWeb = person.rate * person.webShare * scale.web
  const baseStore = person.rate * (1 - person.webShare) * scale.store
  const base = baseWeb + baseStore
  const lapses =
    person.rate * person.spendLevel > 1.6 && (person.has.account || person.has.loyalty) && person.permits.letter
  const ceilingWeb = 3.4 * baseWeb + 0.6 * base + 0.1
  const ceilingStore = 3.4 * baseStore + 0.6 * base + 0.06 + (lapses ? 0.5 : 0)
  const ceiling = ceilingWeb + ceilingStore
  const storeProposal = ceilingStore / ceiling
  const first = Math.max(0, Math.floor((person.joined - calendar.start) / week))
  const last = Math.min(weeks - 1, Math.floor((person.gone - calendar.start) / week))
  const browser = person.visitRate > 0.5
  const lifts = setting.lift
  // Exposures arrive in order of time and are looked at only while they last.
  const coming = exposures
    .filter((one) => (scenario.level[one.channel] as number) > 0)
    .sort((one, other) => one.at - other.at)
  let next = 0
  let live: Exposure[] = []
  let lastBought = Math.max(person.joined, calendar.start - 10 * week)
  for (let index = first; index <= last; index++) {
    const weekStart = calendar.midnight[index * 7] as number
    const weekEnd = calendar.midnight[index * 7 + 7] as number
    live = live.filter((one) => weekStart - one.at <= 8 * one.fade)
    while (next < coming.length && (coming[next] as Exposure).at < weekEnd) live.push(coming[next++] as Exposure)
    if (lapses && (scenario.level[channelIndex.phone] as number) > 0 && weekStart - lastBought > 18 * week) {
      if (share(purposes['person/calls'], person.id, index) < 0.28) {
        onCall?.(index)
        live.push({
          channel: channelIndex.phone,
          at: weekStart + 2 * day + 15 * hour,
          effect: setting.exposureEffect.phone * person.response,
          offer: 0,
          fade: 0.15 * week,
        })
      }
    }
    const draw = drawing.open(purposes['person/candidates'], person.id, index)
    const count = draw.poisson(ceiling)
    for (let number = 0; number < count; number++) {
      const accept = draw.uniform()
      const atStore = draw.uniform() < storeProposal
      const position = draw.uniform()
      const within = draw.uniform()
      const choice = draw.uniform()
      const store = atStore ? storeFor(setting, person, choice) : -1
      if (atStore && (setting.stores[store] as Setting['stores'][number]).closedWeeks.includes(index)) continue
      const at = momentOf(setting, index, position, store, within)
      if (at < person.joined || at >= person.gone) continue
      let intensity = atStore ? baseStore * (season.store[index] as number) : baseWeb * (season.web[index] as number)
      if (atStore && browser && scenario.unification) intensity *= 1 + 0.045 * adoption(setting, store, index)
      const parts = collectParts(lifts, scenario, person.geo * weeks + index, base, atStore)
      let added = parts.sum
      for (const one of live) {
        const since = at - one.at
        if (since < 0 || since > 8 * one.fade) continue
        const law = mediaChannels[one.channel] as (typeof mediaChannels)[number]
        const effect =
          ((one.effect * Math.LN2 * week) / one.fade) *
          2 ** (-since / one.fade) *
          (atStore ? 1 - law.web : law.web) *
          (scenario.level[one.channel] as number)
        added += effect
        parts.add(one.channel, effect)
      }
      const total = Math.max(0, intensity + added)
      if (accept * (atStore ? ceilingStore : ceilingWeb) >= total) continue
      const key = index * 32 + number
      lastBought = at
      const more = scenario.unification && atStore ? 0.025 * adoption(setting, store, index) * (browser ? 1 : 0) : 0
      const purchase = finish(setting, person, { key, at, index, atStore, store, choice, more, total, parts }, known)
      if (purchase.basket.lines.length > 0) purchases.push(purchase)
    }
  }
  return purchases.sort((a, b) => a.at - b.at)
}

class Parts {
  sum = 0
  readonly channels: number[] = []
  readonly values: number[] = []
  reset(): void {
    this.sum = 0
    this.channels.length = 0
    this.values.length = 0
  }
  add(channel: number, value: number): void {
    this.channels.push(channel)
    this.values.push(value)
  }
}
const parts = new Parts()

function collectParts(
  lifts: readonly Float64Array[],
  scenario: Scenario,
  at: number,
  base: number,
  atStore: boolean,
): Parts {
  parts.reset()
  for (let channel = 0; channel < lifts.length; channel++) {
    const lift = (lifts[channel] as Float64Array)[at] as number
    if (lift === 0) continue
    const law = mediaChannels[channel] as (typeof mediaChannels)[number]
    const value = base * lift * (atStore ? 1 - law.web : law.web) * (scenario.level[channel] as number)
    if (value === 0) continue
    parts.sum += value
    parts.add(channel, value)
  }
  return parts
}

/** Four of five store purchases happen in the home store, the rest in another one. */
function storeFor(setting: Setting, person: Person, choice: number): number {
  if (choice < 0.8 || setting.stores.length === 1) return person.homeStore
  return Math.floor(((choice - 0.8) / 0.2) * setting.stores.length)
}

function finish(
  setting: Setting,
  person: Person,
  of: {
    key: number
    at: number
    index: number
    atStore: boolean
    store: number
    choice: number
    more: number
    total: number
    parts: Parts
  },
  known: Map<number, Basket> | undefined,
): Purchase {
  const remembered = of.more === 0 ? known?.get(of.key) : undefined
  const joined = hasJoined(setting, of.atStore ? of.store : person.homeStore, of.index)
  const basket =
    remembered ??
    chooseBasket(setting, drawing2.open(setting.purposes['person/basket'], person.id, of.key), {
      taste: person,
      week: of.index,
      place: of.atStore ? of.store : -1,
      joined,
      more: of.more,
    })
  if (of.more === 0) known?.set(of.key, basket)
  const detail = share(setting.purposes['person/basket'], person.id, of.key + 500_000)
  const collect = !of.atStore && detail < (joined ? 0.18 : 0.1)
  const blame = share(setting.purposes['person/basket'], person.id, of.key + 600_000) * of.total
  let cause: Purchase['cause'] = 'base'
  let sum = 0
  for (let at = 0; at < of.parts.channels.length; at++) {
    sum += Math.max(0, of.parts.values[at] as number)
    if (blame < sum) {
      cause = (mediaChannels[of.parts.channels[at] as number] as (typeof mediaChannels)[number]).name
      break
    }
  }
  return {
    key: of.key,
    at: of.at,
    week: of.index,
    channel: of.atStore ? 'store' : person.appUser && detail > 0.5 ? 'app' : 'web',
    store: of.atStore ? of.store : collect ? person.homeStore : -1,
    collect,
    basket,
    cause,
    precededByCart: of.atStore && detail < 0.12,
  }
}
const drawing2 = new Stream()
