import { type api, formatMoney, type JsonObject, type PersonId } from '@einklang/contract'
import { type Database, Outage } from '@einklang/platform'
import { conceptRow, variantFor } from './concepts.ts'
import type { ContentNeeds, Refused, Rendering, RenderRequest } from './index.ts'
import { smsSize } from './sms.ts'
import { textOf } from './text.ts'
import type { Compiled, Workshops } from './words.ts'
import { WorkLimit } from './workshop.ts'

type Cart = api.commerce.Cart
type Reference = { name: string; value: string }

/** The words for one person as they hold now: the right language, references resolved, limits kept. */
export async function renderFor(
  needs: ContentNeeds,
  workshops: Workshops,
  tx: Database,
  request: RenderRequest,
): Promise<Rendering | Refused> {
  const concept = await conceptRow(tx, request.concept)
  if (!concept) return { refused: 'NO_VARIANT: the concept does not exist.' }
  const person = request.person ? await personData(tx, request.person) : sample.person
  const variant = await variantFor(tx, concept, request.channel, request.language ?? person.language)
  if (!variant) return { refused: `NO_VARIANT: there are no words for ${request.channel}.` }
  const cart = request.person ? await cartOf(needs, tx, variant.compiled, request.person) : sample.cart
  return await renderWith(needs, workshops, {
    compiled: variant.compiled,
    channel: request.channel,
    language: variant.language,
    hash: variant.hash,
    person,
    cart,
    links: request.links,
    data: request.data,
  })
}

function cartOf(needs: ContentNeeds, tx: Database, compiled: Compiled, person: PersonId): Promise<Cart | null> {
  return compiled.roots.includes('cart') ? needs.commerce.openCart(tx, person) : Promise.resolve(null)
}

export type PersonData = { [name: string]: string | null } & { language: string | null }

/** The traits a template may use; nothing else of the profile is visible to it. */
export async function personData(tx: Database, person: PersonId): Promise<PersonData> {
  const row = await tx.row<PersonData>`
    select first_name, last_name, nullif(concat_ws(' ', first_name, last_name), '') as name, city, language, loyalty_card
    from profile.person where person = identity.current(${person})`
  const nobody = { first_name: null, last_name: null, name: null, city: null, language: null, loyalty_card: null }
  return row ? { ...row, language: row.language?.slice(0, 2).toLowerCase() ?? null } : nobody
}

export type RenderInput = {
  compiled: Compiled
  channel: api.content.VariantContent['channel']
  language: string
  hash: string
  person: PersonData
  cart: Cart | null
  links: RenderRequest['links']
  data: JsonObject
}

/** Pure but for the worker thread: same input, same words. */
export async function renderWith(
  needs: Pick<ContentNeeds, 'governance'>,
  workshops: Workshops,
  input: RenderInput,
): Promise<Rendering | Refused> {
  const cart = input.compiled.roots.includes('cart') ? cartData(input.cart, input.language) : null
  if (cart && 'refused' in cart) return cart
  const brand = await needs.governance.brand()
  const data = {
    person: input.person,
    brand: { name: brand.name, imprint: brand.imprint, colour: brand.colour, sender: brand.senderName },
    links: { ...input.links },
    cause: input.data['cause'] ?? {},
    cart: cart?.data ?? {},
  }
  let texts: { [name: string]: string }
  try {
    texts = await workshops.liquid.run({ kind: 'render', pieces: input.compiled.pieces, data })
  } catch (error) {
    if (error instanceof Outage) throw error
    const why = error instanceof Error ? error.message : String(error)
    if (!(error instanceof WorkLimit)) return { refused: `TEMPLATE_FAILED: ${why}` }
    return { refused: `TEMPLATE_LIMIT: the template ${why}.`, ...(error.late ? { late: true } : {}) }
  }
  return shaped(input, texts, cart?.references ?? [])
}

function shaped(input: RenderInput, texts: { [name: string]: string }, references: Reference[]): Rendering {
  const html = texts['html'] ?? null
  const text = html === null ? plainSpaces(input.channel, (texts['text'] ?? '').trim()) : textOf(html)
  const link = texts['link'] ? `\n${texts['link']}` : ''
  return {
    subject: oneLine(texts['subject'] ?? texts['title'] ?? null),
    preheader: oneLine(texts['preheader'] ?? null),
    html,
    text: text + link,
    language: input.language,
    hash: input.hash,
    sms: input.channel === 'sms' ? smsSize(text) : null,
    references,
  }
}

/** Prices are formatted with no-break spaces, and one of them would make a whole SMS cost more than twice as much. */
function plainSpaces(channel: RenderInput['channel'], text: string): string {
  return channel === 'sms' ? text.replace(/[\u00a0\u2009\u202f]/g, ' ') : text
}

/** A name with a line break must not become a header of its own. */
function oneLine(text: string | null): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this takes out.
  return text === null ? null : text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()
}

/** Prices and stock as they are now. A line without a price cannot be promised and is left out; none left = refusal. */
function cartData(
  cart: Cart | null,
  language: string,
): { refused: string } | { data: object; references: Reference[] } {
  if (!cart || cart.state !== 'open' || cart.lines.length === 0)
    return { refused: 'REFERENCE_UNRESOLVED: the cart is no longer open.' }
  const inStock = cart.lines.filter((line) => line.stock === null || line.stock > 0)
  if (inStock.length === 0) return { refused: 'SOLD_OUT: nothing in the cart is in stock any more.' }
  const priced = inStock.filter((line) => line.price !== null)
  if (priced.length === 0)
    return { refused: 'REFERENCE_UNRESOLVED: no article in the cart has a price that holds now.' }
  const money = (amount: number) => formatMoney({ amount, currency: cart.currency }, language)
  const lines = priced.map((line) => ({
    sku: line.sku,
    name: line.name,
    quantity: line.quantity,
    price: money(line.price ?? 0),
    sum: money((line.price ?? 0) * line.quantity),
    url: line.url,
    image: line.imageUrl,
  }))
  const total = priced.reduce((sum, line) => sum + (line.price ?? 0) * line.quantity, 0)
  return {
    data: { lines, count: priced.reduce((sum, line) => sum + line.quantity, 0), total: money(total), first: lines[0] },
    references: [
      ...lines.map((line) => ({ name: `price of ${line.name}`, value: line.price })),
      { name: 'cart total', value: money(total) },
    ],
  }
}

/** Invented data for previews without a customer. */
export const sample: { person: PersonData; cart: Cart } = {
  person: {
    first_name: 'Ada',
    last_name: 'Köhler',
    name: 'Ada Köhler',
    city: 'Köln',
    language: null,
    loyalty_card: '2900001234567',
  },
  cart: {
    person: '00000000-0000-8200-8000-000000000000' as PersonId,
    state: 'open',
    lines: [
      { sku: 'A-100', name: 'Wollpullover „Eifel“', quantity: 1, price: 8995, imageUrl: null, url: null, stock: 4 },
      { sku: 'B-200', name: 'Socken, 3 Paar', quantity: 2, price: 1295, imageUrl: null, url: null, stock: null },
    ],
    value: 11585,
    currency: 'EUR',
    updatedAt: '2026-03-02T09:00:00Z',
    checkoutStartedAt: null,
  },
}
