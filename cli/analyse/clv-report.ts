import { warningsSection } from './lift-report.ts'
import { page, type Section, tableOf } from './report/page.ts'
import { barPlot, linePlot } from './report/plots.ts'

export type People = {
  /** Customers by chance to be alive: up to 10 %, 20 % … */
  alive: number[]
  /** Expected value of the best customers, with interval. */
  best: { value: number; low: number; high: number }[]
  /** Share of all expected value by tenth, best first. */
  concentration: number[]
}

type Document = {
  model: string
  because: string | null
  customers: number
  calibrationEnd: string
  horizon: number
  parameters: { name: string; value: number; standardError: number | null }[]
  tried: { model: string; logLikelihood: number; aic: number; edge: string | null }[]
  holdout: {
    weeks: number
    actual: number
    expected: number
    mae: number
    rmse: number
    tenths: { customers: number; expected: number; actual: number }[]
  } | null
  tracking: { unit: number; actual: number; expected: number }[]
  people: People
  warnings: string[]
}

/** Did the model track what happened, and what will come: expected against actual, tenths, the best customers. */
export function clvReport(document: Document, path: string): string {
  const { tracking, holdout, people } = document
  const sections: Section[] = [
    {
      title: 'Expected and actual purchases, added up',
      text: `Repeat purchases of all ${document.customers.toLocaleString('en')} customers by week after the first one; learnt up to ${document.calibrationEnd}.`,
      body: linePlot({
        x: tracking.map(({ unit }) => unit),
        series: [
          { name: 'actual', values: tracking.map(({ actual }) => actual) },
          { name: 'expected', values: tracking.map(({ expected }) => expected) },
        ],
        xLabel: 'week',
        ...(holdout === null
          ? {}
          : {
              marks: [{ at: Math.max(1, (tracking.at(-1)?.unit ?? 0) - holdout.weeks), name: 'never seen from here' }],
            }),
      }),
    },
  ]
  if (holdout !== null) {
    sections.push({
      title: 'Tenths of customers after the calibration',
      text: `Customers by expectation, best first. Mean absolute error ${holdout.mae.toFixed(3)}, root mean square error ${holdout.rmse.toFixed(3)} purchases in ${holdout.weeks.toFixed(0)} weeks.`,
      body:
        linePlot({
          x: holdout.tenths.map((_, index) => `${index * 10 + 10} %`),
          series: [
            { name: 'actual', values: holdout.tenths.map(({ actual, customers }) => actual / Math.max(1, customers)) },
            {
              name: 'expected',
              values: holdout.tenths.map(({ expected, customers }) => expected / Math.max(1, customers)),
            },
          ],
          yLabel: 'purchases per customer',
        }) +
        tableOf(
          ['Up to', 'Customers', 'Expected', 'Actual'],
          holdout.tenths.map(({ customers, expected, actual }, index) => [
            `${index * 10 + 10} %`,
            customers,
            expected,
            actual,
          ]),
        ),
    })
  }
  sections.push({
    title: 'Who still buys',
    text: 'Customers by their chance to be alive.',
    body: barPlot({
      bars: people.alive.map((count, index) => ({ name: `${index * 10}–${index * 10 + 10} %`, value: count })),
      label: 'customers',
    }),
  })
  if (people.best.length > 0) {
    sections.push({
      title: 'Where the value is',
      text: `Share of the expected value of the next ${document.horizon} weeks by tenth of customers, and the best twenty with their 90 % interval.`,
      body:
        barPlot({
          bars: people.concentration.map((value, index) => ({
            name: `${index * 10}–${index * 10 + 10} %`,
            value: value * 100,
          })),
          label: '% of the expected value',
        }) +
        barPlot({
          bars: people.best.map((figure, index) => ({ name: `customer ${index + 1}`, ...figure })),
          label: 'expected value',
        }),
    })
  }
  sections.push({
    title: `Model: ${document.model}`,
    ...(document.because === null ? {} : { text: document.because }),
    body:
      tableOf(
        ['Parameter', 'Value', 'Standard error'],
        document.parameters.map(({ name, value, standardError }) => [name, value, standardError ?? '–']),
      ) +
      tableOf(
        ['Tried', 'Log-likelihood', 'AIC', 'Says'],
        document.tried.map(({ model, logLikelihood, aic, edge }) => [
          model,
          logLikelihood.toFixed(2),
          aic.toFixed(2),
          edge ?? '',
        ]),
      ),
  })
  sections.push(warningsSection(document.warnings))
  return page({ title: 'Customer value', lead: path, sections })
}
