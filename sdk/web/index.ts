import { type Fields, instant, type Message, newMessageId, type Told, type Value } from '../tracking/calls.ts'
import { createSender, type Outcome, outcomeOf } from '../tracking/sender.ts'

export type { Fields, Told } from '../tracking/calls.ts'

export type WebTrackerOptions = {
  /** Address of Einklang: `https://data.shop.example`. */
  host: string
  /** A publishable key (`pk_…`); everybody who opens the page can read it. */
  writeKey: string
  /** The choice made earlier, if the page keeps it itself. */
  consent?: Choice
  /**
   * What happens until somebody has chosen: `hold` (default) sends and stores nothing, `send` sends without storing
   * anything on the device and without granting anything.
   */
  before?: 'hold' | 'send'
  /** The category that allows an id on this device. Default: any category allowed. */
  storageCategory?: string
  /** Called with what was given up: the queue was full, or the server refused it. */
  dropped?: (messages: Message[], because: 'refused' | 'full' | 'denied') => void
}

/** Categories of the banner: allowed or not. */
export type Choice = { [category: string]: boolean }

export type WebTracker = {
  track(event: string, properties?: Fields, told?: Told): void
  page(name?: string, properties?: Fields, told?: Told): void
  identify(userId: string | null, traits?: Fields, told?: Told): void
  group(groupId: string, traits?: Fields, told?: Told): void
  alias(userId: string, previousId: string): void
  /** What somebody has chosen in the banner: kept with every later event and said once as a statement. */
  consent(choice: Choice, told?: { text?: string }): void
  /** Sends what waits; true when nothing is left. */
  flush(): Promise<boolean>
  /** Somebody else sits here now: forgets who it was. */
  reset(): void
  anonymousId(): string
}

const prefix = 'einklang:'
const library = { name: '@einklang/sdk/web', version: '0.1.0' }

/**
 * Tells Einklang what happens in a page. No cookies; nothing on the device before somebody has agreed; what cannot be
 * sent waits, also over a closed window, once storing is allowed.
 *
 *   const tracker = createTracker({ host: 'https://data.shop.example', writeKey: 'pk_…' })
 *   tracker.consent({ analytics: true, marketing: false })
 *   tracker.track('Product Viewed', { sku: 'A-1', price: 89.95, currency: 'EUR' })
 */
export function createTracker(options: WebTrackerOptions): WebTracker {
  const tab = newMessageId()
  const store = deviceStore()
  let choice: Choice | null = options.consent ?? (store.read('consent') as Choice | null)
  let held: Message[] = []
  const mayStore = () =>
    choice !== null &&
    (options.storageCategory === undefined
      ? Object.values(choice).includes(true)
      : choice[options.storageCategory] === true)
  const mayTell = () => (choice === null ? options.before === 'send' : Object.values(choice).includes(true))

  let anonymous = mayStore() ? ((store.read('id') as string | null) ?? newMessageId()) : newMessageId()
  let user = mayStore() ? (store.read('user') as string | null) : null
  const remember = () => {
    if (!mayStore()) return store.forget()
    store.write('id', anonymous)
    store.write('user', user)
    store.write('consent', choice)
  }
  remember()

  const url = `${options.host.replace(/\/$/, '')}/v1/b`
  const bodyOf = (batch: readonly Message[]) =>
    JSON.stringify({ writeKey: options.writeKey, sentAt: new Date().toISOString(), batch })
  const sender = createSender({
    batch: 20,
    pauseMs: 400,
    most: 500,
    // Browsers end requests of a closing page above 64 KiB.
    bytes: 48_000,
    waiting: mayStore() ? store.adopt() : [],
    keep: (waiting) =>
      mayStore() && store.write(`queue:${tab}`, waiting.length > 0 ? { at: Date.now(), waiting } : null),
    async post(batch): Promise<Outcome> {
      // As text, so that the browser need not ask first.
      const answer = await fetch(url, {
        method: 'POST',
        body: bodyOf(batch),
        headers: { 'content-type': 'text/plain' },
        credentials: 'omit',
        keepalive: true,
      })
      return outcomeOf(answer.status, answer.headers.get('retry-after'))
    },
    ...(options.dropped ? { dropped: options.dropped } : {}),
  })

  const say = (type: string, fields: Fields, told: Told = {}, statement = false) => {
    const message = {
      type,
      messageId: told.messageId ?? newMessageId(),
      timestamp: instant(told.timestamp),
      anonymousId: anonymous,
      ...(user === null ? {} : { userId: user }),
      ...fields,
      context: {
        ...pageContext(),
        ...told.context,
        library,
        ...(choice === null ? {} : { consent: { categoryPreferences: choice } }),
      },
    }
    if (statement || mayTell()) sender.put(message)
    else if (choice === null && held.length < 100) held.push(message)
    else options.dropped?.([message], choice === null ? 'full' : 'denied')
  }

  // The last moment of a page: a beacon outlives it. What is sent twice counts once.
  const leave = () => {
    const waiting = sender.waiting()
    if (document.visibilityState !== 'hidden' || waiting.length === 0) return
    const sent = navigator.sendBeacon?.(url, new Blob([bodyOf(waiting.slice(0, 50))], { type: 'text/plain' }))
    if (sent && waiting.length <= 50) sender.clear()
  }
  document.addEventListener('visibilitychange', leave)
  addEventListener('online', () => void sender.flush())

  return {
    track: (event, properties, told) => say('track', { event, properties }, told),
    page: (name, properties, told) => say('page', { name, properties: { ...here(), ...properties } }, told),
    group: (groupId, traits, told) => say('group', { groupId, traits }, told),
    alias: (userId, previousId) => say('alias', { userId, previousId }),
    identify(userId, traits, told) {
      user = userId ?? user
      remember()
      say('identify', { traits }, told)
    },
    consent(next, told) {
      choice = next
      const allowed = mayTell()
      // What was said before the choice keeps its own time, and is told only with permission.
      const before = held
      held = []
      remember()
      const properties = told?.text === undefined ? {} : { text: told.text }
      say('track', { event: 'Segment Consent Preference Updated', properties }, {}, true)
      if (!allowed) {
        if (before.length > 0) options.dropped?.(before, 'denied')
        return
      }
      for (const message of before) {
        const context = { ...(message.context as Fields), consent: { categoryPreferences: next } }
        sender.put({ ...message, anonymousId: anonymous, context })
      }
    },
    flush: () => sender.flush(),
    reset() {
      user = null
      anonymous = newMessageId()
      remember()
    },
    anonymousId: () => anonymous,
  }
}

function here(): Fields {
  return {
    url: location.href,
    path: location.pathname,
    search: location.search,
    title: document.title,
    referrer: document.referrer,
  }
}

function pageContext(): Fields {
  const campaign: Fields = {}
  new URLSearchParams(location.search).forEach((value, name) => {
    if (name.startsWith('utm_')) campaign[name === 'utm_campaign' ? 'name' : name.slice(4)] = value
  })
  return {
    page: here(),
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    ...(Object.keys(campaign).length > 0 ? { campaign } : {}),
  }
}

/** What is kept on the device, in one place and under one name; a browser that allows nothing keeps nothing. */
function deviceStore() {
  const each = (visit: (name: string) => void) => {
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith(prefix)) visit(name)
    } catch {
      // Blocked by the browser: then there is nothing.
    }
  }
  const read = (name: string): unknown => {
    try {
      return JSON.parse(localStorage.getItem(prefix + name) ?? 'null')
    } catch {
      return null
    }
  }
  return {
    read,
    write(name: string, value: Value | object) {
      try {
        if (value === null || value === undefined) localStorage.removeItem(prefix + name)
        else localStorage.setItem(prefix + name, JSON.stringify(value))
      } catch {
        // Full or blocked: the queue lives as long as the page.
      }
    },
    forget: () => each((name) => localStorage.removeItem(name)),
    /** What other windows have left behind; one that is still open has written within the last minute. */
    adopt(): Message[] {
      const left: Message[] = []
      each((name) => {
        if (!name.startsWith(`${prefix}queue:`)) return
        const queue = read(name.slice(prefix.length)) as { at: number; waiting: Message[] } | null
        if (queue && Date.now() - queue.at < 60_000) return
        localStorage.removeItem(name)
        if (queue) left.push(...queue.waiting)
      })
      return left
    },
  }
}
