import { minorDigits, type SpokenLanguage, type UserId } from '@einklang/contract'
import type { Clock, Database } from '@einklang/platform'
import type { Alarm } from '../monitor/index.ts'
import type { KeptReport } from './report.ts'
import { type Expiring, expiringBefore, lastReport, reportBefore } from './store.ts'

/** A mail of the house to a colleague; false = not accepted, try again later. */
export type SendMail = (mail: {
  key: string
  to: { address: string; name: string }
  subject: string
  text: string
  html: string
}) => Promise<boolean>

export type LetterNeeds = {
  database: Database
  clock: Clock
  alarms: () => Promise<Alarm[]>
  /** Colleagues who still work here. */
  colleagues: (ids: UserId[]) => Promise<{ id: UserId; name: string; email: string }[]>
  send: SendMail
  /** Address of the console. */
  publicUrl: string
  /** Of letters to owners of alarms who asked for none. */
  language: SpokenLanguage
}

type Line = { [language in SpokenLanguage]: string }

const scoreMatters = 1
const shareMatters = 0.01

/**
 * Once a week to everybody who asked: what changed since the week before, with the reader's own alarms first; and to owners
 * of open alarms who did not ask, these alone. Nothing to tell, nothing is sent. Who has a week's letter is written down
 * before it is handed over, so that a crash costs a letter rather than sending it twice.
 */
export async function sendLetters(needs: LetterNeeds): Promise<number> {
  const { database } = needs
  const report = await lastReport(database)
  if (!report) return 0
  const week = mondayOf(needs.clock.now())
  const before = await reportBefore(database, week)
  const all = await needs.alarms()
  const open = all.filter(({ closedAt, owner }) => closedAt === null && owner !== null)
  const alarms = all.filter(({ openedAt }) => openedAt >= new Date(Date.parse(week) - 7 * 86_400_000).toISOString())
  // A letter a week and a week to act: what ends within two is told a week before at the latest.
  const expiring = await expiringBefore(database, new Date(needs.clock.now().getTime() + 14 * 86_400_000))
  const lines = [...changes(before, report, alarms), ...expiring.map(expiryLine)]
  if (lines.length === 0 && open.length === 0) return 0
  const readers = await database.rows<{ colleague: UserId; language: SpokenLanguage; due: boolean }>`
    select colleague, language, sent_week is null or sent_week < ${week}::date as due from ingest.quality_letter`
  const owners = new Set(open.flatMap(({ owner }) => owner?.id ?? []))
  const waiting = [
    ...readers.filter(({ due }) => due).map((one) => ({ ...one, asked: true })),
    ...[...owners]
      .filter((id) => !readers.some(({ colleague }) => colleague === id))
      .map((colleague) => ({ colleague, language: needs.language, asked: false })),
  ]
  const people = await needs.colleagues(waiting.map(({ colleague }) => colleague))
  let sent = 0
  for (const { colleague, language, asked } of waiting) {
    const person = people.find(({ id }) => id === colleague)
    const own = open.filter(({ owner }) => owner?.id === colleague).map(ownAlarmLine)
    const told = [...own, ...(asked ? lines : [])]
    if (!person || told.length === 0) continue
    if (!(await takenFor(database, colleague, week, asked))) continue
    const accepted = await needs.send({
      key: `quality:${week}:${colleague}`,
      to: { address: person.email, name: person.name },
      ...letterOf(told, { language, asked }, person.name, `${needs.publicUrl}/ingest?tab=quality`),
    })
    if (accepted) sent++
  }
  return sent
}

/** True = nobody has written to the colleague this week. */
async function takenFor(database: Database, colleague: UserId, week: string, asked: boolean): Promise<boolean> {
  const taken = asked
    ? await database.run`
      update ingest.quality_letter set sent_week = ${week}::date
      where colleague = ${colleague} and (sent_week is null or sent_week < ${week}::date)`
    : await database.run`
      insert into ingest.alarm_letter as known (colleague, sent_week) values (${colleague}, ${week}::date)
      on conflict (colleague) do update set sent_week = excluded.sent_week where known.sent_week < excluded.sent_week`
  return taken > 0
}

export function mondayOf(at: Date): string {
  const day = new Date(at)
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7))
  return day.toISOString().slice(0, 10)
}

/** What is worth a line: a point of the score, a point of a share, an alarm, a new problem. */
export function changes(before: KeptReport | null, now: KeptReport, alarms: readonly Alarm[]): Line[] {
  return [
    ...scoreLines(before, now),
    ...reachLines(before, now),
    ...alarms.map(alarmLine),
    ...problemLines(before, now),
  ]
}

function scoreLines(before: KeptReport | null, now: KeptReport): Line[] {
  const [old, value] = [before?.score.value ?? null, now.score.value]
  if (old === null || value === null || Math.abs(value - old) < scoreMatters) return []
  const parts = now.score.parts
    .map((part) => ({
      part: part.part,
      by: (part.value ?? 0) - (before?.score.parts.find((one) => one.part === part.part)?.value ?? part.value ?? 0),
    }))
    .toSorted((one, other) => Math.abs(other.by) - Math.abs(one.by))
  const most = parts[0]
  const because = most && Math.abs(most.by) >= shareMatters ? most.part : null
  return [
    {
      en: `Score ${number(old, 'en')} → ${number(value, 'en')}${because ? `, most of it ${words.en[because]}` : ''}.`,
      de: `Wert ${number(old, 'de')} → ${number(value, 'de')}${because ? `, vor allem ${words.de[because]}` : ''}.`,
    },
  ]
}

function reachLines(before: KeptReport | null, now: KeptReport): Line[] {
  return now.reachable.flatMap(({ channel, reachable, people }) => {
    const old = before?.reachable.find((one) => one.channel === channel)
    if (!old || reachable === null || old.reachable === null || people === 0 || old.people === 0) return []
    if (Math.abs(reachable / people - old.reachable / old.people) < shareMatters) return []
    const line = (language: SpokenLanguage) =>
      `${words[language][channel]}: ${number(old.reachable ?? 0, language)} → ${number(reachable, language)} ${language === 'de' ? 'erreichbar' : 'reachable'} (${number((100 * reachable) / people, language)} %).`
    return [{ en: line('en'), de: line('de') }]
  })
}

function expiryLine({ sourceName, code, items, first, turnover, currency }: Expiring): Line {
  const amount = (language: SpokenLanguage) =>
    turnover === 0
      ? ''
      : ` (${new Intl.NumberFormat(language, { style: 'currency', currency }).format(turnover / 10 ** minorDigits(currency))})`
  return {
    en: `In quarantine, to be deleted from ${when('en', first)}: ${sourceName}, ${code}, ${number(items, 'en')} items${amount('en')}.`,
    de: `In Quarantäne, wird ab ${when('de', first)} gelöscht: ${sourceName}, ${code}, ${number(items, 'de')} Einträge${amount('de')}.`,
  }
}

function when(language: SpokenLanguage, at: string | Date): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(at))
}

function alarmLine({ sourceName, code, subject, since, closedAt }: Alarm): Line {
  const of = subject.name === '' ? sourceName : `${sourceName}, ${subject.name}`
  return {
    en: `${words.en[code] ?? code}: ${of}, since ${when('en', since)}${closedAt ? ', over' : ', still open'}.`,
    de: `${words.de[code] ?? code}: ${of}, seit ${when('de', since)}${closedAt ? ', vorbei' : ', noch offen'}.`,
  }
}

function ownAlarmLine(alarm: Alarm): Line {
  const line = alarmLine(alarm)
  const seen = alarm.acknowledgedAt !== null
  return {
    en: `Yours${seen ? '' : ', not acknowledged yet'}: ${line.en}`,
    de: `Ihrer${seen ? '' : ', noch nicht bestätigt'}: ${line.de}`,
  }
}

function problemLines(before: KeptReport | null, now: KeptReport): Line[] {
  const key = (one: KeptReport['problems'][number]) => `${one.source} ${one.code} ${one.path}`
  const known = new Set(before?.problems.map(key) ?? now.problems.map(key))
  return now.problems
    .filter((one) => !known.has(key(one)))
    .map(({ sourceName, code, path, items }) => ({
      en: `New: ${sourceName}, ${code} ${path}, ${number(items, 'en')} items in a week.`,
      de: `Neu: ${sourceName}, ${code} ${path}, ${number(items, 'de')} Einträge in einer Woche.`,
    }))
}

function letterOf(
  lines: readonly Line[],
  { language, asked }: { language: SpokenLanguage; asked: boolean },
  name: string,
  url: string,
) {
  const said = lines.map((line) => line[language])
  const [hello, intro, open, end] =
    language === 'de'
      ? [
          `Guten Tag ${name},`,
          'in der Datenqualität hat sich in einer Woche geändert:',
          'Zum Bericht',
          asked
            ? 'Diese Mail kommt nur, wenn sich etwas ändert. Sie lässt sich im Bericht abbestellen.'
            : 'Diese Mail kommt, weil Ihnen ein offener Alarm zugewiesen ist.',
        ]
      : [
          `Hello ${name},`,
          'this changed in data quality within a week:',
          'Open the report',
          asked
            ? 'This mail comes only when something changed. You can end it in the report.'
            : 'This mail comes because an open alarm is assigned to you.',
        ]
  const subject = language === 'de' ? 'Datenqualität: was sich geändert hat' : 'Data quality: what changed'
  return {
    subject,
    text: `${hello}\n\n${intro}\n\n${said.map((line) => `– ${line}`).join('\n')}\n\n${open}: ${url}\n\n${end}\n`,
    html: `<!doctype html><html lang="${language}"><body style="font-family:sans-serif"><p>${escaped(hello)}</p><p>${escaped(intro)}</p><ul>${said.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul><p><a href="${escaped(url)}">${open}</a></p><p style="color:#666">${escaped(end)}</p></body></html>`,
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function number(value: number, language: SpokenLanguage): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value)
}

const words: { [language in SpokenLanguage]: { [word: string]: string } } = {
  en: {
    validity: 'validity',
    completeness: 'completeness',
    freshness: 'freshness',
    conformity: 'conformity to plans',
    uniqueness: 'uniqueness',
    email: 'E-mail',
    sms: 'SMS',
    push: 'Push',
    letter: 'Letter',
    phone: 'Phone',
    'stream.volume': 'Unusual volume',
    'stream.silence': 'Silence',
    'stream.nulls': 'A property is empty more or less often',
    'stream.new_values': 'A value never seen before',
    'stream.late': 'Many late items',
    'stream.quarantine': 'Many items wait',
    'stream.duplicates': 'Many repeats',
  },
  de: {
    validity: 'Gültigkeit',
    completeness: 'Vollständigkeit',
    freshness: 'Aktualität',
    conformity: 'Planerfüllung',
    uniqueness: 'Eindeutigkeit',
    email: 'E-Mail',
    sms: 'SMS',
    push: 'Push',
    letter: 'Brief',
    phone: 'Telefon',
    'stream.volume': 'Ungewöhnliche Menge',
    'stream.silence': 'Stille',
    'stream.nulls': 'Ein Feld ist öfter oder seltener leer',
    'stream.new_values': 'Ein nie gesehener Wert',
    'stream.late': 'Vieles kommt verspätet',
    'stream.quarantine': 'Vieles wartet in Quarantäne',
    'stream.duplicates': 'Vieles kommt doppelt',
  },
}
