import type { LiftDocument } from './lift.ts'
import type { GeoDocument } from './lift-geo.ts'
import { escaped, page, type Section, tableOf } from './report/page.ts'
import { barPlot, linePlot } from './report/plots.ts'

/** The experiment on one page: verdict first, then the plots behind it. */
export function liftReport(document: LiftDocument, path: string): string {
  const sections: Section[] = []
  const level = `${document.level * 100} %`
  if (document.blocked !== null) sections.push({ title: 'No result', text: document.blocked, body: '' })
  else {
    sections.push({
      title: 'Difference to the control',
      text: `Each arm against ${document.control.arm}, with ${level} interval. An interval that holds zero cannot tell.`,
      body:
        barPlot({
          bars: document.arms.map(({ arm, difference }) => ({ name: arm, ...difference })),
          label: document.outcome,
        }) +
        tableOf(
          ['Arm', 'Persons', 'Mean', 'Difference', 'Low', 'High', 'p', 'q', 'Verdict'],
          document.arms.map((arm) => [
            arm.arm,
            arm.persons,
            arm.mean,
            arm.difference.value,
            arm.difference.low,
            arm.difference.high,
            arm.pValue,
            arm.qValue,
            arm.anytime?.verdict.stop
              ? `stop: ${arm.anytime.verdict.verdict}`
              : arm.different
                ? 'differs'
                : 'cannot tell',
          ]),
        ),
    })
    for (const arm of new Set(document.looks.map((look) => look.arm))) {
      const looks = document.looks.filter((look) => look.arm === arm)
      sections.push({
        title: `Day by day: ${arm}`,
        text: 'This band may be looked at every day: it covers the truth on all days together.',
        body: linePlot({
          x: looks.map(({ day }) => day),
          series: [
            {
              name: arm,
              values: looks.map(({ value }) => value),
              low: looks.map(({ low }) => low),
              high: looks.map(({ high }) => high),
            },
          ],
          yLabel: `difference of ${document.outcome}`,
        }),
      })
    }
  }
  sections.push({
    title: 'Were the arms filled as planned?',
    text: document.sampleRatio.planned
      ? `Chi-square p = ${document.sampleRatio.pValue.toPrecision(2)}; below 0.001 the result is withheld.`
      : 'No planned shares were given (--shares), so this was not checked.',
    body: tableOf(
      ['Arm', 'Persons', 'Expected'],
      document.sampleRatio.arms.map(({ arm, persons, expected }) => [
        arm,
        persons,
        document.sampleRatio.planned ? expected : '–',
      ]),
    ),
  })
  sections.push(warningsSection(document.warnings))
  return page({ title: `Lift of ${document.outcome}`, lead: `${path}, ${document.arms.length + 1} arms.`, sections })
}

export function geoReport(document: GeoDocument, path: string): string {
  const sections: Section[] = [
    {
      title: 'What the campaign added',
      text: `${document.treated.join(', ')} from ${document.campaign.from} to ${document.campaign.to}, by two methods, with ${document.level * 100} % interval.`,
      body:
        barPlot({
          bars: document.results.map(({ method, increment }) => ({ name: method, ...increment })),
          label: document.outcome,
        }) +
        tableOf(
          ['Method', 'Increment', 'Low', 'High', 'Relative', 'p', 'Return on spend'],
          document.results.map(({ method, increment, relative, pValue, roas }) => [
            method,
            increment.value,
            increment.low,
            increment.high,
            `${(relative.value * 100).toFixed(1)} %`,
            pValue,
            roas === null ? '–' : `${roas.value.toFixed(2)} (${roas.low.toFixed(2)} … ${roas.high.toFixed(2)})`,
          ]),
        ),
    },
  ]
  for (const { method, rows } of document.series) {
    const start = document.before.periods
    let sum = 0
    const cumulative = rows.map(({ actual, expected }, index) => (index < start ? 0 : (sum += actual - expected)))
    sections.push({
      title: `Seen and expected: ${method}`,
      body:
        linePlot({
          x: rows.map(({ day }) => day),
          series: [
            { name: 'seen', values: rows.map(({ actual }) => actual) },
            { name: 'expected without the campaign', values: rows.map(({ expected }) => expected) },
          ],
          marks: [{ at: start, name: 'campaign' }],
          free: true,
        }) +
        linePlot({
          caption: 'Difference, added up',
          x: rows.map(({ day }) => day),
          series: [{ name: 'added up', values: cumulative }],
          marks: [{ at: start, name: 'campaign' }],
        }),
    })
  }
  const weights = document.results.find(({ weights: own }) => own.length > 0)?.weights ?? []
  if (weights.length > 0) {
    sections.push({
      title: 'Regions the comparison is mixed from',
      body: barPlot({ bars: weights.slice(0, 20).map(({ region, weight }) => ({ name: region, value: weight })) }),
    })
  }
  sections.push(warningsSection(document.warnings))
  return page({ title: `Campaign in regions: ${document.outcome}`, lead: path, sections })
}

export function warningsSection(warnings: readonly string[]): Section {
  return warnings.length === 0
    ? { title: 'Read with care', text: 'Nothing stood out.', body: '' }
    : {
        title: 'Read with care',
        body: `<ul>${warnings.map((warning) => `<li>${escaped(warning)}</li>`).join('')}</ul>`,
      }
}
