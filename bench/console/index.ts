/**
 * `einklang bench console DATA_DIRECTORY [PASSWORD]`: time from the click to content on each screen of the console, on a
 * data directory that a demo has filled. Without a password it takes the printed one and changes it, as a first sign-in
 * must. Every screen is opened `turns` times; prints p50 and p95 per screen.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { chromium } from 'playwright-core'
import { freePort, machine, Served } from '../served.ts'

const [data, given] = process.argv.slice(2)
if (!data) throw new Error('Name the data directory of a demo.')
const turns = 8
const { administrator } = JSON.parse(readFileSync(join(data, 'demo.json'), 'utf8')) as {
  administrator: { email: string; password: string }
}
const sections = [
  'ingest',
  'profile',
  'consent',
  'commerce',
  'audience',
  'decision',
  'content',
  'delivery',
  'measurement',
  'budget',
  'governance',
]

const server = new Served(data, await freePort())
await server.start()
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  await page.goto(`http://127.0.0.1:${server.port}`)
  await page.fill('input[name=email]', administrator.email)
  await page.fill('input[name=password]', given ?? administrator.password)
  await page.click('button[type=submit]')
  if (!given) {
    const fields = page.locator('input[type=password]')
    await fields.nth(2).waitFor()
    const next = 'Regen auf Kirschbaum 7'
    for (const [index, text] of [administrator.password, next, next].entries()) await fields.nth(index).fill(text)
    await page.click('button[type=submit]')
  }
  await page.getByTestId('page').waitFor()
  const loading = page.getByTestId('loading').first()
  const all: number[] = []
  const screens: { [section: string]: { p50: number; p95: number } } = {}
  for (const section of sections) {
    const times: number[] = []
    for (let turn = 0; turn <= turns; turn++) {
      await page.click('nav a[href="/"]')
      await page.waitForURL('**/')
      await loading.waitFor({ state: 'detached' })
      const begin = performance.now()
      await page.click(`nav a[href="/${section}"]`)
      await page.waitForURL(`**/${section}**`)
      await page.getByTestId('page').waitFor()
      await loading.waitFor({ state: 'detached' })
      // The first visit loads code; people do that once.
      if (turn > 0) times.push(performance.now() - begin)
    }
    times.sort((a, b) => a - b)
    all.push(...times)
    screens[section] = { p50: at(times, 0.5), p95: at(times, 0.95) }
  }
  all.sort((a, b) => a - b)
  console.log(
    JSON.stringify({
      bench: 'console',
      machine: machine(),
      milliseconds: { p50: at(all, 0.5), p95: at(all, 0.95) },
      screens,
    }),
  )
} finally {
  await browser.close()
  await server.stop()
}

function at(sorted: number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
}
