/**
 * `einklang bench timeline [ENTRIES]`: the timeline of one customer with 12,000 entries, scrolled from top to end in a real
 * browser on a server of its own, 400 pixels a frame. Counted is the processor time of each task of the page's main thread
 * (a task of more than 50 ms is a stutter that somebody notices), so that other work on the machine changes little; the
 * gaps between frames are printed beside it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { browserFlags, browserPath } from '../browser.ts'
import { type Api, ask, drained, freePort, machine, newColleague, Served, shopKey } from '../served.ts'

const entries = Number(process.argv[2] ?? 12_000)
const bar = 50
const events = [
  'Product Viewed',
  'Product Added',
  'Cart Viewed',
  'Checkout Started',
  'Coupon Applied',
  'Wishlist Shared',
]

// Source text: the benchmarks are compiled without the names of a browser.
const scroll = `async () => {
  const box = document.querySelector('[data-testid=timeline]')
  const gaps = []
  let last = performance.now()
  for (let waited = 0, height = 0; waited < 180; ) {
    await new Promise((go) => requestAnimationFrame(go))
    const now = performance.now()
    gaps.push(now - last)
    last = now
    box.scrollTop += 400
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 2
    waited = box.scrollHeight === height && atEnd ? waited + 1 : 0
    height = box.scrollHeight
  }
  const places = [...box.querySelectorAll('article')].map((row) => Number(row.getAttribute('aria-posinset')))
  return { gaps, shown: Math.max(...places) }
}`

if (!browserPath) {
  console.log(JSON.stringify({ bench: 'timeline', notRun: 'There is no Chromium on this machine.' }))
} else {
  const data = mkdtempSync(join(tmpdir(), 'einklang-bench-timeline-'))
  const server = new Served(data, await freePort())
  try {
    await server.start()
    await measure(server.api(), server.port, browserPath)
  } finally {
    await server.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

async function measure(api: Api, port: number, executablePath: string): Promise<void> {
  await fill(api)
  const { items } = await ask<{ items: { person: string }[] }>(api, 'GET', '/api/profile/search?q=Zita%20Zeit')
  const colleague = await newColleague(api, port)
  const browser = await chromium.launch({ executablePath, args: browserFlags })
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'de-DE' })
    await context.addCookies([{ ...colleague.cookie, url: api.url }])
    const page = await context.newPage()
    await page.goto(`${api.url}/profile/${items[0]?.person}`)
    await page.getByTestId('timeline').waitFor()
    await browser.startTracing(page, { categories: ['-*', 'toplevel'] })
    const { gaps, shown } = await page.evaluate<{ gaps: number[]; shown: number }>(`(${scroll})()`)
    report(tasksOf((await browser.stopTracing()).toString()), gaps, shown)
  } finally {
    await browser.close()
  }
}

/** Two years of one customer, by the door that shops use. */
async function fill(api: Api): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from(`${await shopKey(api, 'Shop')}:`).toString('base64')}`,
  }
  const now = Date.now()
  const userId = 'zita'
  const track = (number: number): object => ({
    type: 'track',
    event: events[number % events.length],
    userId,
    messageId: `bench-${number}`,
    timestamp: new Date(now - number * 5_000_000).toISOString(),
    properties: { product_id: `S${number % 97}`, name: `Schuh ${number % 97}`, price: 59.9, currency: 'EUR' },
  })
  const traits = { firstName: 'Zita', lastName: 'Zeit', email: 'zita@example.test' }
  const who = { type: 'identify', userId, messageId: 'bench-who', timestamp: new Date(now).toISOString(), traits }
  const all = [who, ...Array.from({ length: entries - 1 }, (_, number) => track(number))]
  for (let at = 0; at < all.length; at += 100) {
    const body = JSON.stringify({ batch: all.slice(at, at + 100) })
    const answer = await fetch(`${api.url}/v1/batch`, { method: 'POST', headers, body })
    if (!answer.ok) throw new Error(`The events were answered ${answer.status}: ${await answer.text()}`)
  }
  await drained(api)
}

type TraceEvent = { name: string; pid: number; tid: number; tdur?: number; args: { name?: string } }

/** Processor milliseconds of each task of the busiest page's main thread. */
function tasksOf(trace: string): number[] {
  const { traceEvents } = JSON.parse(trace) as { traceEvents: TraceEvent[] }
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const pages = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map((event) => threadOf(event)),
  )
  const tasks = traceEvents.filter((event) => event.name.endsWith('RunTask') && pages.has(threadOf(event)))
  const threads = [...Map.groupBy(tasks, threadOf).values()].toSorted((one, other) => other.length - one.length)
  return (threads[0] ?? []).map(({ tdur }) => (tdur ?? 0) / 1000).toSorted((one, other) => one - other)
}

function report(tasks: number[], frames: number[], shown: number): void {
  const gaps = frames.toSorted((one, other) => one - other)
  const at = (list: number[], share: number) => Number((list[Math.floor((list.length - 1) * share)] ?? 0).toFixed(1))
  const over = tasks.filter((milliseconds) => milliseconds > bar).length
  const figures = {
    shown,
    tasks: tasks.length,
    taskP99: at(tasks, 0.99),
    taskWorst: at(tasks, 1),
    over50: over,
    cpuSeconds: Number((tasks.reduce((sum, task) => sum + task, 0) / 1000).toFixed(1)),
    frameP50: at(gaps, 0.5),
    frameP95: at(gaps, 0.95),
    frameWorst: at(gaps, 1),
  }
  console.log(`Timeline of ${shown} entries, scrolled through in ${gaps.length} frames. ${machine()}`)
  console.log(
    `tasks of the page: p99 ${figures.taskP99} ms, worst ${figures.taskWorst} ms, ${over} above ${bar} ms; ${figures.cpuSeconds} CPU s`,
  )
  console.log(`frames: p50 ${figures.frameP50}, p95 ${figures.frameP95}, worst ${figures.frameWorst} ms apart`)
  console.log(JSON.stringify({ bench: 'timeline', ...figures }))
  if (over > 0 || shown < entries) process.exitCode = 1
}
