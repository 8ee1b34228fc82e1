import { api, type InputOf, kept, type MessageId, type SpokenLanguage } from '@einklang/contract'
import { languageOf, mount, newId, type RawMount, Refusal, type StageParts } from '@einklang/platform'
import { frameGone, framePage } from '#content'
import { caughtMail, listCaught } from './caught.ts'
import { accepted, ownEvent } from './hand-over.ts'
import type { Delivery, DeliveryNeeds } from './index.ts'
import { clickIsOurs, type Link, readClick, readFrame, readOpen } from './links.ts'
import { callMs } from './outbox.ts'
import { looksLikeMachine } from './receipts.ts'
import { said } from './sayings.ts'
import { listLanes, listMessages, messageDetail, personMessages } from './screens.ts'
import { type MessageRow, note } from './store.ts'
import { takeWebhook } from './webhook.ts'

export function deliveryParts(delivery: Delivery, needs: DeliveryNeeds): StageParts {
  const { database } = needs.ground
  const routes = api.delivery
  return {
    stage: 'delivery',
    loops: delivery.loops,
    erase: (tx, persons) => delivery.erase(tx, persons),
    routes: [
      mount(routes.messages, ({ query }, request) => listMessages(database, query, languageOf(request))),
      mount(routes.message, ({ params }, request) => messageDetail(needs, params.message, languageOf(request))),
      mount(routes.personMessages, async ({ params }, request) => ({
        items: await personMessages(database, params.person, languageOf(request)),
      })),
      mount(routes.resolveUnknown, async ({ params, body }) => {
        await resolveUnknown(needs, params.message, body)
        return undefined
      }),
      mount(routes.lanes, async (_, request) => ({ items: await listLanes(needs, languageOf(request)) })),
      mount(routes.stopLane, async ({ params, body }) => {
        await database.run`insert into delivery.lane (channel, stopped, because, changed_at)
          values (${params.channel}, ${body.stopped}, ${body.because}, platform.now())
          on conflict (channel) do update set stopped = excluded.stopped, because = excluded.because,
            changed_at = excluded.changed_at`
        return undefined
      }),
      mount(routes.testSend, ({ body }, request) => testSend(needs, body, languageOf(request))),
      mount(routes.mailbox, ({ query }) => listCaught(database, query, needs.mailbox ?? null)),
      mount(routes.mail, ({ params }) => caughtMail(needs, params.mail)),
      mount(routes.webhook, async ({ params: { source } }, { caller }) => {
        const object = { kind: 'webhook', id: source }
        await database.transaction((tx) =>
          needs.governance.audit(tx, { actor: caller, action: 'webhook.secret.shown', object }),
        )
        return { url: `${needs.ground.config.publicUrl}/hooks/mail/${source}`, secret: delivery.webhookSecret(source) }
      }),
    ],
    raw: [clickRedirect(needs), openPixel(needs), frame(needs), mailWebhook(needs)],
  }
}

async function resolveUnknown(
  needs: DeliveryNeeds,
  message: MessageId,
  body: InputOf<typeof api.delivery.resolveUnknown>['body'],
): Promise<void> {
  await needs.ground.database.transaction(async (tx) => {
    const row = await tx.row<MessageRow>`
      select * from delivery.message where id = ${message} and state = 'unknown' for update`
    if (!row) throw new Refusal(409, 'not_unknown', 'Only a message whose fate is unknown can be settled.')
    if (body.arrived) return accepted(needs, tx, row, kept('by_hand', { note: body.note }))
    await tx.run`update delivery.message set state = 'refused', reason = ${body.note} where id = ${message}`
    await note(tx, message, 'refused', kept('by_hand', { note: body.note }))
    await needs.decision.release(tx, [message])
  })
}

/** A test goes straight to the connector: no person, no cap, no event, "[Test]" in the subject. */
async function testSend(
  needs: DeliveryNeeds,
  body: InputOf<typeof api.delivery.testSend>['body'],
  language: SpokenLanguage,
): Promise<{ state: 'accepted' | 'refused' | 'unknown'; note: string }> {
  const { ground } = needs
  const connector = needs.connectors.find((one) => one.channel === body.channel)
  if (!connector) throw new Refusal(422, 'no_connector', `There is no connector for ${body.channel}.`)
  const brand = await needs.governance.brand()
  const shop = brand.shopUrl ?? `${ground.config.publicUrl}/`
  const words = await needs.content.render(ground.database, {
    concept: body.concept,
    channel: body.channel,
    person: body.person,
    data: {},
    links: { unsubscribe: `${ground.config.publicUrl}/`, preferences: `${ground.config.publicUrl}/`, shop },
    language: body.language,
  })
  if ('refused' in words) return { state: 'refused', note: said(words.refused, language) }
  const message = newId('message', ground.clock)
  const outcome = await connector.handOver(
    {
      message,
      key: message.replaceAll('-', ''),
      channel: body.channel,
      to: { address: body.address, name: null },
      from: { address: brand.senderEmail, name: brand.senderName },
      subject: `[Test] ${words.subject ?? ''}`,
      html: words.html,
      text: words.text,
      headers: {},
    },
    AbortSignal.timeout(callMs),
  )
  if (outcome.state === 'accepted') return { state: 'accepted', note: outcome.providerId }
  return { state: outcome.state, note: outcome.state === 'refused' ? outcome.reason : outcome.evidence }
}

type Sent = MessageRow & { links: Link[] }

/** Signed targets only: what is not in the message that was sent leads nowhere. */
function clickRedirect(needs: DeliveryNeeds): RawMount {
  return {
    method: 'GET',
    path: '/p/c/:token',
    async handle(request, { params }) {
      const click = readClick(params['token'] ?? '')
      const sent =
        click &&
        (await needs.ground.database.row<Sent>`select message.*, body.links from delivery.message
          join delivery.body on body.message = message.id where message.id = ${click.message}`)
      const target = sent?.links[click?.index ?? -1]?.url
      if (!click || !sent || !target || !clickIsOurs(needs.ground.secrets, click, target))
        return new Response('This link is not one of ours.', { status: 404, headers: plain })
      await seen(needs, sent, 'clicked', request, { url: target })
      return new Response(null, { status: 302, headers: { ...plain, Location: target } })
    },
  }
}

const plain = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'Content-Type': 'text/plain; charset=utf-8',
}
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

function openPixel(needs: DeliveryNeeds): RawMount {
  return {
    method: 'GET',
    path: '/p/o/:token',
    async handle(request, { params }) {
      const id = readOpen(needs.ground.secrets, params['token'] ?? '')
      const sent = id && (await needs.ground.database.row<MessageRow>`select * from delivery.message where id = ${id}`)
      if (sent) await seen(needs, sent, 'opened', request, {})
      return new Response(gif, { headers: { 'Content-Type': 'image/gif', 'Cache-Control': 'no-store' } })
    },
  }
}

/** One fact per message, target and minute: a reload is no second open. */
async function seen(
  needs: DeliveryNeeds,
  row: MessageRow,
  kind: 'opened' | 'clicked',
  request: Request,
  more: { url?: string },
): Promise<void> {
  const now = needs.ground.clock.now()
  const secondsSinceSent = row.sent_at ? (now.getTime() - row.sent_at.getTime()) / 1000 : null
  const machine = looksLikeMachine({ userAgent: request.headers.get('user-agent') ?? '', secondsSinceSent, kind })
  const key = `message.${kind}:${row.id}:${machine}:${more.url ?? ''}:${Math.floor(now.getTime() / 60_000)}`
  await needs.ground.database.transaction((tx) =>
    needs.emit(tx, [ownEvent(needs, row, `message.${kind}`, { machine, ...more }, key)]),
  )
}

/** Mails and letters for the console's isolated frame. */
function frame(needs: DeliveryNeeds): RawMount {
  const { database, secrets, clock } = needs.ground
  return {
    method: 'GET',
    path: '/p/frame/:token',
    async handle(_, { params }) {
      const wanted = readFrame(secrets, params['token'] ?? '', clock.now())
      if (!wanted) return frameGone()
      if (wanted.kind === 'letter') return letterFile(needs, wanted.id)
      const row =
        wanted.kind === 'caught'
          ? await database.row<{ html: string | null }>`select html from delivery.caught where id = ${wanted.id}`
          : await database.row<{ html: string | null }>`select html from delivery.body where message = ${wanted.id}`
      return row?.html ? framePage(withoutPixel(row.html)) : frameGone()
    },
  }
}

/** Looking at a mail in the console is no open. */
function withoutPixel(html: string): string {
  return html.replace(/<img src="[^"]*\/p\/o\/[^"]*"[^>]*>/g, '')
}

async function letterFile(needs: DeliveryNeeds, id: string): Promise<Response> {
  const row = await needs.ground.database.row<{ provider_id: string | null }>`
    select provider_id from delivery.message where id = ${id} and channel = 'letter'`
  const bytes = row?.provider_id ? await needs.letter?.(row.provider_id) : null
  if (!bytes) return frameGone()
  return new Response(Buffer.from(bytes), {
    headers: {
      'Content-Type': 'application/pdf',
      'Content-Disposition': 'inline; filename="letter.pdf"',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'SAMEORIGIN',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'self'",
      'Cache-Control': 'no-store',
    },
  })
}

function mailWebhook(needs: DeliveryNeeds): RawMount {
  return {
    method: 'POST',
    path: '/hooks/mail/:source',
    handle: (request, { params }) => takeWebhook(needs, params['source'] ?? '', request),
  }
}
