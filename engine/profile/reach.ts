import { type AnswerOf, type api, channels, type PersonId } from '@einklang/contract'
import { type Clock, type Database, type History, typed } from '@einklang/platform'

export type Reach = AnswerOf<typeof api.profile.reach>

const days = 180
const fewest = 3

/** What became of the messages to a person, from the receipts of all tools: the channel that is answered most surely. */
export async function reachOf(
  needs: { database: Database; history: History; clock: Clock },
  person: PersonId,
  aliases: PersonId[],
): Promise<Reach> {
  const opens = ['message.opened', 'Email Opened']
  const clicks = ['message.clicked', 'Email Link Clicked']
  const bounces = ['message.bounced', 'message.failed', 'Email Bounced']
  const sent = ['message.sent', 'message.delivered', 'Email Delivered']
  const all = [...opens, ...clicks, ...bounces, ...sent]
  const { history, database, clock } = needs
  const since = new Date(clock.now().getTime() - days * 86_400_000).toISOString()
  const [rows, ways] = await Promise.all([
    history.rows<{
      channel: string
      messages: string
      opened: string
      clicked: string
      failed: string
      answered: string
      last: string
    }>`
      with if(message_id = '', toString(id), message_id) as key,
        name in ${clicks} as isClick,
        name in ${opens} and JSONExtractBool(properties, 'machine') = 0 as isOpen
      select channel, uniqExact(key) as messages, uniqExactIf(key, isOpen) as opened, uniqExactIf(key, isClick) as clicked,
        uniqExactIf(key, name in ${bounces}) as failed, uniqExactIf(key, isOpen or isClick) as answered,
        toString(maxIf(at, isOpen or isClick)) as last
      from ingest.event
      where person in ${typed('Array(UUID)', aliases)} and name in ${all} and at > ${typed("DateTime64(3, 'UTC')", since)}
      group by channel`,
    database.rows<{ channel: string }>`select distinct channel from profile.reachable where person = ${person}`,
  ])
  const items = rows.flatMap((row): Reach['items'] => {
    const channel = channels.find((known) => known === row.channel)
    if (channel === undefined) return []
    const [messages, answered] = [Number(row.messages), Number(row.answered)]
    return [
      {
        channel,
        messages,
        opened: Number(row.opened),
        clicked: Number(row.clicked),
        failed: Number(row.failed),
        answered,
        lastAnsweredAt: answered === 0 ? null : `${row.last.replace(' ', 'T').replace('Z', '')}Z`,
        surely: messages < fewest ? null : leastShare(answered, messages),
        reachable: ways.some((way) => way.channel === channel),
      },
    ]
  })
  items.sort(
    (one, other) =>
      Number(other.reachable) - Number(one.reachable) ||
      (other.surely ?? -1) - (one.surely ?? -1) ||
      other.messages - one.messages,
  )
  const first = items[0]
  return { items, best: first?.reachable && first.surely && first.answered > 0 ? first.channel : null, days }
}

/** Wilson's lower bound, one-sided 90 %: three of three do not outrank forty of sixty by luck alone. */
export function leastShare(answered: number, messages: number): number {
  const z = 1.2816
  const share = answered / messages
  const middle = share + (z * z) / (2 * messages)
  const spread = z * Math.sqrt((share * (1 - share)) / messages + (z * z) / (4 * messages * messages))
  return Math.max(0, (middle - spread) / (1 + (z * z) / messages))
}
