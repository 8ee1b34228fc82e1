/**
 * A newcomer's first hour, in a real browser on a real server: the demo runs, its customer is followed from a
 * newsletter click over a store receipt and an abandoned web cart to a message that explains itself and a channel that
 * got the credit.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const built = existsSync(join(import.meta.dirname, 'console/dist/index.html'))
const password = 'Regen auf Kirschbaum 7'

type Demo = {
  login: { email: string; password: string }
  follow: { person: string; name: string } | null
  messages: { accepted: number }
  events: number
  persons: number
}

// Without a browser or a built console there is nothing to walk through; `./einklang test` brings both.
describe.skipIf(!browserPath || !built)('the first hour', () => {
  let data = ''
  let demo: Demo
  let server: ChildProcess
  let url = ''
  let browser: Browser
  let page: Page
  const problems: string[] = []
  let colleagues = 0

  beforeAll(async () => {
    const port = await freePort()
    // One house in eight draws the town's one customer of this story into a holdout: she gets no message, rightly.
    for (let tries = 0; tries < 4 && !demo?.follow; tries++) {
      if (data) await rm(data, { recursive: true, force: true })
      data = await mkdtemp(join(tmpdir(), 'einklang-walk-'))
      const words = ['demo', '--size', 'town', '--exit', '--json', '--data', data, '--port', String(port)]
      demo = JSON.parse(await run(words))
    }
    url = `http://127.0.0.1:${port}`
    server = start(['serve', '--data', data, '--port', String(port)])
    await ready(url)
    browser = await chromium.launch({
      executablePath: browserPath as string,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
    page.setDefaultTimeout(30_000)
    page.on('pageerror', (error) => problems.push(error.message))
  }, 240_000)

  afterAll(async () => {
    await browser?.close()
    if (server?.exitCode === null) {
      const gone = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGTERM')
      await gone
    }
    await rm(data, { recursive: true, force: true })
  }, 60_000)

  /** A colleague with one role in a browser of their own, past the change of the first password. */
  async function signedInAs(role: string): Promise<Page> {
    const call = async (from: Page, path: string, body: object): Promise<{ password: string }> => {
      const answer = await from.request.post(`${url}/api/governance/${path}`, { data: body, headers: { origin: url } })
      if (!answer.ok()) throw new Error(`${path} answered ${answer.status()}: ${await answer.text()}`)
      return (await answer.text()) === '' ? { password: '' } : await answer.json()
    }
    colleagues++
    const email = `${role}${colleagues}@example.test`
    const invited = await call(page, 'people', { name: `${role} ${colleagues}`, email, roles: [role] })
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
    const theirs = await context.newPage()
    theirs.setDefaultTimeout(30_000)
    theirs.on('pageerror', (error) => problems.push(`${role}: ${error.message}`))
    await call(theirs, 'session', { email, password: invited.password })
    await call(theirs, 'password', { current: invited.password, next: password })
    return theirs
  }

  test('the demo fed the retailer and reached people', () => {
    expect(demo.events).toBeGreaterThan(400)
    expect(demo.persons).toBeGreaterThan(40)
    expect(demo.messages.accepted).toBeGreaterThan(0)
    expect(demo.follow).not.toBeNull()
  })

  test('the first administrator signs in with the printed password and must change it', async () => {
    await page.goto(url)
    await page.fill('input[name=email]', demo.login.email)
    await page.fill('input[name=password]', 'not the password')
    await page.click('button[type=submit]')
    await page.getByTestId('sign-in-failed').waitFor()
    await page.fill('input[name=password]', demo.login.password)
    await page.click('button[type=submit]')
    const fields = page.locator('input[type=password]')
    await expect.poll(() => fields.count(), { timeout: 55_000 }).toBe(3)
    await fields.nth(0).fill(demo.login.password)
    await fields.nth(1).fill(password)
    await fields.nth(2).fill(password)
    await page.click('button[type=submit]')
    await page.getByRole('heading', { name: 'Today', level: 1 }).waitFor()
    await page.getByText('Messages accepted').waitFor()
  }, 90_000)

  test('the customer of the demo is found by name', async () => {
    const name = demo.follow?.name ?? ''
    await page.getByRole('link', { name: 'Customers' }).click()
    await page.getByTestId('customer-search').fill(name)
    await page.getByText(name, { exact: false }).first().click()
    await page.getByTestId('person-head').waitFor()
    expect(new URL(page.url()).pathname).toBe(`/profile/${demo.follow?.person}`)
  }, 90_000)

  test('her timeline tells of the newsletter click, the store receipt, the web cart and our message', async () => {
    const timeline = page.getByTestId('timeline')
    await timeline.waitFor()
    const text = async () => await timeline.innerText()
    await expect.poll(text, { timeout: 55_000 }).toMatch(/We sent:.*Warenkorb/)
    expect(await text()).toMatch(/Started the checkout/)
    expect(await text()).toMatch(/Clicked in: NL-/)
    expect(await text()).toMatch(/Bought in the store/)
    const store = page.locator(`label[for="${await page.getByTestId('channel-store').getAttribute('id')}"]`)
    await store.click()
    await expect.poll(text, { timeout: 55_000 }).not.toMatch(/Clicked in/)
    expect(await text()).toMatch(/Bought in the store/)
    await store.click()
  }, 90_000)

  test('the message says why she got it, here and now', async () => {
    await page.getByTestId('tab-messages').click()
    await page.getByTestId('why-message').first().click()
    const explanation = page.getByTestId('explanation')
    await explanation.waitFor()
    const text = await explanation.innerText()
    expect(text).toMatch(/cart/i)
    expect(text).toMatch(/permission|consent|agreed|newsletter/i)
    await page.keyboard.press('Escape')
  }, 90_000)

  test('a channel got the credit for the store receipt', async () => {
    await page.getByTestId('tab-path').click()
    const credited = page.getByTestId('credited').first()
    await credited.waitFor()
    await expect
      .poll(() => page.getByTestId('page').innerText(), { timeout: 55_000 })
      .toMatch(/E-mail .* got the credit/)
  }, 90_000)

  test('the identifiers say why they belong together', async () => {
    await page.getByTestId('tab-identity').click()
    await expect.poll(() => page.getByTestId('page').innerText(), { timeout: 55_000 }).toMatch(/came in one event with/)
    await page.goBack()
    await expect.poll(() => page.url(), { timeout: 55_000 }).not.toContain('tab=identity')
  }, 90_000)

  test('measurement shows the channel, and the mailbox the mail', async () => {
    await page.getByRole('link', { name: 'Measurement' }).click()
    await expect
      .poll(() => page.getByTestId('page').innerText(), { timeout: 55_000 })
      .toMatch(/Credited revenue by model[\s\S]*E-mail/)
    await page.goto(`${url}/delivery?tab=mailbox`)
    await page.getByTestId('mailbox').waitFor()
    await expect.poll(() => page.getByTestId('mailbox').innerText(), { timeout: 55_000 }).toMatch(/Warenkorb/)
  }, 90_000)

  test('a file is tried before it is taken, with columns that a person may change', async () => {
    await page.goto(`${url}/ingest?tab=imports`)
    await page.getByTestId('new-import').click()
    await page.locator('input[type=file]').setInputFiles({
      name: 'kunden.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('Kundennr;E-Mail;Rufname;Stadt\n90001;walk@example.org;Wanda;Köln\n;kaputt;;\n'),
    })
    await page.getByTestId('edit-mapping').click()
    await page.getByTestId('mapping').getByRole('combobox', { name: 'first_name' }).click()
    await page.getByRole('option', { name: 'Rufname' }).click()
    await page.getByRole('combobox', { name: 'Source' }).click()
    await page.getByRole('option').first().click()
    await page.getByTestId('send-import').click()
    await page.waitForURL('**/ingest/imports/**')
    await expect.poll(() => page.getByTestId('page').innerText(), { timeout: 55_000 }).toMatch(/dry run/i)
    await expect.poll(() => page.getByTestId('page').innerText(), { timeout: 55_000 }).toMatch(/done|finished/i)
  }, 90_000)

  test('each role sees its own screens, and a deep link to another one explains itself', async () => {
    const seen = {
      marketer: 'audience',
      support: 'profile',
      privacy: 'consent',
      analyst: 'measurement',
      store: 'commerce',
    }
    const hidden = { marketer: null, support: 'budget', privacy: 'budget', analyst: 'profile', store: 'budget' }
    for (const role of ['marketer', 'support', 'privacy', 'analyst', 'store'] as const) {
      const theirs = await signedInAs(role)
      await theirs.goto(url)
      await theirs.getByTestId('nav-today').waitFor()
      expect(await theirs.getByTestId(`nav-${seen[role]}`).count(), role).toBe(1)
      await theirs.getByTestId(`nav-${seen[role]}`).click()
      await theirs.waitForURL(`**/${seen[role]}`)
      await expect.poll(() => theirs.getByTestId('loading').count(), { timeout: 55_000 }).toBe(0)
      expect(await theirs.getByTestId('failed').count(), role).toBe(0)
      const other = hidden[role]
      if (other !== null) {
        expect(await theirs.getByTestId(`nav-${other}`).count(), role).toBe(0)
        await theirs.goto(`${url}/${other}`)
        await theirs.getByText('Your role does not include this screen').waitFor()
      }
      await theirs.context().close()
    }
  }, 180_000)

  test('words are approved by a second person, who sees what will change', async () => {
    const ada = await signedInAs('marketer')
    await ada.goto(`${url}/content`)
    await ada.locator('tr[data-row]').first().click()
    await ada.getByTestId('ask-approval').click()
    const asked = ada.getByTestId('variant-approval')
    await asked.waitFor()
    expect(await asked.getAttribute('data-state')).toBe('requested')
    await asked.getByRole('link').click()
    await ada.getByTestId('approval-changes').waitFor()
    await ada.getByText('Somebody else has to decide').waitFor()

    const ben = await signedInAs('marketer')
    await ben.goto(ada.url())
    await expect.poll(() => ben.getByTestId('approval-changes').innerText(), { timeout: 55_000 }).toMatch(/Subject/)
    await ben.getByTestId('approval-approve').click()
    await expect.poll(() => ben.getByTestId('approvals').innerText(), { timeout: 55_000 }).toMatch(/approved/)
    await ada.context().close()
    await ben.context().close()
  }, 90_000)

  test('the same message explains itself in German', async () => {
    await page.goto(`${url}/profile/${demo.follow?.person}?tab=messages`)
    await page.getByText('Deutsch', { exact: true }).click()
    await page.getByTestId('why-message').first().click()
    const explanation = page.getByTestId('explanation')
    await expect.poll(() => explanation.innerText(), { timeout: 55_000 }).toMatch(/Per E-Mail: erlaubt|Erlaubt: .* per/)
    const text = await explanation.innerText()
    expect(text).toMatch(/ging am .* an .*@/)
    expect(text).not.toMatch(/permitted|messages in|Words with/)
    await page.keyboard.press('Escape')
    await page.getByText('English', { exact: true }).click()
  }, 90_000)

  test('the palette opens screens by keyboard alone, and dark stays dark', async () => {
    await page.goto(url)
    await page.getByTestId('nav-today').waitFor()
    await page.keyboard.press('Control+k')
    await page.getByTestId('palette').fill('budget')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/budget')
    await page.getByTestId('scheme').click()
    await page.getByRole('menuitem', { name: 'Dark' }).click()
    await page.reload()
    await page.getByTestId('page').waitFor()
    expect(await page.locator('html').getAttribute('data-mantine-color-scheme')).toBe('dark')
  }, 90_000)

  test('a join is undone after its effect was seen', async () => {
    await page.goto(`${url}/profile/${demo.follow?.person}?tab=identity`)
    await page.getByTestId('undo-merge').first().click()
    const effect = page.getByTestId('afterwards')
    await effect.waitFor()
    expect(await effect.locator('> *').count()).toBeGreaterThan(1)
    await page.getByTestId('confirm-yes').click()
    await page.getByTestId('merges').getByText('undone', { exact: true }).first().waitFor()
  }, 60_000)

  test('whoever asks to be forgotten is gone', async () => {
    const privacy = await signedInAs('privacy')
    await privacy.goto(`${url}/profile`)
    const row = privacy.locator('tr[data-row]').nth(3)
    await row.waitFor()
    const person = await row.getAttribute('data-row')
    const name = (await row.locator('td').first().innerText()).split('\n')[0] ?? ''
    await privacy.goto(`${url}/consent?tab=requests`)
    await privacy.getByTestId('request-search').fill(name)
    const card = privacy.getByTestId('request-person').filter({ has: privacy.locator(`a[href="/profile/${person}"]`) })
    await card.getByTestId('erase').click()
    await privacy.getByTestId('confirm-reason').fill('asked by letter')
    await privacy.getByTestId('confirm-yes').click()
    await card.waitFor({ state: 'detached' })
    await privacy.goto(`${url}/profile/${person}`)
    await privacy.getByTestId('failed').waitFor()
    await privacy.context().close()
  }, 90_000)

  test('every section shows itself, in German too, without an error in the browser', async () => {
    await page.goto(url)
    await page.getByText('Deutsch', { exact: true }).click()
    await page.getByRole('heading', { name: 'Heute', level: 1 }).waitFor()
    const sections = ['ingest', 'profile', 'identity', 'consent', 'commerce', 'audience', 'decision', 'content']
    for (const section of [...sections, 'delivery', 'conversation', 'measurement', 'budget', 'governance']) {
      await page.goto(`${url}/${section}`)
      await page.getByTestId('page').waitFor()
      await expect.poll(() => page.getByTestId('loading').count(), { timeout: 55_000 }).toBe(0)
      expect(await page.getByTestId('failed').count(), section).toBe(0)
    }
    expect(problems).toEqual([])
  }, 120_000)
})

function start(words: string[]): ChildProcess {
  const cli = join(import.meta.dirname, 'cli/index.ts')
  return spawn(process.execPath, ['--conditions=source', '--disable-warning=ExperimentalWarning', cli, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, EINKLANG_LOG_LEVEL: 'error' },
  })
}

async function run(words: string[]): Promise<string> {
  const child = start(words)
  let out = ''
  let error = ''
  child.stdout?.on('data', (chunk) => {
    out += String(chunk)
  })
  child.stderr?.on('data', (chunk) => {
    error += String(chunk)
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`einklang ${words.join(' ')} ended with ${code}: ${error.slice(-2000)}`)
  return out
}

async function ready(address: string): Promise<void> {
  for (let turn = 0; turn < 600; turn++) {
    const up = await fetch(`${address}/ready`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (up) return
    await pause(100)
  }
  throw new Error('The server was not ready within a minute.')
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (!address || typeof address === 'string') throw new Error('No free port.')
  return address.port
}
