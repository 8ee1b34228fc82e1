/**
 * `einklang bench console [DATA_DIRECTORY] [TURNS]`: milliseconds from the click to the content of every screen of the
 * console, in a real browser on a server of its own. Without a directory it loads the smallest demo first. Each turn
 * opens the console anew (no answer is remembered, the code comes from the browser's cache, which like a colleague's
 * lies on disk and keeps compiled code from the second visit on) and walks through all screens once; the first three
 * turns warm up and are not counted. Content is there when nothing on the screen is loading any
 * more. For the sign-in it adds a colleague, who is suspended at the end.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { browserFlags, browserPath } from '../browser.ts'
import { type Api, ask, freePort, machine, newColleague, Served } from '../served.ts'

const [given, wantedTurns] = process.argv.slice(2)
const turns = Number(wantedTurns ?? 10)
const limit = 300
const warmUps = 3

type Screen = { name: string; path: string }

// Source text: the benchmarks are compiled without the names of a browser.
const inPage = `async (target) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  const tab = new URL(target, location.href).searchParams.get('tab')
  const chosen = tab === null ? null : '[data-testid="tab-' + tab + '"][aria-selected="true"]'
  const unrest = 'main [aria-busy=true], [data-testid=loading], .mantine-Skeleton-root'
  const before = document.querySelector('[data-testid=page]')
  // A tab keeps its page; another screen brings a new one.
  const sameScreen = new URL(target, location.href).pathname === location.pathname
  const begin = performance.now()
  const link = document.querySelector('nav a[href="' + target + '"]')
  if (link) link.click()
  else history.pushState({}, '', target)
  await frame()
  // Still for two frames: the code of a screen that just came has asked for its data by then.
  for (let still = 0, at = 0; ; ) {
    const now = document.querySelector('[data-testid=page]')
    const there = now !== null && (sameScreen || now !== before) && (chosen === null || document.querySelector(chosen))
    if (!there || document.querySelector(unrest) !== null) still = 0
    else if (still++ === 0) at = performance.now()
    else if (still > 2) return at - begin
    if (performance.now() - begin > 20000) throw new Error(target + ' showed nothing within 20 s')
    await frame()
  }
}`

if (!browserPath) {
  console.log(JSON.stringify({ bench: 'console', notRun: 'There is no Chromium on this machine.' }))
} else {
  const data = given ?? mkdtempSync(join(tmpdir(), 'einklang-bench-console-'))
  try {
    if (given === undefined) await loadTown(data)
    await measure(data, browserPath)
  } finally {
    if (given === undefined) rmSync(data, { recursive: true, force: true })
  }
}

async function measure(data: string, executablePath: string): Promise<void> {
  const server = new Served(data, await freePort())
  await server.start()
  const profile = mkdtempSync(join(tmpdir(), 'einklang-bench-browser-'))
  let browser: BrowserContext | undefined
  let user: string | undefined
  try {
    const api = server.api()
    const colleague = await newColleague(api, server.port)
    user = colleague.id
    browser = await chromium.launchPersistentContext(profile, {
      executablePath,
      viewport: { width: 1440, height: 900 },
      locale: 'en-GB',
      args: browserFlags,
    })
    await browser.addCookies([{ ...colleague.cookie, url: `http://127.0.0.1:${server.port}` }])
    const page = await browser.newPage()
    const screens = await screensOf(api)
    const times = new Map<string, number[]>(screens.map(({ name }) => [name, []]))
    for (let turn = 1 - warmUps; turn <= turns; turn++) {
      await page.goto(`http://127.0.0.1:${server.port}/governance?tab=roles`)
      await page.getByTestId('page').waitFor()
      for (const screen of screens) {
        const milliseconds = await open(page, screen.path)
        if (turn > 0) times.get(screen.name)?.push(milliseconds)
      }
      if (process.stderr.isTTY) process.stderr.write(`\rTurn ${turn} of ${turns} `)
    }
    report(times)
  } finally {
    await browser?.close()
    rmSync(profile, { recursive: true, force: true })
    if (user) await ask(server.api(), 'PATCH', `/api/governance/people/${user}`, { suspended: true })
    await server.stop()
  }
}

/** All inside the page, so that the clock counts what a reader waits for and not the way to the browser. */
function open(page: Page, path: string): Promise<number> {
  return page.evaluate<number>(`(${inPage})(${JSON.stringify(path)})`)
}

/** The sections of the navigation, their tabs, and one page of each kind of thing. */
async function screensOf(api: Api): Promise<Screen[]> {
  const first = async (path: string, key: string): Promise<string | undefined> => {
    const { items } = await ask<{ items: { [key: string]: string }[] }>(api, 'GET', path)
    return items[0]?.[key]
  }
  const messages = await ask<{ items: { person: string }[] }>(api, 'GET', '/api/delivery/messages?limit=1')
  const person = messages.items[0]?.person ?? (await first('/api/profile/search?q=a', 'person'))
  const journey = await first('/api/decision/journeys', 'id')
  const concept = await first('/api/content/concepts', 'id')
  const audience = await first('/api/audience/audiences', 'audience').catch(() => undefined)
  const tabs = (path: string, names: string[]): Screen[] => [
    { name: path, path },
    ...names.map((tab) => ({ name: `${path} ${tab}`, path: `${path}?tab=${tab}` })),
  ]
  const thing = (name: string, path: string, names: string[] = []): Screen[] => [
    { name, path },
    ...names.map((tab) => ({ name: `${name} ${tab}`, path: `${path}?tab=${tab}` })),
  ]
  const personTabs = ['messages', 'orders', 'consent', 'identity', 'traits', 'path', 'journeys', 'conversations']
  return [
    { name: '/', path: '/' },
    ...tabs('/ingest', ['stream', 'schema', 'plans', 'imports', 'quality', 'checks', 'quarantine']),
    ...tabs('/profile', []),
    { name: '/profile search', path: '/profile?q=m%C3%BCller' },
    ...(person ? thing('/profile/:person', `/profile/${person}`, personTabs) : []),
    ...tabs('/identity', []),
    ...tabs('/identity/runs', []),
    ...tabs('/consent', ['ledger', 'requests', 'purposes']),
    ...tabs('/commerce', ['orders', 'carts', 'places']),
    ...tabs('/audience', []),
    ...(audience ? thing('/audience/:audience', `/audience/${audience}`) : []),
    ...tabs('/decision', []),
    ...(journey ? thing('/decision/:journey', `/decision/${journey}`, ['runs', 'settings']) : []),
    ...tabs('/content', []),
    ...(concept ? thing('/content/:concept', `/content/${concept}`) : []),
    ...tabs('/delivery', ['mailbox', 'lanes']),
    ...tabs('/conversation', []),
    ...tabs('/measurement', [
      'campaigns',
      'weeks',
      'experiments',
      'journeys',
      'paths',
      'products',
      'mix',
      'customers',
      'orders',
    ]),
    ...tabs('/budget', ['roi', 'planner', 'plan', 'entries']),
    ...tabs('/governance', ['approvals', 'roles', 'brand', 'policy', 'audit', 'keys', 'sessions']),
  ]
}

function report(times: Map<string, number[]>): void {
  const all: number[] = []
  const rows = [...times].map(([name, milliseconds]) => {
    const sorted = milliseconds.toSorted((a, b) => a - b)
    all.push(...sorted)
    return { name, p50: at(sorted, 0.5), p95: at(sorted, 0.95) }
  })
  for (const { name, p50, p95 } of rows.toSorted((a, b) => b.p95 - a.p95)) {
    console.log(`${name.padEnd(34)} p50 ${String(p50).padStart(5)} ms   p95 ${String(p95).padStart(5)} ms`)
  }
  all.sort((a, b) => a - b)
  console.log(
    JSON.stringify({
      bench: 'console',
      machine: machine(),
      turns,
      milliseconds: { p50: at(all, 0.5), p95: at(all, 0.95) },
      screens: Object.fromEntries(rows.map(({ name, p50, p95 }) => [name, { p50, p95 }])),
      over: rows.filter(({ p95 }) => p95 > limit).map(({ name }) => name),
    }),
  )
}

function at(sorted: number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
}

/** The smallest retailer, for a machine without a filled data directory. */
async function loadTown(data: string): Promise<void> {
  const cli = join(import.meta.dirname, '../../cli/index.ts')
  const words = ['demo', '--size', 'town', '--exit', '--json', '--data', data, '--port', String(await freePort())]
  const child = spawn(process.execPath, ['--conditions=source', cli, ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, EINKLANG_LOG_LEVEL: 'error' },
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`The demo ended with ${code}.`)
}
