import { type AnswerOf, api, type PersonId, type Route } from '@einklang/contract'
import { Refusal } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGovernance } from '#governance'
import { abandonedCartConcept, type Content, createContent, welcomeConcept } from './index.ts'
import { literalFindings } from './lint.ts'
import { contentParts } from './routes.ts'
import { textOf } from './text.ts'

let world: TestGround
let content: Content
let parts: ReturnType<typeof contentParts>
const cart: api.commerce.Cart = {
  person: '01990000-0000-8200-8000-000000000001' as PersonId,
  state: 'open',
  lines: [
    { sku: 'A', name: 'Mantel <Nord>', quantity: 2, price: 19900, imageUrl: null, url: null, stock: 3 },
    { sku: 'B', name: 'Mütze', quantity: 1, price: null, imageUrl: null, url: null, stock: null },
    { sku: 'C', name: 'Schal', quantity: 1, price: 4900, imageUrl: null, url: null, stock: 0 },
  ],
  value: 44700,
  currency: 'EUR',
  updatedAt: '2026-03-02T09:00:00Z',
  checkoutStartedAt: null,
}
let open: api.commerce.Cart | null = cart

beforeAll(async () => {
  world = await testGround()
  const needs = {
    ground: world.ground,
    governance: createGovernance({ ground: world.ground }),
    commerce: { openCart: async () => open },
  }
  content = createContent(needs)
  parts = contentParts(content, needs)
  await world.ground.database.run`insert into governance.brand
      (id, name, sender_name, sender_email, imprint, colour, language)
    values ('01990000-0000-8050-8000-000000000001', 'Haus & Hof', 'Haus & Hof', 'hello@shop.example',
      ${'Haus & Hof GmbH\nDomstraße 1'}, '#1d4ed8', 'de')`
  await Promise.all([content.seed(), content.seed()])
}, 60_000)
afterAll(async () => {
  await content.close()
  await world.close()
})

async function ask<R extends Route>(route: R, input: { params?: object; body?: unknown }): Promise<AnswerOf<R>> {
  const mounted = parts.routes.find((one) => one.route === (route as unknown as Route))
  const parsed = { params: route.params.parse(input.params ?? {}), query: {}, body: route.body.parse(input.body) }
  const caller = { kind: 'key', key: 'k', name: 'Mara', roles: ['marketer'] }
  return route.answer.parse(await mounted?.handle(parsed as never, { caller } as never)) as AnswerOf<R>
}

const links = {
  unsubscribe: 'https://x.example/p/u/1',
  preferences: 'https://x.example/p/2',
  shop: 'https://x.example/',
}
const render = (channel: 'email' | 'sms' | 'letter', language = 'de') =>
  content.render(world.ground.database, {
    concept: abandonedCartConcept,
    channel,
    person: cart.person,
    data: {},
    links,
    language,
  })
const mailVariant = { concept: welcomeConcept, channel: 'email', language: 'de' }

test('the starter words are there in two languages, and a second start changes nothing', async () => {
  await content.seed()
  const { items } = await ask(api.content.concepts, {})
  expect(items.map((item) => item.name)).toEqual(['Abandoned cart', 'Newsletter welcome'])
  expect(items[0]?.variants).toHaveLength(6)
  expect(items[0]?.variants.every((variant) => !variant.blocked)).toBe(true)
  expect((await content.variants(abandonedCartConcept))?.toSorted()).toEqual(['email', 'letter', 'sms'])
  const detail = await ask(api.content.concept, { params: { concept: abandonedCartConcept } })
  expect(detail.variants.map((variant) => variant.version)).toEqual([1, 1, 1, 1, 1, 1])
})

test('prices and stock are resolved when it leaves: unknown prices and sold-out articles are not promised', async () => {
  open = cart
  const mail = await render('email')
  if ('refused' in mail) throw new Error(mail.refused)
  expect(mail.html).toContain('Mantel &lt;Nord&gt;')
  expect(mail.html).toContain('398,00')
  expect(mail.html).not.toContain('Mütze')
  expect(mail.html).not.toContain('Schal')
  expect(mail.html).toContain(links.unsubscribe)
  expect(mail.html).not.toContain('#010b0c')
  expect(mail.html).toMatch(/Haus &amp; Hof GmbH<br \/>\s*Domstraße 1/)
  expect(mail.text).toContain('Mantel <Nord>')
  expect(mail.text).toContain(`Abmelden (${links.unsubscribe})`)
  expect(mail.references[0]).toMatchObject({ name: 'price of Mantel <Nord>' })
  expect(await render('email')).toEqual(mail)
  const english = await render('email', 'en')
  expect('refused' in english ? '' : english.subject).toBe('Hello, your cart is still here')
})

test('what cannot be true any more is refused with its reason', async () => {
  open = null
  expect(await render('email')).toEqual({ refused: 'REFERENCE_UNRESOLVED: the cart is no longer open.' })
  open = { ...cart, lines: cart.lines.map((line) => ({ ...line, stock: 0 })) }
  expect(await render('sms')).toEqual({ refused: 'SOLD_OUT: nothing in the cart is in stock any more.' })
  open = cart
})

test('a text message says what it costs', async () => {
  const sms = await render('sms')
  expect('refused' in sms ? null : sms.sms?.encoding).toBe('GSM-7')
})

test('a mistake is refused at save with its line, and nothing is stored', async () => {
  const save = (mjml: string, subject = 'Hallo') =>
    ask(api.content.saveVariant, {
      params: mailVariant,
      body: { version: 1, content: { channel: 'email', subject, mjml } },
    })
  const section = (inner: string) => `<mj-section>\n<mj-column>\n${inner}\n</mj-column>\n</mj-section>`
  const refused = async (mjml: string, subject?: string) =>
    save(mjml, subject).then(
      () => 'saved',
      (error: unknown) => (error instanceof Refusal ? `${error.code} at ${error.at}` : String(error)),
    )
  expect(await refused(section('<mj-textt>Hi</mj-textt>'))).toBe('check_mjml at mjml:3')
  expect(await refused(section('<mj-text>Hi {{ person.first_name | explode }}</mj-text>'))).toBe(
    'check_liquid at mjml:3',
  )
  expect(await refused(section('<mj-text>Nur 19,95 €!</mj-text>'))).toBe('check_literal-amount at mjml:3')
  expect(await refused(section('<mj-text>{{ secrets.key }}</mj-text>'))).toBe('check_unknown-data at mjml')
  expect(await refused(`${section('<mj-text>Hi</mj-text>')}<mj-include path="/etc/passwd" />`)).toBe(
    'check_include at mjml',
  )
  expect(await refused('<mjml><mj-body></mj-body></mjml>')).toBe('check_unsubscribe at mjml')
  expect(await refused(section('<mj-text>Hi</mj-text>'), '')).toBe('check_empty at subject')
  const detail = await ask(api.content.concept, { params: { concept: welcomeConcept } })
  expect(detail.variants.map((variant) => variant.version)).toEqual([1, 1])
})

test('two edits at once: the second is told, nothing is overwritten; the hash follows the words', async () => {
  const before = await ask(api.content.concept, { params: { concept: welcomeConcept } })
  const [german] = before.variants
  if (german?.content.channel !== 'email') throw new Error('the German mail is missing')
  const body = { version: 1, content: { ...german.content, subject: 'Schön, dass Sie da sind' } }
  const saved = await ask(api.content.saveVariant, { params: mailVariant, body })
  expect(saved).toMatchObject({ version: 2, updatedBy: 'Mara' })
  expect(saved.hash).not.toBe(german.hash)
  await expect(ask(api.content.saveVariant, { params: mailVariant, body })).rejects.toMatchObject({ code: 'stale' })
  const undone = await ask(api.content.saveVariant, {
    params: mailVariant,
    body: { version: 2, content: german.content },
  })
  expect(undone.hash).toBe(german.hash)
})

test('a preview shows edited words before they are saved, on a page without scripts', async () => {
  const preview = await ask(api.content.preview, {
    params: { concept: welcomeConcept },
    body: {
      channel: 'email',
      content: {
        channel: 'email',
        subject: 'Hallo {{ person.first_name | default: "du" }}',
        mjml: '<mj-section><mj-column><mj-text>Neu<script>alert(1)</script></mj-text></mj-column></mj-section>',
      },
    },
  })
  expect(preview.rendering?.subject).toBe('Hallo Ada')
  const token = preview.frameUrl?.split('/').at(-1) ?? ''
  const page = (await parts.raw?.[0]?.handle(new Request('https://x.example/'), {
    params: { token },
    address: '',
    requestId: '',
    remoteAddress: '',
  })) as Response
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*sandbox/)
  expect(await page.text()).toContain('Neu')
})

test.each([
  ['Nur 19,95 €', 1],
  ['EUR 20', 1],
  ['20 Euro Rabatt', 1],
  ['-20 %', 1],
  ['minus 20 Prozent', 1],
  ['bis Sonntag', 1],
  ['am 24.12.', 1],
  ['24. Dezember', 1],
  ['2026-12-24', 1],
  ['nur noch 3', 1],
  ['100 % Leder', 0],
  ['Größe 42', 0],
  ['{{ line.price }} statt {{ line.was }}', 0],
  ['<mj-column width="50%">Hallo</mj-column>', 0],
  ['Rufen Sie an: 0221 123456', 0],
])('typed facts are found: %s', (text, count) => {
  expect(literalFindings('text', text)).toHaveLength(count)
})

test('the plain part says what the HTML says', () => {
  expect(
    textOf(
      '<style>a{}</style><h1>Hallo</h1><p>Zur&uuml;ck &amp; vor<br/>neu</p><a href="https://x.example/?a=1&amp;b=2">Los</a>',
    ),
  ).toBe('Hallo\nZur&uuml;ck & vor\nneu\nLos (https://x.example/?a=1&b=2)')
})
