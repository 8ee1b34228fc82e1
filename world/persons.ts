import { day, week } from './calendar.ts'
import { base32, cumulate, hash, hex, permute, pickIndex, Stream } from './chance.ts'
import { firstNames, surnameEnds, surnameStarts, surnames, townPeople, withoutUmlauts } from './names.ts'
import { geos, streets } from './places.ts'
import type { Setting } from './setting.ts'

const blockSize = 12
const householdSizes = cumulate([0.4, 0.33, 0.13, 0.11, 0.03])
const geoTable = cumulate(geos.map((geo) => geo.weight))
const surnameTable = cumulate(surnames.weights)
const cohortTables = {
  female: firstNames.female.map((cohort) => cumulate(cohort.weights)),
  male: firstNames.male.map((cohort) => cumulate(cohort.weights)),
}

/** Rare courses of life that the world must contain (spec world §10), spread evenly over blocks of persons. */
export const householdEdges = [
  'twins',
  'same name',
  'marriage and move',
  'family mailbox',
  'found card',
  'erased and back',
] as const
export type HouseholdEdge = (typeof householdEdges)[number]

export type Address = { street: string; house: string; postcode: string; town: string }

export type Household = {
  id: number
  members: number[]
  geo: number
  surname: string
  address: Address
  /** Instant and address of a move, if there is one. */
  move: { at: number; address: Address } | null
  landline: string
  /** One mailbox for all. */
  sharedMailbox: boolean
  sharedPhone: boolean
  familyCard: boolean
  edge: HouseholdEdge | null
}

const draws = new Stream()
let blockSetting: Setting | null = null
let blockNumber = -1
let blockHouseholds: Household[] = []

/** Households are cut from blocks of twelve persons, so that anyone's is found without a pass over all. */
export function householdOf(setting: Setting, person: number): Household {
  const block = Math.floor(person / blockSize)
  if (block !== blockNumber || setting !== blockSetting) {
    blockHouseholds = cutBlock(setting, block)
    blockSetting = setting
    blockNumber = block
  }
  return blockHouseholds.find((one) => person < one.id + one.members.length) as Household
}

function cutBlock(setting: Setting, block: number): Household[] {
  const stream = draws.open(setting.purposes['block/households'], block)
  // Every 97 blocks each edge occurs once; a small world has them rarely, size S eight or nine times.
  const turn = (block * 37 + 11) % 97
  const edge = setting.size === 'town' ? null : (householdEdges[turn] ?? null)
  const households: Household[] = []
  const last = Math.min(setting.persons, (block + 1) * blockSize)
  for (let first = block * blockSize; first < last; ) {
    const drawn = pickIndex(householdSizes, stream.uniform()) + 1
    const isEdge = edge !== null && first === block * blockSize
    const size = Math.min(last - first, isEdge ? 4 : drawn)
    households.push(householdFrom(setting, first, size, isEdge ? edge : null))
    first += size
  }
  return households
}

function householdFrom(setting: Setting, id: number, size: number, edge: HouseholdEdge | null): Household {
  const draw = new Stream().open(setting.purposes['household/traits'], id)
  const geo = pickIndex(geoTable, draw.uniform())
  const surname = draw.happens(0.2)
    ? (() => {
        const name = draw.pick(surnameStarts) + draw.pick(surnameEnds)
        return name
      })()
    : (surnames.names[pickIndex(surnameTable, draw.uniform())] as string)
  const place = new Stream().open(setting.purposes['household/address'], id)
  const address = addressIn(geo, place)
  const life = new Stream().open(setting.purposes['household/life'], id)
  const moves = edge === 'marriage and move' || life.happens(0.09 * Math.min(1, setting.weeks / 104))
  const at = setting.calendar.start + Math.floor((0.1 + 0.8 * life.uniform()) * setting.weeks * 7) * day + 9 * 3_600_000
  return {
    id,
    members: Array.from({ length: size }, (_, index) => id + index),
    geo,
    surname,
    address,
    move: moves ? { at, address: addressIn(geo, life) } : null,
    landline: landlineOf(setting, id),
    sharedMailbox: edge === 'family mailbox' || (size >= 2 && life.happens(0.03)),
    sharedPhone: size >= 2 && life.happens(0.12),
    familyCard: size >= 2 && life.happens(0.05),
    edge,
  }
}

function addressIn(geo: number, draw: Stream): Address {
  const region = geos[geo] as (typeof geos)[number]
  const town = region.towns[
    pickIndex(cumulate(region.towns.map((one) => one.weight)), draw.uniform())
  ] as (typeof region.towns)[number]
  const house = `${1 + draw.below(draw.happens(0.3) ? 140 : 60)}${draw.happens(0.12) ? 'abc'[draw.below(3)] : ''}`
  return { street: draw.pick(streets), house, postcode: draw.pick(town.postcodes), town: town.name }
}

const landlineAreas = ['3023125', '6990009', '4066969', '2214710', '8999998'] as const

/** Only numbers that regulators set aside for films: five German areas of a thousand each. */
export function landlineOf(setting: Setting, household: number): string {
  const at = permute(setting.purposes['person/landline'], household % 5000, 5000)
  return `+49${landlineAreas[Math.floor(at / 1000)]}${String(at % 1000).padStart(3, '0')}`
}

const singleMobiles =
  '15228817386 15228895456 15254599371 1729925904 1729968532 1729973185 1729973186 1729980752 1749091317 1749464308'.split(
    ' ',
  )

/**
 * Mobile numbers of the film ranges: 210 German ones (`0171 39200 xx`, `0176 040690 xx` and ten single numbers) and,
 * because these do not suffice, the ten thousand of France (`06 39 98 xx xx`). Beyond 10,210 persons numbers repeat.
 */
export function mobileOf(setting: Setting, person: number): string {
  const at = permute(setting.purposes['person/phone'], person % 10_210, 10_210)
  if (at < 100) return `+491713920${String(at).padStart(3, '0')}`
  if (at < 200) return `+491760406${String(9000 + at - 100)}`
  if (at < 210) return `+49${singleMobiles[at - 200]}`
  return `+3363998${String(at - 210).padStart(4, '0')}`
}

/** What decides how much and where a person buys; cheap to make for everyone. */
export type Buyer = {
  id: number
  geo: number
  /** Weekly rate before scaling, mean one. */
  rate: number
  webShare: number
  visitRate: number
  joined: number
  gone: number
  appUser: boolean
  has: { account: boolean; loyalty: boolean; newsletter: boolean; crm: boolean; catalogue: boolean }
  permits: { email: boolean; sms: boolean; push: boolean; letter: boolean }
  cardDiscipline: number
  spendLevel: number
  priceSense: number
  refusesCookies: boolean
  story: boolean
}

export function buyerOf(setting: Setting, id: number): Buyer {
  const draw = new Stream().open(setting.purposes['person/buying'], id)
  const { start, weeks } = setting.calendar
  const story = setting.story.includes(id)
  const rate = draw.gamma(0.9, 0.9)
  const webPull = draw.gamma(1.1, 1)
  const storePull = draw.gamma(2, 1)
  const webShare = webPull / (webPull + storePull)
  const visitRate = draw.gamma(1.2, 1.2) * (0.4 + 1.7 * webShare)
  const before = draw.happens(0.66)
  const joined = story
    ? start - 40 * week
    : before
      ? start - draw.uniform() * 150 * week
      : start + draw.uniform() * weeks * 0.95 * week
  const dropOut = draw.gamma(2, 600)
  const lasts = draw.exponential(dropOut) * week
  const gone = story ? Number.POSITIVE_INFINITY : Math.max(start, joined) + lasts
  const records = draw.open(setting.purposes['person/records'], id)
  const has = {
    account: records.happens(0.22 + 0.36 * webShare),
    loyalty: records.happens(0.46),
    newsletter: records.happens(0.22),
    crm: records.happens(0.09),
    catalogue: records.happens(0.085),
  }
  if (!(has.account || has.loyalty || has.newsletter || has.crm || has.catalogue)) {
    const fate = records.uniform()
    if (fate < 0.35) has.account = true
    else if (fate < 0.7) has.loyalty = true
    else if (fate < 0.8) has.newsletter = true
    else if (fate < 0.9) has.crm = true
    else has.catalogue = true
  }
  const household = householdOf(setting, id)
  const sharesMailbox = household.sharedMailbox && id !== household.id && !story
  if (sharesMailbox) {
    // One address is one subscription: the first of the household holds it.
    has.newsletter = false
    if (!(has.account || has.loyalty || has.crm || has.catalogue)) has.loyalty = true
  }
  const permission = draw.open(setting.purposes['person/permission'], id)
  const emailByAccount = permission.happens(0.36)
  const emailByCard = permission.happens(0.3)
  const sms = permission.happens(0.3)
  const letter = permission.happens(0.85)
  const push = permission.happens(0.6)
  const appUser = permission.happens(0.05 + 0.28 * webShare)
  // Ada, the first of the town, is a customer everywhere: tests rely on her.
  if (story || (setting.size === 'town' && id === 0))
    Object.assign(has, { account: true, loyalty: true, newsletter: true })
  return {
    id,
    geo: household.geo,
    rate,
    webShare,
    visitRate,
    joined,
    gone,
    appUser: appUser && !story,
    has,
    permits: {
      email: !sharesMailbox && (has.newsletter || (has.account && emailByAccount) || (has.loyalty && emailByCard)),
      sms: sms && (has.account || has.loyalty || has.crm),
      push: push && appUser && !story,
      letter: letter && (has.loyalty || has.crm || has.catalogue || has.account),
    },
    cardDiscipline: 0.72 + 0.25 * permission.uniform(),
    spendLevel: Math.exp(0.3 * permission.normal() - 0.045),
    priceSense: Math.exp(0.5 * permission.normal()),
    refusesCookies: !story && permission.happens(0.28),
    story,
  }
}

export type EmailPermission = { from: number; until: number; end: 'unsubscribed' | 'bounced' | 'never'; weeks: number }

/** When a person's permission for e-mail begins and how it ends; the date does not depend on what is sent. */
export function emailPermission(setting: Setting, buyer: Buyer): EmailPermission | null {
  if (!buyer.permits.email) return null
  const draw = new Stream().open(setting.purposes['person/permission'], buyer.id, 1)
  const dates = recordDates(setting, buyer)
  const from = buyer.has.newsletter ? dates.newsletter : buyer.has.account ? dates.account : dates.loyalty
  const unsubscribed = Math.max(from, setting.calendar.start) + draw.exponential(1 / 700) * week
  const bounced = draw.happens(0.04)
    ? setting.calendar.start + draw.uniform() * setting.weeks * week
    : Number.POSITIVE_INFINITY
  if (buyer.story) return { from, until: Number.POSITIVE_INFINITY, end: 'never', weeks: setting.weeks }
  const until = Math.min(unsubscribed, Math.max(bounced, from))
  return {
    from,
    until,
    end: until < setting.end ? (bounced < unsubscribed ? 'bounced' : 'unsubscribed') : 'never',
    weeks: (until - setting.calendar.start) / week,
  }
}

export type RecordDates = { account: number; loyalty: number; newsletter: number; crm: number; catalogue: number }

/** When each record came into being: between the first contact and the end of the customer's time. */
export function recordDates(setting: Setting, buyer: Buyer): RecordDates {
  const draw = new Stream().open(setting.purposes['person/records'], buyer.id, 1)
  const last = Math.max(buyer.joined + day, Math.min(buyer.gone, setting.until - 30 * day))
  const moment = (): number => {
    const early = draw.uniform() ** 2
    const at = buyer.joined + early * (last - buyer.joined)
    return Math.floor(at / 1000) * 1000
  }
  const dates = { account: moment(), loyalty: moment(), newsletter: moment(), crm: moment(), catalogue: moment() }
  if (buyer.story)
    for (const key of Object.keys(dates) as (keyof RecordDates)[])
      dates[key] = Math.min(dates[key], setting.calendar.start - 5 * day)
  return dates
}

export type Device = { id: string; mobile: boolean; from: number }

export type Person = Buyer & {
  household: Household
  female: boolean
  birthYear: number
  birthday: string
  first: string
  last: string
  /** Surname until a marriage, and its date. */
  marriage: { before: string; at: number } | null
  mobile: string
  phone: string
  email: string
  shoeSize: number
  style: readonly [number, number, number]
  preferredChannel: 'email' | 'sms' | 'push' | 'letter'
  preferredHour: number
  userId: string
  card: string
  secondCard: string | null
  pushToken: string
  devices: Device[]
  dates: RecordDates
  emailPermission: EmailPermission | null
  homeStore: number
  edge: HouseholdEdge | null
  /** When the person had everything erased; they buy again later as a guest. */
  erasedAt: number | null
  /** Reaction to a personalised instead of a generic offer, in purchase probability over two weeks. */
  offerEffect: number
  /** Factor on the effect of each message, mean one. */
  response: number
}

const mailboxes = ['example.com', 'example.org', 'example.net'] as const
const townWomen = new Set(
  'ada dana gül ida kira mia pia rosa uli vera xenia yara zoe berta carla ella greta ines klara maja'.split(' '),
)

export function personOf(setting: Setting, id: number, buyer: Buyer = buyerOf(setting, id)): Person {
  const { purposes } = setting
  const household = householdOf(setting, id)
  const draw = new Stream().open(purposes['person/traits'], id)
  const position = id - household.id
  const edge = household.edge
  const head = new Stream().open(purposes['household/life'], household.id, 1)
  const headAge = 24 + Math.floor(52 * head.uniform() ** 1.15)
  const spread = draw.normal()
  const adult = position === 0 || (position === 1 && household.members.length < 6)
  let age =
    position === 0
      ? headAge
      : adult
        ? Math.max(18, Math.min(88, Math.round(headAge + 3 * spread)))
        : Math.max(15, Math.min(30, headAge - 26 - draw.below(8)))
  let female = draw.happens(0.57)
  if (position === 1)
    female = draw.happens(0.1) ? female : !new Stream().open(purposes['person/traits'], household.id).happens(0.57)
  if (edge === 'same name' && position < 2) {
    female = false
    age = position === 0 ? 52 : 24
  }
  const year = new Date(setting.calendar.start).getUTCFullYear()
  let birthYear = year - age
  const twin = edge === 'twins' && (position === 2 || position === 3)
  const birth = twin ? new Stream().open(purposes['person/life'], household.id + 2, 2) : draw
  if (twin) birthYear = year - 19
  const birthday = `${birthYear}-${String(1 + birth.below(12)).padStart(2, '0')}-${String(1 + birth.below(28)).padStart(2, '0')}`
  const cohort = birthYear < 1970 ? 0 : birthYear < 1990 ? 1 : 2
  const naming = new Stream().open(purposes['person/life'], edge === 'same name' && position === 1 ? household.id : id)
  const table = firstNames[female ? 'female' : 'male'][edge === 'same name' && position < 2 ? 1 : cohort] as {
    names: string[]
  }
  let first = table.names[
    pickIndex(
      cohortTables[female ? 'female' : 'male'][edge === 'same name' && position < 2 ? 1 : cohort] as Float64Array,
      naming.uniform(),
    )
  ] as string
  let last = household.surname
  const ownName = naming.happens(0.14) && position === 1
  if (ownName) last = surnames.names[pickIndex(surnameTable, naming.uniform())] as string
  const marries =
    (edge === 'marriage and move' && position === 1) || (position === 1 && !ownName && naming.happens(0.05))
  const maiden = surnames.names[pickIndex(surnameTable, naming.uniform())] as string
  const weddingAt = setting.calendar.start + Math.floor((0.1 + 0.8 * naming.uniform()) * setting.weeks * 7) * day
  const marriage = marries
    ? {
        before: maiden === last ? 'Averkamp' : maiden,
        at: edge === 'marriage and move' && household.move ? household.move.at - 2 * day : weddingAt,
      }
    : null
  if (setting.size === 'town') {
    const name = townPeople[id] as string
    first = name[0]?.toUpperCase() + name.slice(1)
    female = townWomen.has(name)
  }
  const token = canary(setting, id, 'c')
  first += canary(setting, id, 'a')
  last += canary(setting, id, 'b')
  const mobile = mobileOf(setting, id)
  const usesLandline = age > 55 ? draw.happens(0.5) : draw.happens(0.12)
  const shoe = female ? 38.4 + 1.3 * draw.normal() : 42.8 + 1.4 * draw.normal()
  const permutedId = permute(purposes['person/number'], id, 2 ** 24)
  const hours = [9, 12, 18, 20, 21]
  const hour = (hours[draw.below(5)] as number) + 1.2 * draw.normal()
  const channel = (['email', 'sms', 'push', 'letter'] as const)[
    pickIndex(channelTable, draw.uniform())
  ] as Person['preferredChannel']
  const style = [draw.normal(), draw.normal(), draw.normal()] as const
  const effect = draw.happens(0.1)
    ? -0.012 - 0.004 * Math.abs(draw.normal())
    : 0.0105 * Math.exp(0.4 * draw.normal() - 0.08)
  const response = Math.min(4, Math.exp(0.5 * draw.normal() - 0.125))
  const localStores = setting.storesOfGeo[household.geo] as Setting['stores']
  const homeStore =
    localStores.length > 0
      ? (localStores[draw.below(localStores.length)] as { index: number }).index
      : household.id % setting.stores.length
  const numbers = purposes['person/card']
  const card = cardNumber(permute(numbers, id, 2 ** 30))
  const dates = recordDates(setting, buyer)
  return {
    ...buyer,
    household,
    female,
    birthYear,
    birthday,
    first,
    last,
    marriage,
    mobile,
    phone: household.sharedPhone || usesLandline ? household.landline : mobile,
    email: mailboxOf(setting, {
      id,
      first,
      last: marriage?.before ?? last,
      household,
      permutedId,
      birthYear,
      draw,
      token,
      story: buyer.story,
    }),
    shoeSize: Math.round(shoe),
    style,
    preferredChannel: channel,
    preferredHour: (hour + 24) % 24,
    userId: `C${base32(permutedId, 5)}`,
    card: household.familyCard ? cardNumber(permute(numbers, household.id, 2 ** 30)) : card,
    secondCard:
      !household.familyCard && !buyer.story && draw.happens(0.025)
        ? cardNumber(permute(numbers, 2 ** 29 + id, 2 ** 30))
        : null,
    pushToken: `fcm-${hex(hash(purposes['person/devices'], id, 901))}${hex(hash(purposes['person/devices'], id, 902))}`,
    devices: devicesOf(setting, buyer),
    dates,
    emailPermission: emailPermission(setting, buyer),
    homeStore,
    edge,
    erasedAt:
      edge === 'erased and back' && household.members.find((one) => buyerOf(setting, one).has.account) === id
        ? setting.calendar.start + Math.floor(setting.weeks * (0.3 + 0.04 * (id % 8))) * week + 11 * 3_600_000
        : null,
    offerEffect: effect,
    response,
  }
}

const channelTable = cumulate([0.5, 0.12, 0.18, 0.2])

/** `29` and ten digits with a check digit: cards of the retailer. */
function cardNumber(value: number): string {
  const body = `29${String(value).padStart(10, '0')}`
  let sum = 0
  for (let at = 0; at < 12; at++) sum += Number(body[at]) * (at % 2 === 0 ? 1 : 3)
  return body + ((10 - (sum % 10)) % 10)
}

function mailboxOf(
  setting: Setting,
  of: {
    id: number
    first: string
    last: string
    household: Household
    permutedId: number
    birthYear: number
    draw: Stream
    token: string
    story: boolean
  },
): string {
  if (setting.size === 'town')
    return `${withoutUmlauts(townPeople[of.id] as string).toLowerCase()}${of.token}@example.com`
  const shared = of.household.sharedMailbox && !of.story
  const clean = (text: string): string =>
    withoutUmlauts(text)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')
  const number = shared ? permute(setting.purposes['person/number'], of.household.id, 2 ** 24) : of.permutedId
  const tail = number.toString(36)
  const domain = mailboxes[hash(setting.purposes['person/mailbox'], shared ? of.household.id : of.id) % 3] as string
  if (shared) return `familie.${clean(of.household.surname)}.${tail}${of.token}@${domain}`
  const [first, last] = [clean(of.first), clean(of.last)]
  const shapes = [
    `${first}.${last}.${tail}`,
    `${first[0]}.${last}${tail}`,
    `${first}${last}${tail}`,
    `${last}.${first}.${tail}`,
    `${first}${String(of.birthYear).slice(2)}.${tail}`,
  ]
  return `${of.draw.pick(shapes)}@${domain}`
}

/**
 * With canaries: a token that occurs nowhere else, one per field that can carry text (a first name, b surname, c mailbox,
 * d street); by it an erasure or an export is checked. Else nothing.
 */
export function canary(setting: Setting, id: number, field: 'a' | 'b' | 'c' | 'd'): string {
  if (!setting.options.canaries) return ''
  return `zq${base32(permute(setting.purposes['person/canary'], id, 2 ** 30), 6).toLowerCase()}${field}`
}

/** Does the person have a web account at an instant? */
export function hasAccount(person: Person, at: number): boolean {
  return person.has.account && at >= person.dates.account && (person.erasedAt === null || at < person.erasedAt)
}

function devicesOf(setting: Setting, buyer: Buyer): Device[] {
  const draw = new Stream().open(setting.purposes['person/devices'], buyer.id)
  const count = buyer.story ? 2 : Math.min(8, 1 + draw.poisson(1.6))
  return Array.from({ length: count }, (_, index) => ({
    id: uuid(draw),
    mobile: draw.happens(0.62),
    from: index < 2 ? Number.NEGATIVE_INFINITY : setting.calendar.start + draw.uniform() * setting.weeks * week,
  }))
}

/** A version 4 identifier from a stream. */
export function uuid(draw: Stream): string {
  const a = hex(draw.bits())
  const b = hex(draw.bits())
  const c = hex(draw.bits())
  const d = hex(draw.bits())
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-a${c.slice(1, 4)}-${c.slice(4)}${d}`
}

export function addressAt(person: Person, at: number): Address {
  return person.household.move && at >= person.household.move.at
    ? person.household.move.address
    : person.household.address
}

export function surnameAt(person: Person, at: number): string {
  return person.marriage && at < person.marriage.at ? person.marriage.before : person.last
}
