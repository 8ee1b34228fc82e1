import { type Allocation, type BudgetAim, meanCurve, type UncertainCurve, valueAt } from '@einklang/stats'
import { chanceOf, page, shortNumber, tableOf } from './page.ts'
import { barPlot, linePlot, waterfallPlot } from './plots.ts'

type Given = {
  answer: Allocation
  curves: readonly UncertainCurve[]
  weeks: number
  total: number
  objective: BudgetAim
  outcome: string
  notes: readonly string[]
}

/** The plan on one page: what moves, what that gains and how sure it is, and the curve under each channel. */
export function budgetReport({ answer, curves, weeks, total, objective, outcome, notes }: Given): string {
  const told = ({ mean, low, high }: { mean: number; low: number; high: number }) =>
    `${shortNumber(mean)} (${shortNumber(low)} – ${shortNumber(high)})`
  const goal =
    objective.kind === 'profit' ? `profit (margin ${objective.margin ?? 1} of ${outcome}, less spend)` : outcome
  const care =
    objective.worst !== undefined
      ? `, mean of the worst ${Math.round(100 * objective.worst)} % of cases`
      : objective.deviations
        ? `, less ${objective.deviations} standard deviations`
        : ''
  return page({
    title: `Where ${shortNumber(total)} go over ${weeks} weeks`,
    lead: `Against today's plan the move gains ${told(answer.today.gain)} with a chance of ${chanceOf(answer.today.chanceOfGain)}. Aim: ${goal}${care}. Intervals hold 90 %.`,
    sections: [
      {
        title: 'The plan',
        text: notes.join(' '),
        body: `${barPlot({
          caption: 'Change against today',
          bars: answer.channels.map(({ channel, spend, today }) => ({ name: channel, value: spend - today })),
        })}${tableOf(
          ['channel', 'today', 'plan', 'brings', 'next unit brings', 'held by'],
          answer.channels.map(({ channel, today, spend, outcome: brings, marginal, heldBy }) => [
            channel,
            today,
            spend,
            told(brings),
            told(marginal),
            heldBy ?? 'free',
          ]),
        )}`,
      },
      {
        title: 'From today to the plan',
        body: waterfallPlot({
          steps: [
            { name: 'today', value: answer.today.outcome.mean, whole: true },
            ...answer.channels.map(({ channel, outcome: brings, today }, index) => ({
              name: channel,
              value: brings.mean - valueAt(meanCurve(curves[index] as UncertainCurve), today),
            })),
            { name: 'plan', value: answer.outcome.mean, whole: true },
          ],
          yLabel: outcome,
        }),
      },
      {
        title: 'The curve under each channel',
        text: 'Where the curve is steep, the next unit earns most. Free channels are equally steep at the plan.',
        body: `<div class="grid">${curves
          .map(({ channel, spend, outcome: draws }, index) => {
            const x = [...spend]
            const at = (share: number) =>
              x.map((_, place) => {
                const values = draws.map((draw) => draw[place] as number).sort((left, right) => left - right)
                return values[Math.round(share * (values.length - 1))] as number
              })
            const mean = meanCurve({ channel, spend, outcome: draws })
            const own = answer.channels[index] as Allocation['channels'][number]
            return linePlot({
              caption: channel,
              x,
              series: [{ name: channel, values: [...mean.y], low: at(0.05), high: at(0.95) }],
              marks: [
                { at: own.today, name: 'today' },
                { at: own.spend, name: 'plan' },
              ],
              small: true,
            })
          })
          .join('')}</div>`,
      },
    ],
  })
}
