import { type AnswerOf, type api, type PersonId, type TouchChannel, touchChannels } from '@einklang/contract'
import { type History, Refusal, typed } from '@einklang/platform'
import { entryOf, type HistoryRow, type Language } from './entry.ts'

export type TimelineAnswer = AnswerOf<typeof api.profile.timeline>
export type TimelineInput = {
  after?: string | undefined
  channels?: TouchChannel[] | undefined
  limit: number
  language: Language
}

/** `email,store` → channels; a word that is none is refused by name. */
export function channelsOf(text: string | undefined): TouchChannel[] | undefined {
  if (text === undefined || text === '') return undefined
  return text.split(',').map((word) => {
    const channel = touchChannels.find((known) => known === word.trim())
    if (channel === undefined)
      throw new Refusal(400, 'unknown_channel', `${word} is no channel.`, {
        at: 'channels',
        doInstead: `Use ${touchChannels.join(', ')}.`,
      })
    return channel
  })
}

/** Events of the person and of everybody merged into it, newest first; the cursor is the last entry's instant and id. */
export async function readTimeline(
  history: History,
  aliases: PersonId[],
  input: TimelineInput,
): Promise<TimelineAnswer> {
  // Receipts carry whole seconds: within one, what we sent comes before what came of it.
  const afterSending = history.part`name != 'message.sent'`
  const persons = typed('Array(UUID)', aliases)
  const cursor = cursorOf(input.after)
  const conditions = [history.part`person in ${persons}`]
  if (input.channels !== undefined) conditions.push(history.part`channel in ${input.channels as string[]}`)
  if (cursor !== null)
    conditions.push(
      history.part`(toStartOfSecond(at), ${afterSending}, at, id) < (
        toStartOfSecond(${typed("DateTime64(3, 'UTC')", cursor.at)}), ${cursor.afterSending}::UInt8,
        ${typed("DateTime64(3, 'UTC')", cursor.at)}, ${typed('UUID', cursor.id)})`,
    )
  // One person is a few neighbouring blocks: more threads cost more than they read. What an entry shows is read for the
  // rows of the page alone, which a "limit by" would prevent; a row that history has twice is dropped below.
  const [rows, counts] = await Promise.all([
    history.rows<HistoryRow>`
      select id, at, kind, name, channel, source_name, value, currency, campaign, medium, utm_source, url, message_id,
        place, order_no, sku, properties, flags, findings
      from ingest.event where ${history.join(conditions, 'and')}
      order by toStartOfSecond(at) desc, ${afterSending} desc, at desc, id desc limit ${input.limit + 1}
      settings max_threads = 1, query_plan_max_limit_for_lazy_materialization = 1000`,
    cursor === null
      ? history.rows<{ channel: string; entries: number }>`
          select channel, uniqExact(id) as entries from ingest.event where person in ${persons}
          group by channel order by entries desc settings max_threads = 1`
      : Promise.resolve([]),
  ])
  const page = rows.slice(0, input.limit)
  const shown = page.filter((row, index) => row.id !== page[index - 1]?.id)
  const last = page.at(-1)
  return {
    items: shown.map((row) => entryOf(row, input.language)),
    next:
      rows.length > input.limit && last !== undefined
        ? `${last.at}~${last.id}~${last.name === 'message.sent' ? 0 : 1}`
        : null,
    channels: counts.flatMap(({ channel, entries }) => {
      const known = touchChannels.find((name) => name === channel)
      return known === undefined ? [] : [{ channel: known, entries: Number(entries) }]
    }),
  }
}

function cursorOf(after: string | undefined): { at: string; id: string; afterSending: number } | null {
  const match = /^(\d{4}-\d{2}-\d{2}T[\d:.]+Z)~([0-9a-f-]{36})~([01])$/.exec(after ?? '')
  return match === null ? null : { at: match[1] ?? '', id: match[2] ?? '', afterSending: Number(match[3]) }
}
