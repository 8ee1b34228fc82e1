import { type Basket, chooseBasket } from './baskets.ts'
import { dayOf, instant, iso, week, weekOf } from './calendar.ts'
import { cumulate, hash, hex, pickIndex, Stream, share } from './chance.ts'
import type { Files } from './files.ts'
import { hasJoined, type Message, momentOf, type Purchase } from './life.ts'
import { liveFaultOf } from './live.ts'
import { channelIndex } from './media.ts'
import { addressAt, canary, hasAccount, type Person, surnameAt, uuid } from './persons.ts'
import { categories, priceOf, sizesPerModel } from './products.ts'
import { decimal, type Rows } from './rows.ts'
import { moveGoods, tellEdge } from './sales.ts'
import { languageOf, type Setting } from './setting.ts'

export type Sink = {
  setting: Setting
  files: Files
  rows: Rows
  /** Whether truth is wanted at all; without it no truth row is made. */
  truth: boolean
  counts: { [name: string]: number }
}

export function count(sink: Sink, name: string, by = 1): void {
  sink.counts[name] = (sink.counts[name] ?? 0) + by
}

export type Origin = { source: string; medium: string; campaign: string; referrer: string } | null

type Session = {
  at: number
  end: 'browse' | 'cart' | 'checkout' | 'order'
  purchase: Purchase | null
  basket: Basket | null
  origin: Origin
  app: boolean
  landing: string
  number: number
  story: boolean
}

const site = 'https://www.schuhhaus.example'
const slugs = [
  'sneaker',
  'stiefel',
  'stiefeletten',
  'sandalen',
  'halbschuhe',
  'pumps',
  'kinder',
  'sport',
  'hausschuhe',
  'pflege',
]
const agents = {
  mobile: [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari/604.1',
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/122.0 Mobile Safari/537.36',
    'Mozilla/5.0 (Linux; Android 13; SM-A546B) AppleWebKit/537.36 Chrome/121.0 Mobile Safari/537.36',
  ],
  desktop: [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/122.0 Safari/537.36',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_3) AppleWebKit/605.1.15 Version/17.3 Safari/605.1.15',
    'Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Gecko/20100101 Firefox/123.0',
  ],
  app: ['Schuhhaus/4.2 (iOS 17.4)', 'Schuhhaus/4.2 (Android 14)'],
  bots: [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36',
  ],
}

const search = 'https://www.google.de/'
/** Where visits come from when nothing in particular caused them; paid origins vary with the spend of region and week. */
const origins: { weight: number; media: number; origin: Origin }[] = [
  { weight: 33, media: -1, origin: null },
  { weight: 21, media: -1, origin: { source: '', medium: '', campaign: '', referrer: search } },
  {
    weight: 17,
    media: channelIndex.brand_search,
    origin: { source: 'google', medium: 'cpc', campaign: 'marke', referrer: search },
  },
  {
    weight: 14,
    media: channelIndex.generic_search,
    origin: { source: 'google', medium: 'cpc', campaign: 'shopping-schuhe', referrer: search },
  },
  {
    weight: 8,
    media: channelIndex.social_ads,
    origin: {
      source: 'instagram',
      medium: 'paid_social',
      campaign: 'social-kollektion',
      referrer: 'https://l.instagram.com/',
    },
  },
  {
    weight: 5,
    media: channelIndex.display,
    origin: { source: 'display', medium: 'display', campaign: 'retargeting', referrer: 'https://ads.example/' },
  },
  {
    weight: 2,
    media: -1,
    origin: { source: '', medium: '', campaign: '', referrer: 'https://www.schuhtest.example/' },
  },
]
/** What brings the visit of a purchase that a channel caused. Radio and television send people to the search engine. */
const originOfCause: { [cause: string]: number } = {
  brand_search: 2,
  generic_search: 3,
  social_ads: 4,
  display: 5,
  radio: 2,
  regional_tv: 2,
}

/** Average number of browsing steps is set by this chance to go on. */
const goOn = 0.55

const drawing = new Stream()
const identifying = new Stream()

export function visit(sink: Sink, person: Person, purchases: readonly Purchase[], messages: readonly Message[]): void {
  const { setting } = sink
  const sessions: Session[] = []
  for (const purchase of purchases) {
    const pick = share(setting.purposes['person/visits'], person.id, purchase.key + 1_000_000)
    if (purchase.channel !== 'store') {
      sessions.push({
        at: purchase.at - Math.floor((4 + 20 * pick) * 60_000),
        end: 'order',
        purchase,
        basket: purchase.basket,
        origin: originOfPurchase(setting, person, purchase, messages),
        app: purchase.channel === 'app',
        landing: '/',
        number: 4096 + purchase.key,
        story: false,
      })
    } else if (purchase.precededByCart) {
      sessions.push({
        at: purchase.at - Math.floor((0.05 + 6.9 * pick) * 86_400_000),
        end: 'cart',
        purchase: null,
        basket: purchase.basket,
        origin: originFor(setting, person.geo, purchase.week, pick),
        app: false,
        landing: '/',
        number: 4096 + purchase.key,
        story: false,
      })
    }
  }
  for (const message of messages) {
    // The last click of a story leads to its cart, which is played on its own.
    if (message.clicked === null || (person.story && message.at > setting.until - 3 * 86_400_000)) continue
    const origin: Origin = {
      source: message.channel === 'email' ? 'newsletter' : message.channel,
      medium: message.channel,
      campaign: message.campaign.utm,
      referrer: '',
    }
    sessions.push({
      at: message.clicked + 1500,
      end: 'browse',
      purchase: null,
      basket: null,
      origin,
      app: false,
      landing: new URL(message.campaign.url).pathname,
      number: 65_536 + message.campaign.index,
      story: person.story,
    })
  }
  for (const message of messages) {
    // Some leave a cart behind and withdraw their consent within the hour, while a reminder waits.
    if (message.unsubscribed === null || share(setting.purposes['person/visits'], person.id, 4_000_000) >= 0.12)
      continue
    const basket = chooseBasket(setting, new Stream().open(setting.purposes['person/basket'], person.id, 1_000_800), {
      taste: person,
      week: Math.min(setting.weeks - 1, message.campaign.week),
      place: -1,
      joined: true,
      more: 0,
    })
    if (basket.lines.length === 0 || person.story) continue
    const at = message.unsubscribed - 45 * 60_000
    sessions.push({
      at,
      end: 'checkout',
      purchase: null,
      basket,
      origin: null,
      app: false,
      landing: '/',
      number: 9_100_000,
      story: hasAccount(person, at),
    })
    tellEdge(sink, at, {
      edge: 'withdraws while a journey waits',
      person: person.id,
      email: person.email,
      cart: iso(at),
      withdrawn: iso(message.unsubscribed),
    })
  }
  const first = Math.max(0, Math.floor((person.joined - setting.calendar.start) / week))
  const last = Math.min(setting.weeks - 1, Math.floor((person.gone - setting.calendar.start) / week))
  for (let index = first; index <= last; index++) {
    const draw = drawing.open(setting.purposes['person/visits'], person.id, index)
    const rate = person.visitRate * setting.scale.visits * (0.4 + 0.6 * (setting.season.web[index] as number))
    const visits = draw.poisson(rate)
    for (let one = 0; one < visits; one++) {
      const at = momentOf(setting, index, draw.uniform(), -1, draw.uniform())
      const app = person.appUser && draw.happens(0.5)
      const pick = draw.uniform()
      if (at < person.joined || at >= person.gone) continue
      sessions.push({
        at,
        end: 'browse',
        purchase: null,
        basket: null,
        origin: app ? null : originFor(setting, person.geo, index, pick),
        app,
        landing: '/',
        number: index * 16 + one,
        story: false,
      })
    }
  }
  for (const session of sessions) {
    if (person.story && session.at > setting.until - 3 * 86_400_000) continue
    if (session.at >= setting.calendar.start && session.at < setting.end) play(sink, person, session)
  }
}

/** A purchase that e-mail caused is reached by its click; others by the origins, weighted with the cause. */
function originOfPurchase(setting: Setting, person: Person, purchase: Purchase, messages: readonly Message[]): Origin {
  const pick = share(setting.purposes['person/visits'], person.id, purchase.key + 2_000_000)
  if (purchase.cause === 'email' || purchase.cause === 'sms' || pick < 0.06) {
    for (let at = messages.length - 1; at >= 0; at--) {
      const message = messages[at] as Message
      if (
        message.at > purchase.at - 3_600_000 ||
        (message.channel !== 'email' && message.channel !== 'sms') ||
        message.heldOut ||
        !message.delivered
      )
        continue
      if (purchase.at - message.at > 5 * 86_400_000) break
      if (purchase.cause === 'base' && message.opened === null) continue
      // The click that brought the purchase is the report's click as well.
      if (message.clicked === null) {
        message.clicked = purchase.at - Math.floor((5 + 20 * pick) * 60_000)
        if (message.channel === 'email' && message.opened === null) message.opened = message.clicked - 20_000
        message.opened =
          message.opened !== null && message.opened > message.clicked ? message.clicked - 20_000 : message.opened
      }
      return {
        source: message.channel === 'email' ? 'newsletter' : 'sms',
        medium: message.channel,
        campaign: message.campaign.utm,
        referrer: '',
      }
    }
  }
  const caused = originOfCause[purchase.cause]
  if (caused !== undefined && pick < 0.85) return (origins[caused] as (typeof origins)[number]).origin
  if (purchase.cause === 'catalogue' || purchase.cause === 'direct_mail') return null
  return originFor(
    setting,
    person.geo,
    purchase.week,
    share(setting.purposes['person/visits'], person.id, purchase.key + 3_000_000),
  )
}

function originFor(setting: Setting, geo: number, weekIndex: number, pick: number): Origin {
  const weights = origins.map(({ weight, media }) => {
    if (media < 0) return weight
    const series = setting.media.spend[media] as Float64Array
    const mean = setting.media.unit[media] as number
    return weight * Math.min(2, (series[geo * setting.weeks + weekIndex] as number) / Math.max(1, (mean * 1) / 8))
  })
  return (origins[pickIndex(cumulate(weights), pick)] as (typeof origins)[number]).origin
}

/** The cart that a story leaves behind: logged in, on the person's own device, up to the till and not further. */
export function playStoryCart(sink: Sink, person: Person, of: { at: number; basket: Basket; campaign: string }): void {
  play(sink, person, {
    at: of.at,
    end: 'checkout',
    purchase: null,
    basket: of.basket,
    origin: { source: 'newsletter', medium: 'email', campaign: of.campaign, referrer: '' },
    app: false,
    landing: '/sneaker',
    number: 9_000_000,
    story: true,
  })
}

/** The tablet on a store's counter: one device with many customers. */
export function tabletOf(setting: Setting, store: number): string {
  return uuid(identifying.open(setting.purposes['store/detail'], store, 77))
}

type Voice = {
  sink: Sink
  file: number
  head: string
  context: string
  tie: number
  person: number
  session: number
  steps: number
  app: boolean
}

const locales = { de: 'de-DE', en: 'en-GB', it: 'it-IT', vi: 'vi-VN' }

/** Writes one call. The identifiers of messages come from the entity and the number of the call, never from its place. */
function call(
  voice: Voice,
  at: number,
  type: 'page' | 'screen' | 'track' | 'identify',
  body: string,
  page: string,
): void {
  const { sink } = voice
  const { purposes } = sink.setting
  const step = voice.session * 256 + voice.steps++
  const first = hash(purposes['event/number'], voice.person, step)
  const second = hash(purposes['event/device'], voice.person, step)
  const third = hash(purposes['message/number'], voice.person, step)
  const instantText = iso(at)
  const text = `{"type":"${type}","messageId":"${hex(first)}${hex(second)}${hex(third)}",${voice.head}"timestamp":"${instantText}",${body}"context":{${voice.context}${page}}}`
  let file: number
  if (at >= sink.setting.until) file = voice.app ? sink.files.live.app : sink.files.live.web
  else file = (voice.app ? sink.files.app : sink.files.web)[Math.max(0, weekOf(sink.setting.calendar, at))] as number
  if (file === undefined) return
  sink.rows.add(file, at, third, text)
  count(sink, at >= sink.setting.until ? 'live' : 'events')
  if (at >= sink.setting.until && sink.truth)
    tellLiveFault(sink, at, third, `${hex(first)}${hex(second)}${hex(third)}`, voice.app)
}

/** What live mode does to the call when it is asked to plant faults. */
function tellLiveFault(sink: Sink, at: number, tie: number, messageId: string, app: boolean): void {
  const source = app ? 'app' : 'web'
  const { kind, lateMs } = liveFaultOf(sink.setting.seed, { source, messageId, at })
  if (kind === 'none') return
  sink.rows.add(
    sink.files.truth.live_faults,
    at,
    tie,
    JSON.stringify({ message: messageId, source, kind, late_seconds: Math.round(lateMs / 1000) }),
  )
}

function pageContext(path: string, title: string): string {
  return `,"page":{"path":"${path}","url":"${site}${path}","title":"${title}"}`
}

function productOf(setting: Setting, sku: number, unit: number, quantity: number): string {
  return `${setting.catalogue.fragments[sku]},"price":${decimal(unit, '.')},"quantity":${quantity}}`
}

/** One session as a chain of steps: landing, lists, products, cart, checkout, order. */
function play(sink: Sink, person: Person, session: Session): void {
  const { setting } = sink
  const draw = drawing.open(setting.purposes['person/session'], person.id, session.number)
  count(sink, 'sessions')
  const pickDevice = draw.uniform()
  const loginPick = draw.uniform()
  const consentPick = draw.uniform()
  const tabletPick = draw.uniform()
  const account = hasAccount(person, session.at)
  const loggedIn =
    account &&
    (session.app || session.story || loginPick < (session.end === 'order' ? 0.92 : session.end === 'cart' ? 0.5 : 0.24))
  const store = setting.stores[person.homeStore] as Setting['stores'][number]
  const tablet =
    !session.app &&
    store.tablet &&
    tabletPick < 0.012 &&
    !person.story &&
    hasJoined(setting, store.index, weekOf(setting.calendar, session.at))
  const cookieless = person.refusesCookies && !tablet && !session.app
  let anonymousId: string
  let mobile = true
  if (cookieless)
    anonymousId = uuid(identifying.open(setting.purposes['event/device'], person.id, session.number + 7_000_000))
  else if (tablet) anonymousId = tabletOf(setting, store.index)
  else if (session.app) anonymousId = uuid(identifying.open(setting.purposes['event/device'], person.id, 6_999_999))
  else {
    const owned = person.devices.filter((device) => device.from <= session.at)
    const device = owned[Math.floor(pickDevice * owned.length)] ?? person.devices[0]
    anonymousId = device?.id as string
    mobile = device?.mobile ?? true
  }
  const agent = session.app
    ? agents.app[person.id % 2]
    : (mobile ? agents.mobile : agents.desktop)[Math.floor(pickDevice * 97) % 3]
  const analytics = !cookieless
  const consent = `"consent":{"categoryPreferences":{"analytics":${analytics},"profiling":${analytics && consentPick < 0.8},"ads_share":${analytics && consentPick < 0.62}}}`
  const campaign =
    session.origin && session.origin.source !== ''
      ? `,"campaign":{"source":"${session.origin.source}","medium":"${session.origin.medium}","name":"${session.origin.campaign}"}`
      : ''
  const device =
    session.app && person.permits.push
      ? `,"device":{"type":"${person.id % 2 === 0 ? 'ios' : 'android'}","token":"${person.pushToken}"}`
      : ''
  const voice: Voice = {
    sink,
    file: 0,
    head: `"anonymousId":"${anonymousId}",${loggedIn ? `"userId":"${person.userId}",` : ''}`,
    context: `"userAgent":"${agent}","locale":"${locales[languageOf(setting, person.id)]}",${consent}${device}`,
    tie: 0,
    person: person.id,
    session: session.number,
    steps: 0,
    app: session.app,
  }
  let at = session.at
  const path = session.landing
  const landingUrl = campaign
    ? `${site}${path}?utm_source=${session.origin?.source}&utm_medium=${session.origin?.medium}&utm_campaign=${session.origin?.campaign}`
    : `${site}${path}`
  const referrer = session.origin?.referrer ?? ''
  const view = session.app ? 'screen' : 'page'
  call(
    voice,
    at,
    view,
    `"name":"Start","properties":{"path":"${path}","url":"${landingUrl}","title":"Schuhhaus","referrer":"${referrer}"},`,
    `${campaign},"page":{"path":"${path}","url":"${landingUrl}","referrer":"${referrer}"}`,
  )
  const pause = (): void => {
    at += 4000 + Math.floor(draw.exponential(1 / 38_000))
  }
  if (loggedIn && (session.end === 'order' || session.app || session.story || draw.happens(0.35))) {
    pause()
    identify(voice, at, person, session)
  }
  let carted: Basket['lines'] = []
  let steps = 0
  const weekIndex = Math.max(0, Math.min(setting.weeks - 1, weekOf(setting.calendar, session.at)))
  const goal = session.basket?.lines ?? []
  let cartChance = session.end === 'browse' ? 0.165 : 0
  while (steps < 14 && (steps === 0 || draw.happens(goal.length > 0 ? 0.5 : goOn))) {
    steps++
    const category = pickIndex(setting.categoryTables[weekIndex] as Float64Array, draw.uniform())
    const group = setting.catalogue.byCategory[category]
    if (!group || group.models.length === 0) continue
    pause()
    if (draw.happens(0.34)) {
      const listPath = `/${slugs[category]}`
      call(
        voice,
        at,
        view,
        `"name":"Kategorie","properties":{"path":"${listPath}","url":"${site}${listPath}","title":"${categories[category]?.name}"},`,
        pageContext(listPath, (categories[category] as { name: string }).name),
      )
      continue
    }
    const model = group.models[pickIndex(group.popularity, draw.uniform())] as number
    const sku = model * sizesPerModel + draw.below(sizesPerModel)
    const unit = webPrice(setting, model, weekIndex)
    viewProduct(voice, at, sku, unit, view, draw)
    if (cartChance > 0 && draw.happens(cartChance)) {
      cartChance = 0
      pause()
      carted = [{ sku, quantity: 1, unit }]
      addToCart(voice, at, carted[0] as Basket['lines'][number], session.number)
    }
  }
  for (const line of goal) {
    pause()
    const listed =
      session.end === 'order' ? line.unit : webPrice(setting, Math.floor(line.sku / sizesPerModel), weekIndex)
    const shown = { ...line, unit: listed }
    viewProduct(voice, at, shown.sku, shown.unit, view, draw)
    pause()
    addToCart(voice, at, shown, session.number)
    carted.push(shown)
  }
  if (carted.length === 0) return
  count(sink, 'carts')
  const cartPath = '/warenkorb'
  const listText = carted.map((line) => productOf(setting, line.sku, line.unit, line.quantity)).join(',')
  if (session.end !== 'browse' || draw.happens(0.5)) {
    pause()
    call(
      voice,
      at,
      'track',
      `"event":"Cart Viewed","properties":{"cart_id":"${cartNumber(setting, person.id, session.number)}","currency":"EUR","products":[${listText}]},`,
      pageContext(cartPath, 'Warenkorb'),
    )
  }
  if (session.end !== 'order' && session.end !== 'checkout' && !draw.happens(0.38)) return
  pause()
  const value = carted.reduce((sum, line) => sum + line.unit * line.quantity, 0)
  if (!loggedIn && (session.end === 'order' || draw.happens(0.45))) {
    identify(voice, at, person, session)
    pause()
  }
  call(
    voice,
    at,
    'track',
    `"event":"Checkout Started","properties":{"checkout_id":"${cartNumber(setting, person.id, session.number)}","value":${decimal(value, '.')},"currency":"EUR","products":[${listText}]},`,
    pageContext('/kasse', 'Kasse'),
  )
  const purchase = session.purchase
  if (session.end !== 'order' || !purchase) return
  const total = orderTotals(purchase)
  call(
    voice,
    Math.max(purchase.at, at + 5000),
    'track',
    `"event":"Order Completed","properties":{"order_id":"${orderNumber(setting, person.id, purchase.key)}","affiliation":"WEB","total":${decimal(total.total, '.')},"subtotal":${decimal(total.goods, '.')},"revenue":${decimal(total.goods - total.goodsTax, '.')},"shipping":${decimal(total.shipping, '.')},"tax":${decimal(total.tax, '.')},"discount":0.00,"currency":"EUR"${purchase.basket.coupon ? `,"coupon":"${purchase.basket.coupon}"` : ''},"products":[${listText}]},`,
    pageContext('/danke', 'Danke'),
  )
}

function identify(voice: Voice, at: number, person: Person, session: Session): void {
  const { setting } = voice.sink
  const traits = [`"email":"${person.email}"`]
  const account = hasAccount(person, session.at)
  if (account || session.end === 'order')
    traits.push(`"firstName":${JSON.stringify(person.first)}`, `"lastName":${JSON.stringify(surnameAt(person, at))}`)
  if (session.end === 'order') {
    const address = addressAt(person, at)
    traits.push(
      `"address":{"street":${JSON.stringify(`${address.street} ${address.house}${canary(setting, person.id, 'd')}`)},"postalCode":"${address.postcode}","city":${JSON.stringify(address.town)},"country":"DE"}`,
    )
  }
  call(voice, at, 'identify', `"traits":{${traits.join(',')}},`, '')
}

function viewProduct(voice: Voice, at: number, sku: number, unit: number, view: 'page' | 'screen', draw: Stream): void {
  const { setting } = voice.sink
  const model = setting.catalogue.models[Math.floor(sku / sizesPerModel)] as Setting['catalogue']['models'][number]
  const path = `/p/${model.number}`
  const page = pageContext(path, model.name)
  // Half of the shop's templates send a page call beside the product event.
  if (draw.happens(0.3))
    call(
      voice,
      at - 300,
      view,
      `"name":"Produkt","properties":{"path":"${path}","url":"${site}${path}","title":"${model.name}"},`,
      page,
    )
  call(
    voice,
    at,
    'track',
    `"event":"Product Viewed","properties":${productOf(setting, sku, unit, 1).slice(0, -1)},"currency":"EUR"},`,
    page,
  )
}

function addToCart(voice: Voice, at: number, line: Basket['lines'][number], session: number): void {
  const { setting } = voice.sink
  const model = setting.catalogue.models[Math.floor(line.sku / sizesPerModel)] as Setting['catalogue']['models'][number]
  call(
    voice,
    at,
    'track',
    `"event":"Product Added","properties":${productOf(setting, line.sku, line.unit, line.quantity).slice(0, -1)},"currency":"EUR","cart_id":"${cartNumber(setting, voice.person, session)}"},`,
    pageContext(`/p/${model.number}`, model.name),
  )
}

function cartNumber(setting: Setting, person: number, session: number): string {
  return `k-${hex(hash(setting.purposes['person/number'], person, session))}`
}

export function webPrice(setting: Setting, model: number, weekIndex: number): number {
  return priceOf(
    setting.catalogue.models[model] as Setting['catalogue']['models'][number],
    -1,
    setting.weekOfYear[weekIndex] as number,
    setting.yearOf[weekIndex] as number,
    {
      deviation: setting.purposes['model/deviation'],
      markdown: setting.purposes['model/markdown'],
    },
  )
}

/** Order numbers are permuted: they tell neither person nor order of time. */
export function orderNumber(setting: Setting, person: number, key: number): string {
  const purpose = setting.purposes['person/orderNumber']
  return `S${hex(hash(purpose, person, key)).toUpperCase()}${hex(hash(purpose, key, person))
    .slice(0, 4)
    .toUpperCase()}`
}

/** Totals of a web order in cents. */
export function orderTotals(purchase: Purchase): {
  goods: number
  shipping: number
  total: number
  tax: number
  goodsTax: number
} {
  const goods = purchase.basket.total
  const shipping = purchase.collect || goods >= 5000 ? 0 : 495
  const goodsTax = goods - Math.round(goods / 1.19)
  const total = goods + shipping
  return { goods, shipping, total, tax: total - Math.round(total / 1.19), goodsTax }
}

/** Crawlers and monitors: 3 % of sessions, now and then with an order (a bot that converts). */
export function botSessions(sink: Sink, weekIndex: number, sessions: number): void {
  const { setting } = sink
  for (let number = 0; number < sessions; number++) {
    const draw = drawing.open(setting.purposes['bot/sessions'], weekIndex, number)
    const agent = draw.pick(agents.bots)
    const anonymousId = uuid(draw)
    const converts = setting.weeks > 20 && number === 0 && weekIndex % 13 === 5
    let at = instant(setting.calendar, weekIndex * 7 + draw.below(7), draw.uniform() * 86_000)
    if (dayOf(setting.calendar, at) >= setting.calendar.days) continue
    count(sink, 'sessions')
    count(sink, 'botSessions')
    const voice: Voice = {
      sink,
      file: 0,
      head: `"anonymousId":"${anonymousId}",`,
      context: `"userAgent":"${agent}","locale":"en-US"`,
      tie: 0,
      person: -1 - weekIndex,
      session: number,
      steps: 0,
      app: false,
    }
    const steps = converts ? 2 : 2 + draw.geometric(0.28)
    call(
      voice,
      at,
      'page',
      `"name":"Start","properties":{"path":"/","url":"${site}/","title":"Schuhhaus","referrer":""},`,
      pageContext('/', 'Schuhhaus'),
    )
    for (let step = 0; step < steps; step++) {
      // Machines keep a steady pace.
      at += 1000 + draw.below(300)
      const sku = draw.below(setting.catalogue.skus.length)
      viewProduct(voice, at, sku, webPrice(setting, Math.floor(sku / sizesPerModel), weekIndex), 'page', draw)
      if (converts && step === 1) {
        const line = { sku, quantity: 1, unit: webPrice(setting, Math.floor(sku / sizesPerModel), weekIndex) }
        addToCart(voice, at + 400, line, number)
        call(
          voice,
          at + 900,
          'track',
          `"event":"Checkout Started","properties":{"value":${decimal(line.unit, '.')},"currency":"EUR","products":[${productOf(setting, sku, line.unit, 1)}]},`,
          pageContext('/kasse', 'Kasse'),
        )
      }
    }
    if (converts) botOrder(sink, voice, at + 2000, draw)
    if (sink.truth) {
      sink.rows.add(sink.files.truth.bots, at, number, JSON.stringify({ anonymousId, agent, machine: true, converts }))
      if (converts)
        sink.rows.add(
          sink.files.truth.edges,
          at,
          number,
          JSON.stringify({ edge: 'bot that converts', anonymousId, at: iso(at) }),
        )
    }
  }
}

/** A monitor of the shop that orders to see whether ordering works: a machine, and yet an order. */
function botOrder(sink: Sink, voice: Voice, at: number, draw: Stream): void {
  const { setting, files } = sink
  const sku = draw.below(setting.catalogue.skus.length)
  const weekIndex = Math.max(0, weekOf(setting.calendar, at))
  const unit = webPrice(setting, Math.floor(sku / sizesPerModel), weekIndex)
  const shipping = unit >= 5000 ? 0 : 495
  const code = `${orderNumber(setting, voice.person, 1)}`
  const file = files.orders[files.monthOf(dayOf(setting.calendar, at))]
  if (at >= setting.until || file === undefined) return
  const model = setting.catalogue.models[Math.floor(sku / sizesPerModel)] as Setting['catalogue']['models'][number]
  const tax = unit + shipping - Math.round((unit + shipping) / 1.19)
  call(
    voice,
    at,
    'track',
    `"event":"Order Completed","properties":{"order_id":"${code}","affiliation":"WEB","total":${decimal(unit + shipping, '.')},"subtotal":${decimal(unit, '.')},"revenue":${decimal(Math.round(unit / 1.19), '.')},"shipping":${decimal(shipping, '.')},"tax":${decimal(tax, '.')},"discount":0.00,"currency":"EUR","products":[${productOf(setting, sku, unit, 1)}]},`,
    pageContext('/danke', 'Danke'),
  )
  const order = {
    code,
    orderPlacedAt: iso(at),
    kind: 'sale',
    channel: 'web',
    place: 'WEB',
    currencyCode: 'EUR',
    customer: { emailAddress: 'monitor@example.com', firstName: 'Shop', lastName: 'Monitor' },
    shippingAddress: {
      fullName: 'Shop Monitor',
      streetLine1: 'Am Güterbahnhof 4',
      postalCode: '58099',
      city: 'Hagen',
      countryCode: 'DE',
    },
    lines: [
      {
        sku: setting.catalogue.skus[sku],
        name: model.name,
        quantity: 1,
        unit_price: unit / 100,
        line_total: unit / 100,
      },
    ],
    shipping: shipping / 100,
    total: (unit + shipping) / 100,
  }
  sink.rows.add(file, at, draw.bits(), JSON.stringify(order))
  moveGoods(sink, sku, 0, at, -1)
  count(sink, 'webOrders')
  count(sink, 'revenueCents', unit)
  count(sink, 'lines')
  if (sink.truth)
    sink.rows.add(
      files.truth.identity,
      0,
      draw.bits(),
      JSON.stringify({ source: 'shop-order', record: code, person: null, household: null }),
    )
}
