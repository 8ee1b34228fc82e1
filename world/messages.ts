import { dayOf, iso } from './calendar.ts'
import { hash, hex } from './chance.ts'
import type { Message } from './life.ts'
import { channelIndex, type MediaName } from './media.ts'
import type { Person } from './persons.ts'
import { letterNumber } from './records.ts'
import { cell, decimal } from './rows.ts'
import { count, type Sink } from './visits.ts'

/** Writes the send reports: one row per message that went out; what happened after `until` is not known yet. */
export function report(sink: Sink, person: Person, messages: readonly Message[], costs: Float64Array[]): void {
  const { setting, files, rows } = sink
  const when = (at: number | null): string => (at === null || at >= setting.until ? '' : iso(at))
  for (const message of messages) {
    if (message.heldOut) continue
    const { campaign } = message
    const name: MediaName | null =
      message.channel === 'letter' ? 'direct_mail' : message.channel === 'push' ? null : message.channel
    if (name) {
      const series = costs[channelIndex[name]] as Float64Array
      const at = person.geo * setting.weeks + campaign.week
      series[at] = (series[at] as number) + setting.costCents[message.channel]
    }
    if (message.at >= setting.until) continue
    const number =
      hex(hash(setting.purposes['message/number'], person.id, campaign.index)) +
      hex(hash(setting.purposes['event/number'], -2 - campaign.index, person.id)) +
      hex(hash(setting.purposes['event/device'], person.id, -2 - campaign.index))
    const tie = hash(setting.purposes['row/tie'], person.id, 1000 + campaign.index)
    if (message.channel === 'email') {
      const file = files.email[files.monthOf(dayOf(setting.calendar, message.at))]
      if (file === undefined) continue
      const opened =
        message.machineOpened !== null && (message.opened === null || message.machineOpened < message.opened)
          ? message.machineOpened
          : message.opened
      const machine = opened !== null && opened === message.machineOpened && message.opened === null
      const clicked = when(message.clicked)
      rows.add(
        file,
        message.at,
        tie,
        `${number},${campaign.name},${person.email},${cell(campaign.subject, ',')},${iso(message.at)},${message.delivered ? when(message.at + 4000) : ''},${when(opened)},${opened === null ? '' : machine ? '1' : '0'},${clicked},${clicked === '' ? '' : `${campaign.url}?utm_source=newsletter&utm_medium=email&utm_campaign=${campaign.utm}`},${message.bounced ? when(message.at + 60_000) : ''},${when(message.unsubscribed)},${message.cell}`,
      )
      count(sink, 'emails')
      if (opened !== null && sink.truth) {
        count(sink, machine ? 'machineOpens' : 'humanOpens')
        if (machine) rows.add(files.truth.bots, opened, tie, `{"message":"${number}","machine":true}`)
      }
      if (message.clicked !== null) count(sink, 'emailClicks')
    } else if (message.channel === 'sms') {
      const clicked = when(message.clicked)
      rows.add(
        files.sms,
        message.at,
        tie,
        `${number},${campaign.name},${person.mobile},${iso(message.at)},${message.delivered ? when(message.at + 8000) : ''},${clicked},${clicked === '' ? '' : campaign.url},${decimal(setting.costCents.sms, '.')},EUR`,
      )
      count(sink, 'sms')
    } else if (message.channel === 'push') {
      rows.add(
        files.push,
        message.at,
        tie,
        `${number},${campaign.name},${person.pushToken},${iso(message.at)},${message.delivered ? when(message.at + 2000) : ''},${when(message.opened)}`,
      )
      count(sink, 'push')
    } else {
      const delivered = message.at + 2 * 86_400_000
      rows.add(
        files.letter,
        message.at,
        tie,
        `${number},${campaign.name},${letterNumber(sink, person)},${message.cell},${iso(message.at)},${message.delivered ? when(delivered) : ''},${message.delivered ? '' : when(delivered + 3 * 86_400_000)},${decimal(setting.costCents[message.channel], '.')},EUR`,
      )
      count(sink, message.channel === 'letter' ? 'letters' : 'catalogues')
    }
  }
}
