import { warningsSection } from './lift-report.ts'
import { page, type Section, shortNumber, tableOf } from './report/page.ts'
import { barPlot, linePlot } from './report/plots.ts'
import type { UpliftDocument } from './uplift.ts'

/** Qini curves, promised against measured effect, policies and overlap on one page. */
export function upliftReport(document: UpliftDocument, path: string): string {
  const level = `${document.level * 100} %`
  const sections: Section[] = [
    {
      title: 'If a rule chose the arm',
      text: `Mean ${document.outcome} per person if everybody got what the rule says (doubly robust, ${level} interval).`,
      body:
        barPlot({
          bars: document.policies.map(({ rule, robust }) => ({ name: rule, ...robust })),
          label: document.outcome,
        }) +
        tableOf(
          ['Rule', 'By propensity', 'Doubly robust', 'Low', 'High', 'Arms'],
          document.policies.map(({ rule, value, robust, shares }) => [
            rule,
            value.value,
            robust.value,
            robust.low,
            robust.high,
            shares.map(({ arm, share }) => `${arm} ${(share * 100).toFixed(0)} %`).join(', '),
          ]),
        ),
    },
  ]
  for (const { arm, curve, tenths, average, qini, disturbed } of document.treatments) {
    sections.push({
      title: `Qini: ${arm}`,
      text: `Additional ${document.outcome} per person when the best-scored share is treated. Average effect ${shortNumber(average.value)} (${shortNumber(average.low)} … ${shortNumber(average.high)})${qini === null ? '' : `; Qini ${qini.value.toFixed(4)} (${qini.low.toFixed(4)} … ${qini.high.toFixed(4)})`}.`,
      body: linePlot({
        x: curve.map(({ share }) => share),
        series: [
          {
            name: 'by score',
            values: curve.map(({ gain }) => gain),
            low: curve.map(({ low }) => low),
            high: curve.map(({ high }) => high),
          },
          { name: 'at random', values: curve.map(({ chance }) => chance) },
        ],
        xLabel: 'share treated, best score first',
      }),
    })
    sections.push({
      title: `Promised and measured: ${arm}`,
      text: `Persons in tenths by score, best first. A negative effect is expected for ${(disturbed.share * 100).toFixed(1)} % of them${disturbed.effect === null ? '' : `; measured among these: ${shortNumber(disturbed.effect.value)} (${shortNumber(disturbed.effect.low)} … ${shortNumber(disturbed.effect.high)})`}.`,
      body:
        barPlot({
          bars: tenths.map(({ share, effect, low, high }) => ({
            name: `${Math.round(share * 100 - 10)}–${Math.round(share * 100)} %`,
            value: effect,
            low,
            high,
          })),
          label: 'measured effect',
        }) +
        tableOf(
          ['Up to', 'Persons', 'Treated', 'Control', 'Promised', 'Measured', 'Low', 'High'],
          tenths.map((step) => [
            `${Math.round(step.share * 100)} %`,
            step.persons,
            step.treated,
            step.control,
            step.promised,
            step.effect,
            step.low,
            step.high,
          ]),
        ),
    })
  }
  sections.push({
    title: document.overlap.estimated ? 'Who could have got which arm' : 'Shares of the arms',
    text: document.overlap.estimated
      ? `Observational: chances are estimated from the columns. ${(document.overlap.lacking * 100).toFixed(1)} % of the persons have an arm with a chance below 2 %.`
      : 'Lots were drawn; the chances are the shares of the arms.',
    body: tableOf(
      ['Arm', 'Persons', 'Least', '10 %', 'Median', '90 %', 'Most', 'Worth so many persons'],
      document.overlap.arms.map((arm) => [
        arm.arm,
        arm.rows,
        arm.least,
        arm.tenth,
        arm.median,
        arm.ninetieth,
        arm.most,
        arm.effectiveRows,
      ]),
    ),
  })
  sections.push(warningsSection(document.warnings))
  return page({
    title: `Effect per person on ${document.outcome}`,
    lead: `${path}: ${document.persons.toLocaleString('en')} persons, every score from models that did not see the person (${document.folds} parts, ${document.learner}).`,
    sections,
  })
}
