import { createHash } from 'node:crypto'
import type { PersonId, Purpose } from '@einklang/contract'
import type { Database, RawMount } from '@einklang/platform'
import type { Consent, ConsentInside } from './index.ts'
import type { Statement, Wording } from './ledger.ts'
import { leavePage, leftPage, missingPage, preferencePage, styleSheet, type Visitor } from './page.ts'
import { maskedAddress } from './point.ts'
import { objectByHash } from './store.ts'
import type { LinkTarget } from './token.ts'
import { type Language, languageOf, purposeText, text, wordingVersion } from './words.ts'

type Pages = { consent: Consent & ConsentInside; database: Database }

/** Marketing purposes that a person can choose on the preference page. */
const offered: readonly Purpose[] = ['newsletter', 'offers_profiled', 'survey']

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
  'cache-control': 'no-store',
}

function html(status: number, body: string): Response {
  return new Response(body, { status, headers })
}

/**
 * The public pages of permission. A GET never changes anything, so link scanners unsubscribe nobody; a POST answers
 * only after the fence, so that nothing is handed over later.
 */
export function consentPages(pages: Pages): RawMount[] {
  return [
    {
      method: 'GET',
      path: '/p/style.css',
      handle: () =>
        new Response(styleSheet, {
          headers: {
            'content-type': 'text/css; charset=utf-8',
            'cache-control': 'public, max-age=3600',
            'x-content-type-options': 'nosniff',
          },
        }),
    },
    { method: 'GET', path: '/p/u/:token', handle: (request, { params }) => showLeave(pages, request, params.token) },
    {
      method: 'POST',
      path: '/p/u/:token',
      handle: (request, { params, address }) => leave(pages, request, params.token, address),
    },
    {
      method: 'GET',
      path: '/p/preferences/:token',
      handle: (request, { params }) => showPreferences(pages, request, params.token, false),
    },
    {
      method: 'POST',
      path: '/p/preferences/:token',
      handle: (request, { params, address }) => savePreferences(pages, request, params.token, address),
    },
  ]
}

async function visitorOf(pages: Pages, request: Request, link: LinkTarget | null): Promise<Visitor> {
  const brand = await pages.consent.brand()
  const known = link === null ? null : await languageOfPerson(pages.database, link.person)
  return {
    language: languageOf(request.headers.get('accept-language'), known),
    brand: brand.name,
    channel: link?.channel ?? 'email',
    maskedAddress: link === null ? '' : maskedAddress(link.channel, link.address),
  }
}

async function languageOfPerson(database: Database, person: PersonId): Promise<string | null> {
  const row = await database.row<{ language: string | null }>`
    select language from profile.person where person = identity.current(${person})`
  return row?.language ?? null
}

async function missing(pages: Pages, request: Request): Promise<Response> {
  const visitor = await visitorOf(pages, request, null)
  return html(404, missingPage(visitor.language, visitor.brand))
}

async function showLeave(pages: Pages, request: Request, token = ''): Promise<Response> {
  const link = pages.consent.readLink(token)
  if (link === null) return missing(pages, request)
  return html(200, leavePage(await visitorOf(pages, request, link), linksOf(pages, link), link.topic))
}

function linksOf(pages: Pages, link: LinkTarget): { preferences: string } {
  return { preferences: pages.consent.preferenceUrl(link.person, link.address, link.channel) }
}

/** RFC 8058: the mail program's own POST, and the button of our page. 200 without redirect, as often as it comes. */
async function leave(pages: Pages, request: Request, token = '', address = ''): Promise<Response> {
  const link = pages.consent.readLink(token)
  if (link === null) return missing(pages, request)
  const form = await formOf(request)
  const everything = form.get('choice') === 'everything'
  await withdraw(pages, link, everything, evidenceOf(request, link, address, form))
  const visitor = await visitorOf(pages, request, link)
  return html(200, leftPage(visitor, linksOf(pages, link), everything ? 'everything' : { topic: link.topic }))
}

type Evidence = { [name: string]: string | null }

function evidenceOf(request: Request, link: LinkTarget, address: string, form: FormData): Evidence {
  const oneClick = form.get('List-Unsubscribe') === 'One-Click'
  return {
    kind: oneClick ? 'one-click (RFC 8058)' : 'page',
    page: new URL(request.url).pathname.split('/').slice(0, 3).join('/'),
    message: link.message,
    ipClass: address,
  }
}

async function formOf(request: Request): Promise<FormData> {
  try {
    return await request.formData()
  } catch {
    // Mail programs that send no or a broken body still mean what the address says.
    return new FormData()
  }
}

/** The contact point leaves; "everything" also holds for the person on every other channel. */
async function withdraw(pages: Pages, link: LinkTarget, everything: boolean, evidence: Evidence): Promise<void> {
  const { consent, database } = pages
  if (await isErased(database, link.person)) {
    await objectByHash(database, consent.store, link.channel, link.address)
    return
  }
  const common = { person: link.person, stance: 'deny' as const, purpose: null, source: 'page:unsubscribe', evidence }
  const statements: Statement[] = [
    {
      ...common,
      channel: link.channel,
      address: link.address,
      topic: everything ? null : link.topic,
      reason: everything ? 'Unsubscribed from everything' : 'Unsubscribed',
    },
  ]
  if (everything)
    statements.push({
      ...common,
      channel: null,
      basis: 'legitimate_interest',
      reason: 'Objection to all marketing',
    })
  await consent.state(statements)
}

async function isErased(database: Database, person: PersonId): Promise<boolean> {
  const row = await database.row`
    select person from consent.erased where person = any(identity.aliases(${person})) limit 1`
  return row !== undefined
}

async function showPreferences(pages: Pages, request: Request, token = '', saved = false): Promise<Response> {
  const link = pages.consent.readLink(token)
  if (link === null) return missing(pages, request)
  const visitor = await visitorOf(pages, request, link)
  return html(200, preferencePage(visitor, await choicesOf(pages, link), saved))
}

async function choicesOf(pages: Pages, link: LinkTarget): Promise<{ purpose: Purpose; allowed: boolean }[]> {
  const { consent, database } = pages
  return Promise.all(
    offered.map(async (purpose) => {
      const { person, channel, address } = link
      return { purpose, allowed: (await consent.may(database, { person, channel, address, purpose })).allowed }
    }),
  )
}

async function savePreferences(pages: Pages, request: Request, token = '', address = ''): Promise<Response> {
  const link = pages.consent.readLink(token)
  if (link === null) return missing(pages, request)
  const form = await formOf(request)
  const evidence = { ...evidenceOf(request, link, address, form), kind: 'preference page' }
  const visitor = await visitorOf(pages, request, link)
  if (form.get('choice') === 'everything') {
    await withdraw(pages, link, true, evidence)
    return html(200, leftPage(visitor, linksOf(pages, link), 'everything'))
  }
  if (form.get('choice') === 'save' && !(await isErased(pages.database, link.person))) {
    const ticked = new Set(form.getAll('purpose').map(String))
    const statements = (await choicesOf(pages, link))
      .filter(({ purpose, allowed }) => ticked.has(purpose) !== allowed)
      .map(({ purpose, allowed }) => changed(link, purpose, !allowed, visitor, evidence))
    if (statements.length > 0) await pages.consent.state(statements)
  }
  return html(200, preferencePage(visitor, await choicesOf(pages, link), true))
}

/** The link came to this very address, so a tick here is a confirmed consent for it and for nothing else. */
function changed(
  link: LinkTarget,
  purpose: Purpose,
  allowed: boolean,
  visitor: Visitor,
  evidence: Evidence,
): Statement {
  return {
    person: link.person,
    stance: allowed ? 'grant' : 'deny',
    purpose,
    channel: link.channel,
    address: link.address,
    named: allowed ? [purpose, link.channel] : [],
    source: 'page:preferences',
    wording: wordingOf(visitor.language, visitor.brand, purpose),
    evidence,
    reason: 'Chosen on the preference page',
  }
}

function wordingOf(language: Language, brand: string, purpose: Purpose): Wording {
  const words = purposeText(language, purpose)
  const shown = [words.name, words.sentence, text(language, 'consent', { brand })].join('\n')
  return {
    id: `preferences.${purpose}`,
    version: wordingVersion,
    language,
    hash: createHash('sha256').update(shown).digest('hex'),
  }
}
