import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { beyondPosition, compareTexts, type KeywordResult, type TextCounts } from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { table } from '../table.ts'
import { type KeywordFile, type KeywordRow, readKeywords } from './keywords-file.ts'
import { shareFlag } from './lift.ts'
import { warningsSection } from './lift-report.ts'
import { page, tableOf } from './report/page.ts'
import { barPlot } from './report/plots.ts'

export const keywords: Command = {
  name: 'keywords',
  summary: 'Which claim or headline earns most, before money goes into paper: from a test or a search console export',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    data: {
      value: 'FILE',
      text: 'CSV: text,impressions,clicks[,conversions,value,date], or an export of Search Console, Google Ads, Bing',
    },
    by: { value: 'WHAT', text: 'clicks, conversions or value (default: the last one the file knows)' },
    brand: { value: 'WORDS', text: 'own brand, comma-separated: such queries stand apart' },
    observation: { text: 'the texts were not rotated at random: answer with hints, not with a winner' },
    'all-days': { text: 'count days on which some texts were not live as well' },
    'false-rate': { value: 'SHARE', text: 'share of false discoveries allowed over all comparisons (default: 0.1)' },
    level: { value: 'SHARE', text: 'level of the intervals (default: 0.9)' },
    seed: { value: 'SEED', text: 'seed of the draws (default: 1)' },
    out: { value: 'FILE', text: 'write the table as CSV' },
    report: { value: 'FILE', text: 'write a page with the plots as one HTML file' },
  },
  help: 'Example: einklang keywords --data headlines.csv --report headlines.html',
  async run(call) {
    const path = call.flag('data')
    if (path === undefined) throw new Misuse('"keywords" needs a file.', '--data FILE')
    const file = readKeywords(path)
    const document = documentOf(call, path, file)
    show(call, document)
    const out = call.flag('out')
    if (out !== undefined) writeFileSync(out, csvOf(document))
    const report = call.flag('report')
    if (report !== undefined) writeFileSync(report, reportOf(document))
    return document
  },
}

const byNames = ['clicks', 'conversions', 'value'] as const

function documentOf(call: Call, path: string, file: KeywordFile) {
  const asked = call.flag('by')
  if (asked !== undefined && !byNames.includes(asked as KeywordResult['by']))
    throw new Misuse(`--by is clicks, conversions or value, not ${asked}.`)
  const brands = (call.flag('brand') ?? '')
    .split(',')
    .map(normalised)
    .filter((word) => word !== '')
  const observation = file.grade === 'observation' || call.switch('observation')
  const warnings = [...file.warnings]
  const { rows, days } = call.switch('all-days')
    ? { rows: file.rows, days: daysOf(file.rows) }
    : commonDays(file.rows, warnings)
  const grouped = groupsOf(rows)
  const own = grouped.filter(({ text }) => brands.some((brand) => normalised(text).includes(brand)))
  const others = grouped.filter((group) => !own.includes(group))
  if (others.length === 0)
    throw new Misuse(`${path} holds no text with impressions${own.length > 0 ? ' beside those of the brand' : ''}.`)
  const level = shareFlag(call, 'level', 0.9)
  const result = compareTexts(others, {
    level,
    falseRate: shareFlag(call, 'false-rate', 0.1),
    seed: call.flag('seed') ?? '1',
    ...(asked === undefined ? {} : { by: asked as KeywordResult['by'] }),
  })
  const positioned = rows.filter(({ position }) => position !== null)
  return {
    file: path,
    hash: createHash('sha256').update(readFileSync(path)).digest('hex'),
    layout: file.layout,
    grade: observation ? ('hint, not a test' as const) : ('experiment' as const),
    days,
    by: result.by,
    level,
    // A search console compares unlike with unlike, so it never names a winner.
    winner: observation ? null : result.winner,
    needed: observation ? null : result.needed,
    texts: result.texts,
    pairs: observation ? [] : result.pairs.toSorted((left, right) => left.pValue - right.pValue).slice(0, 1000),
    beyondPosition: observation && positioned.length > 0 ? beyondPosition(atPosition(positioned, brands)) : null,
    brand: own.map(({ text, impressions, clicks }) => ({ text, impressions, clicks })),
    curious: result.curious,
    warnings: [...warnings, ...result.warnings],
  }
}

export type KeywordDocument = ReturnType<typeof documentOf>

/** Case, accents and doubled blanks do not make another text. */
function normalised(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/\s+/g, ' ').trim()
}

function groupsOf(rows: KeywordRow[]): TextCounts[] {
  const groups = new Map<string, TextCounts>()
  for (const row of rows) {
    const key = normalised(row.text)
    const group = groups.get(key)
    if (group === undefined)
      groups.set(key, {
        text: row.text,
        impressions: row.impressions,
        clicks: row.clicks,
        conversions: row.conversions,
        value: row.value,
      })
    else {
      group.impressions += row.impressions
      group.clicks += row.clicks
      group.conversions += row.conversions
      group.value += row.value
    }
  }
  return [...groups.values()].filter(({ impressions }) => impressions > 0)
}

function atPosition(rows: KeywordRow[], brands: string[]) {
  return rows
    .filter(({ text }) => !brands.some((brand) => normalised(text).includes(brand)))
    .map(({ text, impressions, clicks, position }) => ({ text, impressions, clicks, position: position as number }))
}

function daysOf(rows: KeywordRow[]): { from: string; to: string; count: number } | null {
  const days = [...new Set(rows.map(({ day }) => day))].filter((day) => day !== null).sort()
  return days.length === 0 ? null : { from: days[0] as string, to: days.at(-1) as string, count: days.length }
}

/** Seasons drift, so only days on which all texts were live are fair to all of them. */
function commonDays(rows: KeywordRow[], warnings: string[]) {
  if (rows.every(({ day }) => day === null)) return { rows, days: null }
  const texts = new Set(rows.map(({ text }) => normalised(text)))
  const live = new Map<string, Set<string>>()
  for (const { day, text, impressions } of rows) {
    if (day === null || impressions === 0) continue
    const known = live.get(day)
    if (known) known.add(normalised(text))
    else live.set(day, new Set([normalised(text)]))
  }
  const common = new Set([...live].filter(([, own]) => own.size === texts.size).map(([day]) => day))
  if (common.size === 0) {
    warnings.push('There is no day on which all texts were live, so all days count: seasons may favour some texts.')
    return { rows, days: daysOf(rows) }
  }
  if (common.size < live.size)
    warnings.push(`${live.size - common.size} of ${live.size} days are left out because not all texts were live.`)
  const kept = rows.filter(({ day }) => day !== null && common.has(day))
  return { rows: kept, days: daysOf(kept) }
}

function verdictOf(document: KeywordDocument): string {
  if (document.grade !== 'experiment') return 'Hint, not a test: nobody rotated these texts at random.'
  if (document.winner !== null) return `Winner: "${document.winner}". It beats every other text.`
  if (document.texts.length < 2) return 'There is only one text, so nothing can be compared.'
  if (document.needed === null) return 'No winner: the best texts do as well as each other.'
  return `No winner yet: about ${document.needed.toLocaleString('en')} more impressions per text are needed if the rates stay as they are.`
}

function show(call: Call, document: KeywordDocument): void {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`
  call.show(
    table(
      ['TEXT', 'SHOWN', 'CLICKS', 'CLICK RATE', 'WORTH OF 1,000', `${document.level * 100} %`, 'BEST', 'EXPECTED LOSS'],
      document.texts
        .slice(0, 50)
        .map((text) => [
          text.text,
          String(text.impressions),
          String(text.clicks),
          percent(text.clickRate.value),
          text.worth.value.toPrecision(3),
          `${text.worth.low.toPrecision(3)} … ${text.worth.high.toPrecision(3)}`,
          percent(text.best),
          text.expectedLoss.toPrecision(2),
        ]),
    ),
  )
  call.show(verdictOf(document))
  for (const text of document.curious) call.show(`"${text}" draws clicks, but they do not turn into sales.`)
  for (const warning of document.warnings) call.tell(warning)
}

function csvOf(document: KeywordDocument): string {
  // A cell that begins like a formula would be run by a spreadsheet.
  const cell = (text: string) => `"${(/^[\s]*[=+\-@\t]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
  const lines = document.texts.map((text) =>
    [
      cell(text.text),
      text.impressions,
      text.clicks,
      text.conversions,
      text.value,
      text.clickRate.value,
      text.clickRate.low,
      text.clickRate.high,
      text.worth.value,
      text.worth.low,
      text.worth.high,
      text.best,
      text.expectedLoss,
    ].join(','),
  )
  return `text,impressions,clicks,conversions,value,click_rate,click_rate_low,click_rate_high,worth,worth_low,worth_high,p_best,expected_loss\n${lines.join('\n')}\n`
}

function reportOf(document: KeywordDocument): string {
  const top = document.texts.slice(0, 30)
  return page({
    title: 'Texts compared',
    lead: verdictOf(document),
    sections: [
      {
        title: `Worth of a thousand impressions, in ${document.by}`,
        text: `Rates are pulled towards the group as far as the group agrees; ${document.level * 100} % interval.`,
        body: barPlot({
          bars: top.map(({ text, worth }) => ({ name: text.slice(0, 28), ...worth })),
          label: document.by,
        }),
      },
      {
        title: 'Table',
        text: `${document.file}, SHA-256 ${document.hash.slice(0, 16)}…${document.days === null ? '' : `, ${document.days.count} days from ${document.days.from} to ${document.days.to}`}.`,
        body: tableOf(
          ['Text', 'Shown', 'Clicks', 'Conversions', 'Click rate', 'Low', 'High', 'Chance to be best', 'Expected loss'],
          top.map((text) => [
            text.text,
            text.impressions,
            text.clicks,
            text.conversions,
            text.clickRate.value,
            text.clickRate.low,
            text.clickRate.high,
            text.best,
            text.expectedLoss,
          ]),
        ),
      },
      ...(document.beyondPosition === null
        ? []
        : [
            {
              title: 'Clicks beyond what the position explains',
              text: 'Observation only: compared at equal position in the result list.',
              body: tableOf(
                ['Query', 'Shown', 'Click rate', 'Usual at its position', 'Ratio'],
                document.beyondPosition
                  .slice(0, 30)
                  .map((row) => [row.text, row.impressions, row.clickRate, row.usual, row.ratio]),
              ),
            },
          ]),
      warningsSection(document.warnings),
    ],
  })
}
