import type { FindingAction } from '@einklang/contract'
import { isObject } from '../../dialects/dialect.ts'
import { type Check, type Found, nothing } from '../finding.ts'
import { luhnHolds } from './digits.ts'
import { remembered } from './memory.ts'

/** What the adapter has already seen and dealt with: told once here, never looked at twice. */
const seen: { [flag: string]: { code: string; path: string; action: FindingAction; message: string } } = {
  future_time: {
    code: 'future_time',
    path: 'timestamp',
    action: 'repair',
    message: 'The time lies more than 10 minutes ahead; the time of arrival is used.',
  },
  time_order: {
    code: 'time.skew',
    path: 'timestamp',
    action: 'repair',
    message: 'The client sent before it happened; the earlier of its time and arrival is used.',
  },
  bad_time: {
    code: 'time.unreadable',
    path: 'timestamp',
    action: 'repair',
    message: 'The time cannot be read; the time of arrival is used. Send ISO 8601.',
  },
  zone_missing: {
    code: 'time.zone',
    path: 'timestamp',
    action: 'flag',
    message: 'The time names no zone and is read as UTC. Send it with Z or an offset.',
  },
  no_message_id: {
    code: 'id.missing',
    path: 'messageId',
    action: 'flag',
    message: 'Without a messageId, repeats of the client cannot be told. Send one per event.',
  },
  duplicate_key: {
    code: 'envelope.doubled',
    path: '',
    action: 'flag',
    message: 'A field is named twice; the last one is used.',
  },
  nul_removed: {
    code: 'envelope.nul',
    path: '',
    action: 'repair',
    message: 'NUL characters were taken out.',
  },
  surrogate_replaced: {
    code: 'envelope.encoding',
    path: '',
    action: 'repair',
    message: 'Half characters were replaced by �. Send UTF-8.',
  },
  unknown_namespace: {
    code: 'unknown_namespace',
    path: 'context.externalIds',
    action: 'flag',
    message: 'An external id has a type that is not known here and is not used.',
  },
  unknown_category: {
    code: 'consent.category',
    path: 'context.consent.categoryPreferences',
    action: 'flag',
    message: 'A consent category is mapped to no purpose and is not used. Map it in the settings of the source.',
  },
  currency_assumed: {
    code: 'money.currency',
    path: 'properties.currency',
    action: 'flag',
    message: 'No currency is named; that of the source is used.',
  },
  currency_read: {
    code: 'money.currency',
    path: 'properties.currency',
    action: 'repair',
    message: 'The currency was written as its ISO 4217 code.',
  },
  rounded: {
    code: 'money.rounded',
    path: 'properties',
    action: 'flag',
    message: 'An amount has more digits than its currency and was rounded.',
  },
  self_alias: {
    code: 'id.self_alias',
    path: 'previousId',
    action: 'flag',
    message: 'The alias call names the same id twice and joins nothing.',
  },
  schema_newer: {
    code: 'schema.version',
    path: 'schema',
    action: 'flag',
    message: 'The sender’s schema is newer than the one known here; fields that are new are kept and not used.',
  },
  large_event: {
    code: 'envelope.large',
    path: '',
    action: 'flag',
    message: 'The item is larger than 64 KiB. Send less in one event.',
  },
}

const carried: Check = {
  code: 'envelope',
  actions: ['flag'],
  find({ event }) {
    if (event.flags.length === 0) return nothing
    let found: Found[] | null = null
    for (const flag of event.flags) {
      const known = Object.hasOwn(seen, flag) ? seen[flag] : undefined
      if (known !== undefined) found = [...(found ?? []), known]
    }
    return found ?? nothing
  },
}

/** Crawlers, monitors and preview fetchers that say what they are. */
const agents =
  // Cubot makes telephones.
  /(?<!cu)bot(?:\b|\/)|crawl|spider|slurp|bingpreview|mediapartners|facebookexternalhit|whatsapp\/|pingdom|uptimerobot|statuscake|gtmetrix|lighthouse|pagespeed|archive\.org|headlesschrome|phantomjs|scrapy|wget\/|baiduspider|yandex(?:bot|images)/i
const isMachine = remembered(5000, (agent) => agents.test(agent))

const botAgent: Check = {
  code: 'bot.agent',
  actions: ['flag'],
  find({ event }) {
    const agent = event.context.userAgent
    if (typeof agent !== 'string' || agent === '' || agent.length > 2000 || !isMachine(agent)) return nothing
    return [
      {
        path: 'context.userAgent',
        message: 'The agent says that it is a machine: kept, but outside people, segments and reports.',
        flag: 'machine',
      },
    ]
  },
}

/** Events of one device in one minute that no hand can make. */
const mostPerMinute = 300

const botRate: Check = {
  code: 'bot.rate',
  actions: ['flag'],
  find(_, facts) {
    if (facts.rate <= mostPerMinute) return nothing
    return [
      {
        path: 'anonymousId',
        message: `More than ${mostPerMinute} events of one device in one minute: kept, but outside people, segments and reports.`,
        flag: 'machine',
      },
    ]
  },
}

const testBox = /^(?:test|tester|testing|qa|e2e)[._+-]?\d*@|\+test@/i
const testHost = /^(?:staging|stage|preprod|uat|qa|dev|test)[.-]|\.(?:staging|test|local|invalid|internal)(?::\d+)?$/i
const testCards = new Set([
  '4111111111111111',
  '4242424242424242',
  '4000000000000002',
  '5555555555554444',
  '5105105105105100',
  '378282246310005',
  '6011111111111117',
])

const testTraffic: Check = {
  code: 'test.traffic',
  actions: ['flag'],
  find(subject) {
    const { event } = subject
    const { page } = event.context
    const url = isObject(page) ? page.url : undefined
    if (typeof url === 'string' && testHost.test(hostOf(url)))
      return [aside('context.page.url', 'The page is on a staging host')]
    for (const { namespace, value, places } of subject.contacts)
      if (namespace === 'email' && testBox.test(value)) return [aside(places[0] ?? '', 'The mailbox is for tests')]
    if (subject.isOrder) {
      const card = event.properties.card_number ?? event.properties.payment_card
      const digits = typeof card === 'string' ? card.replaceAll(/[\s-]/g, '') : ''
      if (testCards.has(digits) && luhnHolds(digits))
        return [aside('properties.card_number', 'The payment card is for tests')]
    }
    return nothing
  },
}

function hostOf(url: string): string {
  const start = url.indexOf('//') + 2
  if (start < 2) return ''
  let [from, end] = [start, Math.min(url.length, start + 258)]
  for (let at = start; at < end; at++) {
    const sign = url[at]
    if (sign === '/' || sign === '?' || sign === '#') end = at
    else if (sign === '@') from = at + 1
  }
  const port = url.indexOf(':', from)
  return url.slice(from, port >= 0 && port < end ? port : end)
}

function aside(path: string, what: string): Found {
  return { path, message: `${what}: kept, but outside people, segments and reports.`, flag: 'test' }
}

export const envelopeChecks: Check[] = [carried, botAgent, botRate, testTraffic]
