import type { ImportId, Json, JsonObject, QuarantineId, SourceId } from '@einklang/contract'
import { type Clock, type Database, newId, type Part, Refusal, type Secrets } from '@einklang/platform'
import { type DialectName, isObject } from './dialects/dialect.ts'
import { dialectNamed } from './dialects/index.ts'
import type { InboxRequest } from './frame.ts'
import type { Item, QuarantineCode, Reason } from './item.ts'
import { deepText } from './json-text.ts'
import { deepField } from './normal.ts'
import { referencesOf } from './quality/checks/goods.ts'
import type { Repair } from './quality/finding.ts'
import { turnoverOf } from './quality/judge.ts'
import { Subject } from './quality/subject.ts'

const sealing = 'ingest.quarantine'
const naming = 'ingest.quarantine.named'

export type QuarantineRow = {
  id: QuarantineId
  source: SourceId
  receivedAt: Date
  originalAt: Date | null
  reasons: Reason[]
  status: 'open' | 'patched' | 'replayed' | 'discarded' | 'expired'
  attempts: number
  payload: Json
  patched: Json | null
  request: JsonObject
}

/** How long an item waits at most, in days: permission is about people and waits less long. */
const waitDays: { [code in QuarantineCode]?: number } = { consent_without_evidence: 30, unknown_category: 30 }
const usualDays = 90
/** Minutes between the tries of an item that waits for a record; the last one repeats for a week. */
const retryMinutes = [1, 5, 15, 60] as const
const retryDays = 7
/** Payloads that are opened at once, so that an erasure among millions needs no more memory. */
const erasedAtOnce = 1_000

export type Chosen = {
  group?: string | undefined
  items?: QuarantineId[] | undefined
  import?: ImportId | undefined
}

export type Quarantine = {
  keep(tx: Database, items: Item[]): Promise<void>
  items(
    database: Database,
    chosen: Chosen,
    status: string[],
    after: string | null,
    limit: number,
  ): Promise<QuarantineRow[]>
  patch(tx: Database, item: QuarantineId, payload: JsonObject): Promise<void>
  settle(
    tx: Database,
    items: QuarantineId[],
    status: 'replayed' | 'discarded',
    by: string,
    why: string | null,
  ): Promise<number>
  /** What items waited for is there: they are tried again at once. */
  arrived(tx: Database, kind: 'sku' | 'store', values: string[]): Promise<number>
  /** Takes back that items were given up. */
  restore(tx: Database, group: string): Promise<number>
  /** Items one by one in the order in which they came, from after a place on. */
  inOrder(
    tx: Database,
    group: string,
    after: { receivedAt: Date; id: QuarantineId } | null,
    until: Date,
    limit: number,
  ): Promise<QuarantineRow[]>
  /** Items that are due to be tried again by themselves. */
  due(tx: Database, limit: number): Promise<QuarantineRow[]>
  /** Still does not pass: the reason is noted, and when to try again. */
  failed(tx: Database, items: { id: QuarantineId; reasons: Reason[] }[], again: boolean): Promise<void>
  /** Deletes items whose payload holds one of the values. */
  erase(tx: Database, values: string[]): Promise<number>
}

type SealedRow = Omit<QuarantineRow, 'payload' | 'patched'> & { payload: Buffer; patched: Buffer | null }

function columns(database: Database): Part {
  return database.part`id, source, received_at as "receivedAt", original_at as "originalAt", reasons, status, attempts,
    payload, patched, request`
}

/** Source, reason and place; where the reason is a family of checks, the check as well. */
function groupOf(source: string, { code, path, check }: Reason): string {
  return `${source}:${code}${check === undefined || check === code ? '' : `/${check}`}:${path}`
}

export function createQuarantine(needs: { clock: Clock; secrets: Secrets }): Quarantine {
  const seal = (value: unknown, id: string) => needs.secrets.seal(sealing, Buffer.from(JSON.stringify(value)), id)
  const open = (bytes: Uint8Array, id: string) =>
    JSON.parse(Buffer.from(needs.secrets.open(sealing, bytes, id)).toString('utf8')) as Json

  const nameHash = (namespace: string, value: string) =>
    needs.secrets.sign(naming, `${namespace}:${value.toLowerCase()}`)
  const opened = (rows: SealedRow[]): QuarantineRow[] =>
    rows.map((row) => ({
      ...row,
      payload: open(row.payload, row.id),
      patched: row.patched ? open(row.patched, row.id) : null,
    }))
  /** What a group is told by: for whom, how much, which client, and what it waits for. */
  const meaningOf = (item: Item, code: QuarantineCode) => {
    const held = item.held ?? null
    const named = (held?.identifiers ?? []).map(({ namespace, value }) => nameHash(namespace, value))
    const waitsFor =
      code !== 'unknown_reference' || held === null
        ? []
        : referencesOf(new Subject(held)).flatMap(({ kind, values }) => values.map((value) => `${kind}:${value}`))
    const currency = held?.properties.currency
    return {
      person: named[0] ?? '',
      named,
      turnover: turnoverOf(held),
      // A currency that nobody knows is none: the group tells its turnover in that of the source.
      currency: typeof currency === 'string' && /^[A-Z]{3}$/.test(currency) ? currency : '',
      client: (held?.library ?? '').slice(0, 100),
      waits_for: waitsFor,
    }
  }
  return {
    async keep(tx, items) {
      const moment = needs.clock.now()
      const now = moment.toISOString()
      const rows = new Map<string, object>()
      for (const item of items) {
        const id = newId('quarantine', needs.clock)
        const { payload, request, originalAt } = item.raw()
        const reason = item.reasons[0] ?? {
          code: 'check_failed' as QuarantineCode,
          path: '',
          message: 'Refused without a reason.',
        }
        rows.set(`${item.id}${item.content}`, {
          id,
          source: item.source,
          event: item.id,
          content: item.content,
          received_at: new Date(item.receivedAt).toISOString(),
          original_at: originalAt,
          created_at: now,
          payload: Buffer.from(seal(payload ?? null, id)).toString('base64'),
          request,
          reasons: item.reasons,
          code: reason.code,
          path: reason.path,
          message: reason.message,
          check_code: reason.check ?? '',
          group_key: groupOf(item.source, reason),
          import: item.import ?? null,
          expires_at: new Date(moment.getTime() + (waitDays[reason.code] ?? usualDays) * 86_400_000).toISOString(),
          retry_at:
            reason.code === 'unknown_reference'
              ? new Date(moment.getTime() + retryMinutes[0] * 60_000).toISOString()
              : null,
          ...meaningOf(item, reason.code),
        })
      }
      // The same bad item again (a client's repeat, a replay that failed): one row, opened again.
      await tx.run`
        insert into ingest.quarantine as kept (id, source, event, content, received_at, original_at, created_at, payload,
          request, reasons, code, path, message, group_key, check_code, expires_at, retry_at, person, named, turnover,
          currency, client, waits_for, import)
        select id, source, event, content, received_at, original_at, created_at, decode(payload, 'base64'),
          request, reasons, code, path, message, group_key, check_code, expires_at, retry_at, person,
          array(select jsonb_array_elements_text(named)), turnover, currency, client,
          array(select jsonb_array_elements_text(waits_for)), import
        from jsonb_to_recordset(${tx.json([...rows.values()])}) as item(id uuid, source uuid, event uuid, content bigint,
          received_at timestamptz, original_at timestamptz, created_at timestamptz, payload text, request jsonb,
          reasons jsonb, code text, path text, message text, group_key text, check_code text, expires_at timestamptz,
          retry_at timestamptz, person text, named jsonb, turnover bigint, currency text, client text, waits_for jsonb,
          import uuid)
        on conflict (event, content) do update set
          attempts = kept.attempts + 1, reasons = excluded.reasons, code = excluded.code, path = excluded.path,
          message = excluded.message, group_key = excluded.group_key, check_code = excluded.check_code,
          person = excluded.person, named = excluded.named, turnover = excluded.turnover, currency = excluded.currency,
          waits_for = excluded.waits_for, retry_at = coalesce(kept.retry_at, excluded.retry_at),
          status = case when kept.status = 'replayed' then 'open' else kept.status end`
    },

    async items(database, chosen, status, after, limit) {
      return opened(
        await database.rows<SealedRow>`
          select ${columns(database)} from ingest.quarantine
          where status = any(${status}) and (${after}::uuid is null or id > ${after}::uuid)
            and (${chosen.group ?? null}::text is null or group_key = ${chosen.group ?? null})
            and (${chosen.items ?? null}::uuid[] is null or id = any(${chosen.items ?? null}::uuid[]))
            and (${chosen.import ?? null}::uuid is null or import = ${chosen.import ?? null})
          order by id limit ${limit}`,
      )
    },

    async inOrder(tx, group, after, until, limit) {
      return opened(
        await tx.rows<SealedRow>`
          select ${columns(tx)} from ingest.quarantine
          where group_key = ${group} and status in ('open', 'patched') and created_at <= ${until}
            and (${after?.id ?? null}::uuid is null
              or (received_at, id) > (${after?.receivedAt ?? null}::timestamptz, ${after?.id ?? null}::uuid))
          order by received_at, id limit ${limit}`,
      )
    },

    async due(tx, limit) {
      return opened(
        await tx.rows<SealedRow>`
          select ${columns(tx)} from ingest.quarantine
          where status = 'open' and retry_at <= ${needs.clock.now()} order by retry_at, id limit ${limit}
          for update skip locked`,
      )
    },

    async failed(tx, items, again) {
      if (items.length === 0) return
      const now = needs.clock.now()
      const rows = items.map(({ id, reasons }) => {
        const { code, path, message, check } = reasons[0] as Reason
        return { id, reasons, code, path, message, check_code: check ?? '' }
      })
      await tx.run`
        update ingest.quarantine as kept set attempts = attempts + 1, reasons = item.reasons, code = item.code,
          path = item.path, message = item.message, check_code = item.check_code,
          group_key = kept.source || ':' || item.code || case when item.check_code = '' or item.check_code = item.code
            then '' else '/' || item.check_code end || ':' || item.path,
          retries = retries + ${again ? 1 : 0}::integer,
          retry_at = case when item.code <> 'unknown_reference' or created_at < ${new Date(now.getTime() - retryDays * 86_400_000)}
            then null
            when ${again}::boolean then ${now}::timestamptz
              + make_interval(mins => (${[...retryMinutes]}::int[])[least(retries + 2, ${retryMinutes.length})])
            else retry_at end
        from jsonb_to_recordset(${tx.json(rows)}) as item(id uuid, reasons jsonb, code text, path text, message text,
          check_code text)
        where kept.id = item.id and kept.status in ('open', 'patched')`
    },

    arrived(tx, kind, values) {
      const wanted = values.map((value) => `${kind}:${value}`)
      return tx.run`
        update ingest.quarantine set retry_at = ${needs.clock.now()}
        where status = 'open' and retry_at is not null and waits_for && ${wanted}::text[]`
    },

    restore(tx, group) {
      return tx.run`
        update ingest.quarantine set resolved_by = null, resolved_at = null, resolution = null,
          status = case when patched is null then 'open' else 'patched' end
        where group_key = ${group} and status = 'discarded' and expires_at > ${needs.clock.now()}`
    },

    async patch(tx, item, payload) {
      const changed = await tx.run`
        update ingest.quarantine set patched = ${seal(payload, item)}, status = 'patched'
        where id = ${item} and status in ('open', 'patched')`
      if (changed === 0) throw new Refusal(409, 'not_open', 'The item is not open any more; look at its state.')
    },

    settle(tx, items, status, by, why) {
      return tx.run`
        update ingest.quarantine set status = ${status}, resolved_by = ${by}, resolved_at = ${needs.clock.now()}, resolution = ${why}
        where id = any(${items}::uuid[]) and status in ('open', 'patched')`
    },

    async erase(tx, values) {
      const wanted = values.filter((value) => value.length >= 4).map((value) => value.toLowerCase())
      if (wanted.length === 0) return 0
      const gone: QuarantineId[] = []
      for (let after: QuarantineId | null = null; ; ) {
        const rows: { id: QuarantineId; payload: Buffer; patched: Buffer | null }[] = await tx.rows`
          select id, payload, patched from ingest.quarantine
          where ${after}::uuid is null or id > ${after}::uuid order by id limit ${erasedAtOnce}`
        for (const { id, payload, patched } of rows) {
          const text = `${JSON.stringify(open(payload, id))}${patched ? JSON.stringify(open(patched, id)) : ''}`
          if (wanted.some((value) => text.toLowerCase().includes(value))) gone.push(id)
        }
        if (rows.length < erasedAtOnce) break
        after = rows.at(-1)?.id ?? null
      }
      return gone.length === 0 ? 0 : tx.run`delete from ingest.quarantine where id = any(${gone}::uuid[])`
    },
  }
}

/** The request that sends a kept item again: its own key's trust, its own times, its own id. */
export function replayRequest(row: QuarantineRow, repairs: readonly Repair[] = []): InboxRequest {
  const request = asItWas(row)
  return repairs.length === 0 ? request : { ...request, repairs: [...repairs] }
}

function asItWas(row: QuarantineRow): InboxRequest {
  const facts = row.request
  const payload = row.patched ?? row.payload
  const receivedAt = row.receivedAt.getTime()
  if (facts.call === 'own' || facts.call === 'normal') {
    return {
      source: row.source,
      call: facts.call,
      trust: 'secret',
      receivedAt,
      body: Buffer.from(JSON.stringify([payload])),
    }
  }
  const { sharedContext, sharedSentAt, call, trust, ...rest } = facts
  const dialect = dialectNamed((facts.dialect ?? 'segment') as DialectName)
  const given =
    isObject(payload) && typeof payload[deepField] === 'string' ? (JSON.parse(payload[deepField]) as Json) : payload
  const said = dialect.again?.(given, String(call)) ?? given
  const shared = {
    ...(sharedContext ? { context: sharedContext } : {}),
    ...(sharedSentAt ? { sentAt: sharedSentAt } : {}),
  }
  const document = said !== given && isObject(said) ? { ...said, ...shared } : said
  return {
    ...(rest as object),
    ...(dialect.againHeads ? { heads: dialect.againHeads } : {}),
    source: row.source,
    call: String(call),
    trust: trust === 'secret' ? 'secret' : 'publishable',
    receivedAt,
    body: Buffer.from(deepText(document)),
  }
}

/** What a person can do about each reason. */
export const remedies: { [code in QuarantineCode]: string } = {
  unparsable: 'Look at the sender: an item must be a JSON object.',
  unknown_type: 'Use identify, track, page, screen, group or alias as type.',
  missing_id: 'Send userId or anonymousId with every call.',
  missing_event: 'Give the track call the name of its event.',
  missing_group: 'Give the group call a groupId.',
  missing_previous: 'Give the alias call both userId and previousId.',
  event_too_large: 'Send less in one event (256 KiB at most).',
  too_deep: 'Flatten the properties; 64 levels are allowed.',
  unsafe_number: 'Send ids as text; the number has lost digits already.',
  too_old: 'Use a secret key for history, or raise the age limit of the source.',
  id_reused: 'The sender must give each event its own messageId; repair the id to take it.',
  schema: 'Correct the field named in the path, or change the plan.',
  consent_without_evidence: 'Attach the evidence for this list, then replay.',
  unknown_category: 'Map the consent category to a purpose in the settings of the source, then replay.',
  unknown_reference: 'Import the missing record; the item is tried again.',
  needs_review: 'Decide in the review list of identity.',
  unmapped: 'Map the event type, then replay.',
  currency_unknown: 'Correct the currency code (ISO 4217), then replay.',
  money_mismatch: 'Total and lines differ by more than 1 %; correct the amounts.',
  money_sign: 'Send returns as Order Refunded; a sale cannot be negative.',
  check_failed: 'Look at the message of the check.',
  poison: 'This item makes a stage fail; report it with its payload, then replay after the repair.',
}
