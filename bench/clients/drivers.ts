/**
 * How each official package is used, as its own documentation says: only the address and the key are ours. The
 * packages have no types here (they are installed for the benchmark alone), so what they are is looked up by name.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { peers } from './packages.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- packages without types, used the way their manuals show
export type Foreign = any

export type Setup = { url: string; key: string; slug: string; secret: string; cert: string | null }

/** A text that is found again in what was stored. */
export type Probe = () => string

export type Driver = {
  /** Every call that the package offers, once. */
  calls(probe: Probe): Promise<void>
  /** One ordinary event. */
  one(probe: string): Promise<void> | void
  /** One event of 33,000 characters. */
  large(probe: string, text: string): Promise<void> | void
  /** More than a megabyte in one request, for packages that build such batches. */
  bulk?(probe: Probe): Promise<void>
  flush(): Promise<void>
}

const find = createRequire(join(peers, 'package.json'))

function load(name: string): Foreign {
  return find(name)
}

async function loadModule(file: string): Promise<Foreign> {
  return import(pathToFileURL(join(peers, 'node_modules', file)).href)
}

const ecommerce = { sku: 'S-1', price: 89.95, quantity: 1, currency: 'EUR' }

/** The Segment-like face that six of the packages share. */
function sixCalls(client: Foreign, send: (call: string, message: object) => void | Promise<void>) {
  return async (probe: Probe): Promise<void> => {
    const call = async (name: string, message: object) => {
      if (typeof client[name] === 'function') await send(name, message)
    }
    const userId = 'u-1'
    await call('identify', { userId, anonymousId: 'a-1', traits: { email: 'ada@shop.example', probe: probe() } })
    await call('track', { userId, event: 'Product Viewed', properties: { ...ecommerce, probe: probe() } })
    await call('page', {
      userId,
      category: 'Shop',
      name: 'Boots',
      properties: { url: 'https://shop.example/boots', probe: probe() },
    })
    await call('screen', { userId, name: 'Boots', properties: { probe: probe() } })
    await call('group', { userId, groupId: 'g-1', traits: { name: 'House', probe: probe() } })
    await call('alias', { userId: 'u-1', previousId: 'a-0' })
  }
}

export const drivers: { [name: string]: (setup: Setup) => Promise<Driver> } = {
  async '@segment/analytics-node'({ url, key }) {
    const { Analytics } = load('@segment/analytics-node')
    const client = new Analytics({ writeKey: key, host: url, flushAt: 15, flushInterval: 200, maxRetries: 20 })
    client.on('error', () => undefined)
    return {
      calls: sixCalls(client, (name, message) => client[name](message)),
      one: (probe) => client.track({ userId: 'u-2', event: 'Probed', properties: { probe } }),
      large: (probe, text) => client.track({ userId: 'u-2', event: 'Large', properties: { probe, text } }),
      async bulk(probe) {
        const big = new Analytics({ writeKey: key, host: url, flushAt: 1000, flushInterval: 10_000, maxRetries: 20 })
        // The package estimates sizes by percent-escapes and the letter "i": this text has neither.
        const text = 'x'.repeat(1000)
        for (let number = 0; number < 1000; number++)
          big.track({ userId: 'u-3', event: 'Bulk', properties: { probe: probe(), text } })
        await big.closeAndFlush({ timeout: 20_000 })
      },
      flush: () => client.flush({ timeout: 60_000 }),
    }
  },

  async '@segment/analytics-next'({ url, key }) {
    await page()
    const { AnalyticsBrowser } = load('@segment/analytics-next')
    const host = new URL(url).host
    const settings = { 'Segment.io': { apiHost: `${host}/v1`, protocol: 'http' } }
    const [client] = await AnalyticsBrowser.load({ writeKey: key, cdnURL: url }, { integrations: settings })
    return {
      async calls(probe) {
        await client.identify('u-1', { email: 'ada@shop.example', probe: probe() })
        await client.track('Product Viewed', { ...ecommerce, probe: probe() })
        await client.page('Shop', 'Boots', { probe: probe() })
        await client.screen('Shop', 'Boots', { probe: probe() })
        await client.group('g-1', { probe: probe() })
        await client.alias('u-2', 'u-1')
      },
      one: (probe) => void client.track('Probed', { probe }),
      large: (probe, text) => void client.track('Large', { probe, text }),
      flush: () => pause(500),
    }
  },

  async 'analytics-node'({ url, key }) {
    const Analytics = load('analytics-node')
    const client = new Analytics(key, { host: url, flushAt: 15, flushInterval: 200, retryCount: 10 })
    return {
      calls: sixCalls(client, (name, message) => client[name](message)),
      one: (probe) => void client.track({ userId: 'u-2', event: 'Probed', properties: { probe } }),
      large: (probe, text) => void client.track({ userId: 'u-2', event: 'Large', properties: { probe, text } }),
      flush: () => client.flush().catch(() => undefined),
    }
  },

  async '@rudderstack/rudder-sdk-node'({ url, key }) {
    const module = load('@rudderstack/rudder-sdk-node')
    const Client = module.default ?? module
    const client = new Client(key, {
      dataPlaneUrl: url,
      flushAt: 15,
      flushInterval: 200,
      errorHandler: () => undefined,
    })
    return {
      calls: sixCalls(client, (name, message) => client[name](message)),
      one: (probe) => void client.track({ userId: 'u-2', event: 'Probed', properties: { probe } }),
      large: (probe, text) => void client.track({ userId: 'u-2', event: 'Large', properties: { probe, text } }),
      flush: async () =>
        void (await Promise.race([Promise.resolve(client.flush()).catch(() => undefined), pause(3000)])),
    }
  },

  async '@rudderstack/analytics-js'({ url, key }) {
    await page()
    const { RudderAnalytics } = await loadModule(
      '@rudderstack/analytics-js/dist/npm/modern/content-script/cjs/index.cjs',
    )
    const client = new RudderAnalytics()
    client.load(key, url, { configUrl: url, logLevel: 'NONE' })
    await new Promise((done) => client.ready(() => done(undefined)))
    return {
      async calls(probe) {
        client.track('Before', { probe: probe() })
        client.identify('u-1', { email: 'ada@shop.example', probe: probe() })
        client.track('Product Viewed', { ...ecommerce, probe: probe() })
        client.page('Shop', 'Boots', { probe: probe() })
        client.group('g-1', { probe: probe() })
        client.alias('u-2', 'u-1')
      },
      one: (probe) => client.track('Probed', { probe }),
      large: (probe, text) => client.track('Large', { probe, text }),
      flush: () => pause(1500),
    }
  },

  async '@jitsu/js'({ url, key }) {
    const { jitsuAnalytics } = load('@jitsu/js')
    const client = jitsuAnalytics({ host: url, writeKey: `id:${key}`, s2s: true })
    const kept = (sent: Promise<unknown>) => sent.then(() => undefined).catch(() => undefined)
    return {
      async calls(probe) {
        await kept(client.identify('u-1', { email: 'ada@shop.example', probe: probe() }))
        await kept(client.track('Product Viewed', { ...ecommerce, probe: probe() }))
        await kept(client.page({ name: 'Boots', probe: probe() }))
        await kept(client.group('g-1', { probe: probe() }))
      },
      one: (probe) => kept(client.track('Probed', { probe })),
      large: (probe, text) => kept(client.track('Large', { probe, text })),
      flush: () => pause(300),
    }
  },

  async '@customerio/cdp-analytics-node'({ url, key }) {
    const { Analytics } = load('@customerio/cdp-analytics-node')
    const client = new Analytics({ writeKey: key, host: url, maxEventsInBatch: 15, flushInterval: 200, maxRetries: 20 })
    client.on('error', () => undefined)
    return {
      calls: sixCalls(client, (name, message) => client[name](message)),
      one: (probe) => client.track({ userId: 'u-2', event: 'Probed', properties: { probe } }),
      large: (probe, text) => client.track({ userId: 'u-2', event: 'Large', properties: { probe, text } }),
      flush: () => pause(1000),
    }
  },

  async 'customerio-node'({ url, key }) {
    const { TrackClient, IdentifierType } = load('customerio-node')
    const client = new TrackClient('site', key, { url: `${url}/api/v1`, port: Number(new URL(url).port) })
    const kept = (sent: Promise<unknown>) => sent.then(() => undefined).catch(() => undefined)
    return {
      async calls(probe) {
        await client.identify('u 1/ä', { email: 'ada@shop.example', created_at: 1_700_000_000, probe: probe() })
        await client.identify('bea@shop.example', { first_name: 'Bea', probe: probe() })
        await client.track('u-1', { name: 'Product Viewed', data: { ...ecommerce, probe: probe() } })
        await client.trackAnonymous('a-1', { name: 'Product Viewed', data: { probe: probe() } })
        await client.trackPageView('u-1', `https://shop.example/${probe()}`)
        await client.trackPush({
          delivery_id: 'd-1',
          event: 'opened',
          device_id: 't-1',
          timestamp: Math.floor(Date.now() / 1000),
        })
        await client.addDevice('u-1', 't-1', 'ios', { last_used: 1_700_000_000 })
        await client.deleteDevice('u-1', 't-1')
        await client.mergeCustomers(IdentifierType.Id, 'u-1', IdentifierType.Email, 'ada@shop.example')
        await client.suppress('u-9')
        await client.unsuppress('u-9')
        await client.destroy('u-9')
      },
      one: (probe) => kept(client.track('u-2', { name: 'Probed', data: { probe } })),
      large: (probe, text) => kept(client.track('u-2', { name: 'Large', data: { probe, text } })),
      flush: () => pause(100),
    }
  },

  async '@dittofeed/sdk-node'({ url, key }) {
    const { DittofeedSdk } = load('@dittofeed/sdk-node')
    await DittofeedSdk.init({ writeKey: `Basic ${btoa(`${key}:`)}`, host: url })
    const client = DittofeedSdk
    return {
      calls: sixCalls(client, (name, message) => client[name](message)),
      one: (probe) => client.track({ userId: 'u-2', event: 'Probed', properties: { probe } }),
      large: (probe, text) => client.track({ userId: 'u-2', event: 'Large', properties: { probe, text } }),
      flush: () => client.flush().catch(() => undefined),
    }
  },

  async 'posthog-node'({ url, key }) {
    const { PostHog } = load('posthog-node')
    const client = new PostHog(key, {
      host: url,
      flushAt: 15,
      flushInterval: 200,
      fetchRetryCount: 10,
      fetchRetryDelay: 1000,
    })
    client.on('error', () => undefined)
    return {
      async calls(probe) {
        client.identify({ distinctId: 'u-1', properties: { email: 'ada@shop.example', probe: probe() } })
        client.capture({ distinctId: 'u-1', event: 'Product Viewed', properties: { ...ecommerce, probe: probe() } })
        client.capture({
          distinctId: 'u-1',
          event: '$pageview',
          properties: { $current_url: 'https://shop.example', probe: probe() },
        })
        client.alias({ distinctId: 'u-1', alias: 'a-1' })
        client.groupIdentify({ groupType: 'house', groupKey: 'g-1', properties: { probe: probe() } })
      },
      one: (probe) => client.capture({ distinctId: 'u-2', event: 'Probed', properties: { probe } }),
      large: (probe, text) => client.capture({ distinctId: 'u-2', event: 'Large', properties: { probe, text } }),
      flush: () => client.flush().catch(() => undefined),
    }
  },

  async 'posthog-js'({ url, key }) {
    await page()
    const module = load('posthog-js')
    const client = module.default ?? module.posthog
    client.init(key, {
      api_host: url,
      autocapture: false,
      capture_pageview: false,
      capture_pageleave: false,
      disable_session_recording: true,
      disable_external_dependency_loading: true,
      advanced_disable_flags: true,
      request_batching: true,
      persistence: 'memory',
      opt_out_useragent_filter: true,
    })
    return {
      async calls(probe) {
        client.capture('Before', { probe: probe() })
        client.identify('u-1', { email: 'ada@shop.example', probe: probe() })
        client.capture('Product Viewed', { ...ecommerce, probe: probe() })
        client.capture('$pageview', { probe: probe() })
        client.alias('u-1-alias', 'u-1')
        client.group('house', 'g-1', { probe: probe() })
      },
      one: (probe) => void client.capture('Probed', { probe }),
      large: (probe, text) => void client.capture('Large', { probe, text }),
      flush: () => pause(4000),
    }
  },

  async 'klaviyo-api'({ url, key }) {
    const { ApiKeySession, EventsApi, ProfilesApi } = load('klaviyo-api')
    const session = new ApiKeySession(key)
    const [events, profiles] = [new EventsApi(session), new ProfilesApi(session)]
    events.basePath = url
    profiles.basePath = url
    const person = { type: 'profile', attributes: { email: 'ada@shop.example', externalId: 'u-1' } }
    let number = 0
    const event = (name: string, properties: object) => ({
      type: 'event',
      attributes: {
        properties,
        time: new Date(),
        uniqueId: `k-${process.pid}-${number++}`,
        metric: { data: { type: 'metric', attributes: { name } } },
        profile: { data: person },
      },
    })
    const kept = (sent: Promise<unknown>) => sent.then(() => undefined).catch(() => undefined)
    return {
      async calls(probe) {
        await events.createEvent({ data: event('Product Viewed', { ...ecommerce, probe: probe() }) })
        const { profile: _, ...bulk } = event('Product Viewed', { probe: probe() }).attributes
        await events.bulkCreateEvents({
          data: {
            type: 'event-bulk-create-job',
            attributes: {
              eventsBulkCreate: {
                data: [
                  {
                    type: 'event-bulk-create',
                    attributes: { profile: { data: person }, events: { data: [{ type: 'event', attributes: bulk }] } },
                  },
                ],
              },
            },
          },
        })
        await profiles.createOrUpdateProfile({
          data: {
            type: 'profile',
            attributes: { ...person.attributes, firstName: 'Ada', properties: { probe: probe() } },
          },
        })
        const subscriber = (subscriptions: object) => ({
          data: [{ type: 'profile', attributes: { email: 'ada@shop.example', subscriptions } }],
        })
        const yes = { marketing: { consent: 'SUBSCRIBED', consentedAt: new Date() } }
        const no = { marketing: { consent: 'UNSUBSCRIBED' } }
        await profiles.bulkSubscribeProfiles({
          data: {
            type: 'profile-subscription-bulk-create-job',
            attributes: { customSource: 'Till', profiles: subscriber({ email: yes }) },
          },
        })
        await profiles.bulkUnsubscribeProfiles({
          data: { type: 'profile-subscription-bulk-delete-job', attributes: { profiles: subscriber({ email: no }) } },
        })
      },
      one: (probe) => kept(events.createEvent({ data: event('Probed', { probe }) })),
      large: (probe, text) => kept(events.createEvent({ data: event('Large', { probe, text }) })),
      flush: () => pause(100),
    }
  },

  async '@snowplow/node-tracker'({ url, slug }) {
    const snowplow = load('@snowplow/node-tracker')
    const { hostname, port } = new URL(url)
    const place = {
      endpoint: hostname,
      port: Number(port),
      protocol: 'http',
      eventMethod: 'post',
      bufferSize: 1,
      maxPostBytes: 80_000,
    }
    const tracker = snowplow.newTracker({ namespace: 'shop', appId: slug, encodeBase64: true }, place)
    tracker.setUserId('u-1')
    tracker.setDomainUserId('d-1')
    const described = (name: string, data: object) =>
      snowplow.buildSelfDescribingEvent({ event: { schema: `iglu:example.shop/${name}/jsonschema/1-0-0`, data } })
    return {
      async calls(probe) {
        tracker.track(snowplow.buildPageView({ pageUrl: `https://shop.example/${probe()}`, pageTitle: 'Boots' }))
        tracker.track(snowplow.buildPagePing({ pageUrl: `https://shop.example/${probe()}`, pageTitle: 'Boots' }))
        tracker.track(
          snowplow.buildStructEvent({
            category: 'shop',
            action: 'product_viewed',
            label: 'S-1',
            property: probe(),
            value: 1,
          }),
        )
        tracker.track(described('button_click', { probe: probe() }))
        tracker.track(snowplow.buildScreenView({ name: 'Boots', id: probe() }))
        tracker.track(snowplow.buildLinkClick({ targetUrl: `https://shop.example/${probe()}` }))
        tracker.track(snowplow.buildSiteSearch({ terms: ['boots', probe()] }))
        tracker.track(
          snowplow.buildAddToCart({ sku: 'S-1', quantity: 1, name: probe(), currency: 'EUR', unitPrice: 89.95 }),
        )
      },
      one: (probe) => void tracker.track(described('probed', { probe })),
      large: (probe, text) => void tracker.track(described('large', { probe, text })),
      flush: async () => void (await Promise.race([Promise.resolve(tracker.flush()), pause(3000)])),
    }
  },

  async 'apache-unomi-tracker'({ url, slug }) {
    const window = await page()
    window.document.cookie = 'wem-session-id=session-1'
    const { useTracker } = load('apache-unomi-tracker')
    const tracker = useTracker()
    tracker.initTracker({
      scope: slug,
      site: { siteInfo: { siteID: 'shop' } },
      page: {
        pageInfo: {
          pageID: 'boots',
          pageName: 'Boots',
          pagePath: '/boots',
          destinationURL: 'https://shop.example/boots',
          language: 'de',
        },
        attributes: {},
      },
      events: [],
      wemInitConfig: {
        contextServerUrl: url,
        timeoutInMilliseconds: 5000,
        contextServerCookieName: 'context-profile-id',
        activateWem: true,
      },
    })
    tracker.startTracker()
    window.document.dispatchEvent(new window.Event('DOMContentLoaded'))
    await pause(1000)
    const event = (name: string, properties: object) => {
      const made = tracker.buildEvent(name, tracker.buildTarget('boots', 'product'), tracker.buildSourcePage())
      made.properties = properties
      return made
    }
    const send = (name: string, properties: object) =>
      new Promise<void>((done) =>
        tracker.collectEvents(
          { events: [event(name, properties)] },
          () => done(),
          () => done(),
        ),
      )
    return {
      async calls(probe) {
        await send('productView', { probe: probe() })
        tracker.collectEvent(
          event('productView', { probe: probe() }),
          () => undefined,
          () => undefined,
        )
        const form = tracker.buildFormEvent('newsletter')
        form.properties = { probe: probe() }
        await new Promise<void>((done) =>
          tracker.collectEvents(
            { events: [form] },
            () => done(),
            () => done(),
          ),
        )
      },
      one: (probe) => send('probed', { probe }),
      large: (probe, text) => send('large', { probe, text }),
      flush: () => pause(300),
    }
  },

  async cloudevents({ url, key }) {
    const { CloudEvent, HTTP, Mode } = load('cloudevents')
    const made = (type: string, data: object) => new CloudEvent({ source: '/till/7', type, data })
    const post = async (message: Foreign) => {
      const answer = await fetch(`${url}/api/ingest/cloudevents`, {
        method: 'POST',
        headers: { ...message.headers, authorization: `Bearer ${key}` },
        body: message.body,
      })
      if (!answer.ok) throw new Error(`answered ${answer.status}`)
    }
    const kept = (sent: Promise<unknown>) => sent.then(() => undefined).catch(() => undefined)
    return {
      async calls(probe) {
        await post(HTTP.binary(made('example.shop.probed', { userId: 'u-1', probe: probe() })))
        await post(HTTP.structured(made('example.shop.probed', { userId: 'u-1', probe: probe() })))
        const two = [1, 2].map(() => made('example.shop.probed', { userId: 'u-1', probe: probe() }).toJSON())
        await post({ headers: { 'content-type': 'application/cloudevents-batch+json' }, body: JSON.stringify(two) })
        if (Mode === undefined) throw new Error('The package has changed')
      },
      one: (probe) => kept(post(HTTP.structured(made('example.shop.probed', { userId: 'u-1', probe })))),
      large: (probe, text) => kept(post(HTTP.structured(made('example.shop.probed', { userId: 'u-1', probe, text })))),
      flush: () => pause(100),
    }
  },

  standardwebhooks: ({ url, slug, secret }) => {
    const { Webhook } = load('standardwebhooks')
    return signing(url, slug, new Webhook(secret), 'webhook')
  },
  svix: ({ url, slug, secret }) => {
    const { Webhook } = load('svix')
    return signing(url, slug, new Webhook(secret), 'svix')
  },
}

/** Both packages sign; sending is the owner's own. */
async function signing(url: string, slug: string, signer: Foreign, prefix: string): Promise<Driver> {
  let number = 0
  const send = async (data: object) => {
    const id = `msg_${process.pid}_${number++}`
    const now = new Date()
    const body = JSON.stringify({ type: 'shop.probed', timestamp: now.toISOString(), data })
    const headers = {
      'content-type': 'application/json',
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: String(Math.floor(now.getTime() / 1000)),
      [`${prefix}-signature`]: signer.sign(id, now, body),
    }
    const answer = await fetch(`${url}/api/ingest/webhooks/${slug}`, { method: 'POST', headers, body })
    if (!answer.ok) throw new Error(`answered ${answer.status}`)
  }
  const kept = (sent: Promise<unknown>) => sent.then(() => undefined).catch(() => undefined)
  return {
    calls: async (probe) => send({ userId: 'u-1', probe: probe() }),
    one: (probe) => kept(send({ userId: 'u-1', probe })),
    large: (probe, text) => kept(send({ userId: 'u-1', probe, text })),
    flush: () => pause(100),
  }
}

/** A page of the shop for packages that live in browsers. */
async function page(): Promise<Foreign> {
  const { JSDOM, VirtualConsole } = load('jsdom')
  const dom = new JSDOM('<!doctype html><html><head><title>Boots</title><script></script></head><body></body></html>', {
    url: 'http://shop.localhost/boots?utm_source=mail&utm_campaign=autumn',
    referrer: 'http://search.localhost/',
    pretendToBeVisual: true,
    virtualConsole: new VirtualConsole(),
  })
  const { window } = dom
  const names = ['window', 'document', 'navigator', 'location', 'history', 'localStorage', 'sessionStorage', 'screen']
  const more = [
    'XMLHttpRequest',
    'Event',
    'CustomEvent',
    'HTMLElement',
    'Element',
    'Node',
    'MutationObserver',
    'DOMParser',
  ]
  const last = [
    'getComputedStyle',
    'addEventListener',
    'removeEventListener',
    'dispatchEvent',
    'Storage',
    'self',
    'top',
  ]
  for (const name of [...names, ...more, ...last]) {
    const value = name === 'self' || name === 'window' ? window : window[name]
    const bound = typeof value === 'function' && /^[a-z]/.test(name) ? value.bind(window) : value
    Object.defineProperty(globalThis, name, { value: bound, configurable: true, writable: true })
  }
  window.fetch = globalThis.fetch
  window.TextEncoder = globalThis.TextEncoder
  window.CompressionStream = globalThis.CompressionStream
  window.Response = globalThis.Response
  return window
}
