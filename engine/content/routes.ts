import { randomBytes } from 'node:crypto'
import { api, type InputOf, type PersonId, type SpokenLanguage } from '@einklang/contract'
import { type Caller, type Ground, languageOf, mount, type StageParts } from '@einklang/platform'
import {
  conceptDetail,
  createConcept,
  existing,
  listConcepts,
  saveConcept,
  saveVariant,
  variantFor,
} from './concepts.ts'
import { frameGone, framePage } from './frame.ts'
import type { Content, ContentNeeds, Rendering } from './index.ts'
import { personData, renderWith, sample } from './render.ts'
import { findingsIn, refusalIn } from './sayings.ts'
import { smsSize } from './sms.ts'
import { compile, hashOf } from './words.ts'

export function contentParts(content: Content, needs: ContentNeeds): StageParts {
  const { ground } = needs
  const { database } = ground
  const { workshops } = content
  const routes = api.content
  return {
    stage: 'content',
    erase: (tx, persons) => content.erase(tx, persons),
    routes: [
      mount(routes.concepts, async () => ({ items: await listConcepts(database) })),
      mount(routes.concept, ({ params }, request) => conceptDetail(database, params.concept, languageOf(request))),
      mount(routes.createConcept, async ({ body }, request) =>
        conceptDetail(database, await createConcept(ground, body), languageOf(request)),
      ),
      mount(routes.saveConcept, async ({ params, body }, request) => {
        await saveConcept(database, params.concept, body)
        return conceptDetail(database, params.concept, languageOf(request))
      }),
      mount(routes.saveVariant, ({ params, body }, request) =>
        saveVariant(
          { database, workshops, speak: languageOf(request) },
          { concept: params.concept, language: params.language, ...body, by: nameOf(request.caller) },
        ),
      ),
      mount(routes.check, async ({ body }, request) => ({
        findings: findingsIn(
          (await compile(workshops, body.content, body.language, 'newsletter')).findings,
          languageOf(request),
        ),
        sms: body.content.channel === 'sms' ? smsSize(body.content.text) : null,
      })),
      mount(routes.preview, ({ params, body }, request) =>
        preview(needs, content, params.concept, body, languageOf(request)),
      ),
    ],
    raw: [
      {
        method: 'GET',
        path: '/p/preview/:token',
        async handle(_, { params }) {
          const row = await database.row<{ html: string }>`select html from content.preview
            where token = ${params['token'] ?? ''} and expires_at > platform.now()`
          return row ? framePage(row.html) : frameGone()
        },
      },
    ],
  }
}

function nameOf(caller: Caller): string {
  return caller.kind === 'anonymous' ? 'nobody' : caller.name
}

const hour = 3_600_000

async function preview(
  needs: ContentNeeds,
  content: Content,
  conceptId: InputOf<typeof api.content.preview>['params']['concept'],
  body: InputOf<typeof api.content.preview>['body'],
  speak: SpokenLanguage,
): Promise<api.content.Preview> {
  const { ground } = needs
  const { database, clock, config } = ground
  const asOf = clock.now().toISOString()
  const concept = await existing(database, conceptId)
  const person = body.person ? await personData(database, body.person) : sample.person
  const wanted = body.language ?? person.language
  const variant = body.content ? undefined : await variantFor(database, concept, body.channel, wanted)
  const edited = body.content ?? variant?.content
  if (!edited)
    return {
      asOf,
      rendering: null,
      refused: refusalIn(`NO_VARIANT: there are no words for ${body.channel} yet.`, speak),
      findings: [],
      frameUrl: null,
    }
  const language = variant?.language ?? wanted ?? concept.language
  // Saved words are shown as they would be sent; only edited ones have yet to be compiled.
  const { compiled, findings: found } = variant ?? (await compile(content.workshops, edited, language, concept.purpose))
  const findings = findingsIn(found, speak)
  if (findings.some((finding) => finding.level === 'block')) {
    const refused = refusalIn('BLOCKED: the words do not pass the checks.', speak)
    return { asOf, rendering: null, refused, findings, frameUrl: null }
  }
  const rendered = await renderWith(needs, content.workshops, {
    compiled,
    channel: edited.channel,
    language,
    hash: hashOf(edited, language),
    person,
    cart: body.person ? await needs.commerce.openCart(database, body.person) : sample.cart,
    links: {
      unsubscribe: `${config.publicUrl}/`,
      preferences: `${config.publicUrl}/`,
      shop: (await needs.governance.brand()).shopUrl ?? `${config.publicUrl}/`,
    },
    data: {},
  })
  if ('refused' in rendered)
    return { asOf, rendering: null, refused: refusalIn(rendered.refused, speak), findings, frameUrl: null }
  return { asOf, rendering: rendered, refused: null, findings, frameUrl: await frameOf(ground, rendered, body.person) }
}

async function frameOf(ground: Ground, rendering: Rendering, person: PersonId | null): Promise<string | null> {
  if (rendering.html === null) return null
  const token = randomBytes(24).toString('base64url')
  await ground.database.run`delete from content.preview where expires_at < platform.now()`
  await ground.database.run`insert into content.preview (token, person, html, expires_at)
    values (${token}, ${person}, ${rendering.html}, ${new Date(ground.clock.now().getTime() + hour)})`
  return `/p/preview/${token}`
}
