import { type AnswerOf, type api, kept } from '@einklang/contract'
import { dayIn } from '@einklang/platform'
import {
  firstTouch,
  lastNonDirect,
  lastTouch,
  linear,
  type Paths,
  pathsFrom,
  position,
  type Rule,
  timeDecay,
  uShape,
  wShape,
} from '@einklang/stats'
import { halfLifeDays, type PathRowOut, type RuleModel } from './credit.ts'
import { ownAccord } from './grouping.ts'
import { keptTouch } from './sayings.ts'

export type CreditedOrder = AnswerOf<typeof api.measurement.conversions>['items'][number]
type Touch = AnswerOf<typeof api.measurement.personJourney>['open'][number]

const dayMs = 86_400_000

export function touchesOf(row: PathRowOut): Touch[] {
  return row.touch_at.map((at, index) => ({
    at,
    channel: row.touch_channel[index] ?? 'direct',
    campaign: row.touch_campaign[index] || null,
    kind: row.touch_kind[index] ?? 'visit',
    messageId: row.touch_message[index] || null,
    event: row.touch_event[index] ?? '',
  }))
}

/** One order with the share that every rule gives to each of its touches; days are those of the house. */
export function creditedOrder(row: PathRowOut, timeZone: string): CreditedOrder {
  const touches = touchesOf(row)
  const shares = sharesOf(row)
  return {
    event: row.event,
    person: row.person,
    at: row.at,
    orderNo: row.order_no === '' ? null : row.order_no,
    soldVia: row.sold_via,
    place: row.place === '' ? null : row.place,
    value: Number(row.value),
    returned: Number(row.returned),
    currency: row.currency,
    first: Number(row.first) === 1,
    touches: touches.map((touch, index) => ({
      ...touch,
      credit: shares.map(({ model, share }) => ({ model, share: share[index] ?? 0 })),
    })),
    because: becauseOf(row, timeZone, touches, shares.find(({ model }) => model === 'last_nondirect')?.share ?? []),
  }
}

function sharesOf(row: PathRowOut): { model: RuleModel; share: number[] }[] {
  const length = row.touch_at.length
  if (length === 0) return []
  const end = new Date(row.at).getTime()
  const path = pathsFrom([
    {
      channels: row.touch_channel,
      ages: row.touch_at.map((at) => (end - new Date(at).getTime()) / dayMs),
      conversions: 1,
      value: 1,
      nulls: 0,
    },
  ])
  return rulesFor(path).map(([model, rule]) => {
    const shares = new Float64Array(length)
    rule(path, 0, shares)
    return { model, share: [...shares] }
  })
}

/** The rules of the stage, in the words of `stats`. */
export function rulesFor(paths: Paths): [RuleModel, Rule][] {
  return [
    ['first', firstTouch],
    ['last', lastTouch],
    ['last_nondirect', lastNonDirect(paths, ownAccord)],
    ['linear', linear],
    ['position', position(uShape)],
    ['position_w', position(wShape)],
    ['decay', timeDecay(halfLifeDays)],
  ]
}

function becauseOf(row: PathRowOut, timeZone: string, touches: Touch[], shares: number[]): string {
  const credited = touches[shares.indexOf(1)]
  if (credited === undefined) return kept('no_touch')
  const dayNumber = (at: string) => Date.parse(dayIn(new Date(at), timeZone)) / dayMs
  const days = dayNumber(row.at) - dayNumber(credited.at)
  const what = keptTouch(credited.channel, credited.campaign)
  if (ownAccord.includes(credited.channel)) return kept('own_accord', { what })
  return kept('credited', {
    what,
    kind: kept(`kind_${credited.kind}`),
    when: days === 0 ? kept('same_day') : days === 1 ? kept('day_before') : kept('days_before', { days }),
  })
}
