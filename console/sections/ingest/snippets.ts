import type { api } from '@einklang/contract'

export type Dialect = api.ingest.DialectName
export type Snippet = {
  name: string
  dialect: Dialect
  /** Runs where everybody can read its key. */
  open?: true
  text: (place: { origin: string; key: string; slug: string }) => string
}

const event = `userId: '42', event: 'Order Completed', properties: { order_id: 'A-1', total: 89.95, currency: 'EUR' }`

/** Ready to paste: every client works unmodified, only the address and the key are ours. */
export const snippets: Snippet[] = [
  {
    name: '@einklang/sdk (web)',
    dialect: 'segment',
    open: true,
    text: ({ origin, key }) =>
      `import { createTracker } from '@einklang/sdk/web'\n\nconst tracker = createTracker({ host: '${origin}', writeKey: '${key}' })\ntracker.consent({ analytics: true, marketing: false }) // what the visitor has chosen\ntracker.track('Product Viewed', { sku: 'A-1', price: 89.95, currency: 'EUR' })`,
  },
  {
    name: '@einklang/sdk (Node)',
    dialect: 'segment',
    text: ({ origin, key }) =>
      `import { createTracker } from '@einklang/sdk/node'\n\nconst tracker = createTracker({ host: '${origin}', writeKey: '${key}' })\ntracker.track({ ${event} })\nawait tracker.close()`,
  },
  {
    name: 'curl',
    dialect: 'segment',
    text: ({ origin, key }) =>
      `curl ${origin}/v1/track -u '${key}:' -H 'content-type: application/json' \\\n  -d '{"userId":"42","event":"Product Viewed","properties":{"sku":"A-1"}}'`,
  },
  {
    name: '@segment/analytics-node',
    dialect: 'segment',
    text: ({ origin, key }) =>
      `import { Analytics } from '@segment/analytics-node'\n\nconst analytics = new Analytics({ writeKey: '${key}', host: '${origin}' })\nanalytics.track({ ${event} })`,
  },
  {
    name: '@segment/analytics-next',
    dialect: 'segment',
    open: true,
    text: ({ origin, key }) =>
      `import { AnalyticsBrowser } from '@segment/analytics-next'\n\nconst { host, protocol } = new URL('${origin}')\nconst analytics = AnalyticsBrowser.load(\n  { writeKey: '${key}', cdnURL: '${origin}' },\n  { integrations: { 'Segment.io': { apiHost: \`\${host}/v1\`, protocol: protocol.slice(0, -1) } } },\n)\nanalytics.page()`,
  },
  {
    name: '@rudderstack/rudder-sdk-node',
    dialect: 'rudderstack',
    text: ({ origin, key }) =>
      `import RudderAnalytics from '@rudderstack/rudder-sdk-node'\n\nconst analytics = new RudderAnalytics('${key}', { dataPlaneUrl: '${origin}' })\nanalytics.track({ ${event} })`,
  },
  {
    name: '@rudderstack/analytics-js',
    dialect: 'rudderstack',
    open: true,
    text: ({ origin, key }) =>
      `import { RudderAnalytics } from '@rudderstack/analytics-js'\n\nconst analytics = new RudderAnalytics()\nanalytics.load('${key}', '${origin}', { configUrl: '${origin}' })\nanalytics.page()`,
  },
  {
    name: '@jitsu/js',
    dialect: 'jitsu',
    text: ({ origin, key }) =>
      `import { jitsuAnalytics } from '@jitsu/js'\n\nconst analytics = jitsuAnalytics({ host: '${origin}', writeKey: 'id:${key}', s2s: true })\nawait analytics.track('Product Viewed', { sku: 'A-1' })`,
  },
  {
    name: '@customerio/cdp-analytics-node',
    dialect: 'customerio',
    text: ({ origin, key }) =>
      `import { Analytics } from '@customerio/cdp-analytics-node'\n\nconst analytics = new Analytics({ writeKey: '${key}', host: '${origin}' })\nanalytics.track({ ${event} })`,
  },
  {
    name: 'customerio-node (Track API)',
    dialect: 'customerio',
    text: ({ origin, key }) =>
      `import { TrackClient } from 'customerio-node'\n\n// This package speaks TLS only.\nconst client = new TrackClient('site', '${key}', { url: '${origin}/api/v1' })\nawait client.identify('42', { email: 'ada@shop.example' })`,
  },
  {
    name: '@dittofeed/sdk-node',
    dialect: 'dittofeed',
    text: ({ origin, key }) =>
      `import { DittofeedSdk } from '@dittofeed/sdk-node'\n\nawait DittofeedSdk.init({ writeKey: \`Basic \${btoa('${key}:')}\`, host: '${origin}' })\nDittofeedSdk.track({ ${event} })`,
  },
  {
    name: 'posthog-node',
    dialect: 'posthog',
    text: ({ origin, key }) =>
      `import { PostHog } from 'posthog-node'\n\nconst posthog = new PostHog('${key}', { host: '${origin}' })\nposthog.capture({ distinctId: '42', event: 'Product Viewed', properties: { sku: 'A-1' } })`,
  },
  {
    name: 'posthog-js',
    dialect: 'posthog',
    open: true,
    text: ({ origin, key }) =>
      `import posthog from 'posthog-js'\n\nposthog.init('${key}', {\n  api_host: '${origin}',\n  disable_session_recording: true,\n  disable_external_dependency_loading: true,\n  advanced_disable_flags: true,\n})`,
  },
  {
    name: 'klaviyo-api',
    dialect: 'klaviyo',
    text: ({ origin, key }) =>
      `import { ApiKeySession, EventsApi } from 'klaviyo-api'\n\nconst events = new EventsApi(new ApiKeySession('${key}'))\nevents.basePath = '${origin}'`,
  },
  {
    name: '@snowplow/node-tracker',
    dialect: 'snowplow',
    open: true,
    text: ({ origin, slug }) =>
      `import { buildPageView, newTracker } from '@snowplow/node-tracker'\n\nconst { hostname, port, protocol } = new URL('${origin}')\nconst tracker = newTracker(\n  { namespace: 'shop', appId: '${slug}' },\n  { endpoint: hostname, port: Number(port) || undefined, protocol: protocol.slice(0, -1) },\n)\ntracker.track(buildPageView({ pageUrl: 'https://shop.example' }))`,
  },
  {
    name: 'apache-unomi-tracker',
    dialect: 'unomi',
    open: true,
    text: ({ origin, slug }) =>
      `import { useTracker } from 'apache-unomi-tracker'\n\nconst tracker = useTracker()\ntracker.initTracker({\n  scope: '${slug}',\n  site: { siteInfo: { siteID: 'shop' } },\n  page: { pageInfo: { pageID: 'home', pageName: 'Home', destinationURL: location.href } },\n  events: [],\n  wemInitConfig: { contextServerUrl: '${origin}', timeoutInMilliseconds: 3000, activateWem: true },\n})\ntracker.startTracker()`,
  },
  {
    name: 'CloudEvents',
    dialect: 'cloudevents',
    text: ({ origin, key }) =>
      `curl ${origin}/api/ingest/cloudevents -H 'authorization: Bearer ${key}' -H 'content-type: application/cloudevents+json' \\\n  -d '{"specversion":"1.0","id":"1","source":"/till/7","type":"shop.till.sale","data":{"receipt":"B-1"}}'`,
  },
  {
    name: 'Webhook (Shopify, WooCommerce, Shopware, Stripe, Standard Webhooks)',
    dialect: 'webhook',
    text: ({ origin, slug }) => `${origin}/api/ingest/webhooks/${slug}`,
  },
]
