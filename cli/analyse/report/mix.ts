import { type MixFit, planLimits } from '@einklang/stats'
import { checkList, escaped, page, type Section, shortNumber, tableOf } from './page.ts'
import { barPlot, linePlot, stackPlot, waterfallPlot } from './plots.ts'

/** The report of a mix model. When checks forbid figures, it holds the checks and what to do, and no figure. */
export function mixReport(fit: MixFit): string {
  const { spec, weeks } = fit
  const title = `What advertising brought: ${spec.outcome}`
  const span = `${weeks[0]} to ${weeks.at(-1)}, ${weeks.length} weeks${fit.regions.length > 1 ? `, ${fit.regions.length} regions` : ''}. ${fit.run.kept} draws of ${fit.run.chains} chains, seed ${fit.run.seed}. Intervals hold 90 %.`
  const lead = fit.headline === null ? span : `${fit.headline} ${span}`
  const checks: Section = {
    title: 'Can this be trusted?',
    text: 'Questions the fit had to answer. The first failed one stands at the top of this page.',
    body: checkList(fit.checks),
  }
  if (fit.blocked) return page({ title, lead, sections: [checks, ...beliefs(fit), ...sampling(fit)] })
  return page({
    title,
    lead,
    sections: [
      checks,
      returns(fit),
      overTime(fit),
      waterfall(fit),
      curves(fit),
      ...regions(fit),
      ...beliefs(fit),
      ...experiments(fit),
      tests(fit),
      predictive(fit),
      ...sampling(fit),
    ],
  })
}

/** The beliefs alone, before any fit. */
export function beliefReport(prior: MixFit['prior'], weeks: readonly string[], outcome: string): string {
  return page({
    title: `What is believed of advertising: ${outcome}`,
    lead: 'No fit yet. These are the ranges of the specification and what they expect of sales.',
    sections: [
      {
        title: 'Beliefs by channel',
        text: believed(prior),
        body: tableOf(
          ['channel', 'share of outcome believed', 'return on a unit of spend believed'],
          prior.shares.map(({ channel, belief, roas }) => [channel, told(belief), told(roas)]),
        ),
      },
      { title: 'What they expect of each week', body: expectedPlot(prior, weeks) },
    ],
  })
}

function believed({ advertising }: MixFit['prior']): string {
  return `Before the data, all advertising together was believed to bring ${percent(advertising.mean)} of the outcome (${percent(advertising.low)} to ${percent(advertising.high)}).`
}

function expectedPlot(prior: MixFit['prior'], weeks: readonly string[]): string {
  return linePlot({
    caption: 'What the beliefs alone expect, and what was',
    x: weeks,
    series: [
      { name: 'expected before the data', values: prior.weekly.mean, low: prior.weekly.low, high: prior.weekly.high },
      { name: 'observed', values: prior.observed, points: true },
    ],
  })
}

type Figure = { mean: number; low: number; high: number }

const told = (figure: Figure | null) =>
  figure === null ? '–' : `${shortNumber(figure.mean)} (${shortNumber(figure.low)} – ${shortNumber(figure.high)})`

function returns(fit: MixFit): Section {
  const { channels } = fit.answers
  const { hold } = planLimits(fit)
  // A figure that cannot be believed is no bar beside others.
  const paid = channels.filter(({ name, roas }) => roas !== null && !hold.includes(name))
  return {
    title: 'Returns by channel',
    text: 'Return: outcome per unit of spend over the whole period. Next unit: what one more unit would bring at the spend as it was. Below the break-even of your margin the next unit loses money.',
    body: `${barPlot({ caption: 'Return per unit of spend', bars: paid.map(({ name, roas }) => ({ name, value: roas?.mean ?? 0, low: roas?.low ?? 0, high: roas?.high ?? 0 })) })}
${barPlot({ caption: 'Return of the next unit', bars: paid.map(({ name, marginalRoas }) => ({ name, value: marginalRoas?.mean ?? 0, low: marginalRoas?.low ?? 0, high: marginalRoas?.high ?? 0 })) })}
${tableOf(
  [
    'channel',
    'spend',
    'brought',
    'share of outcome',
    'return',
    'next unit',
    '10 % more brings',
    'half-life (weeks)',
    'half of the effect at (a week)',
  ],
  channels.map((channel) => [
    hold.includes(channel.name) ? `${channel.name} (cannot be believed)` : channel.name,
    channel.spend,
    told(channel.contribution),
    told(channel.share),
    told(channel.roas),
    told(channel.marginalRoas),
    told(channel.tenPercentMore),
    told(channel.halfLifeWeeks),
    told(channel.halfSaturation),
  ]),
)}${fit.unidentified
  .map(
    ({ channels: names, because, joint }) =>
      `<p><strong>${escaped(names.join(' + '))}</strong>: ${escaped(because)} Together: ${told(joint)}.</p>`,
  )
  .join('')}`,
  }
}

function overTime(fit: MixFit): Section {
  const { base, channels } = fit.answers
  return {
    title: 'Contributions over time',
    text: 'Mean contribution of each channel on top of the base: what sales would have been without advertising.',
    body: stackPlot({
      x: fit.weeks,
      parts: [
        ...channels.map(({ name, weekly }) => ({ name, values: weekly.mean })),
        { name: 'base', values: base.weekly.mean },
      ].reverse(),
      yLabel: `${fit.spec.outcome} a week`,
    }),
  }
}

function waterfall(fit: MixFit): Section {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const observed = sum(fit.answers.fit.observed)
  const base = sum(fit.answers.base.weekly.mean)
  const parts = fit.answers.channels.map(({ name, contribution }) => ({ name, value: contribution.mean }))
  const rest = observed - base - sum(parts.map(({ value }) => value))
  return {
    title: 'From base to outcome',
    body: waterfallPlot({
      steps: [
        { name: 'base', value: base, whole: true },
        ...parts.sort((left, right) => right.value - left.value),
        { name: 'not explained', value: rest },
        { name: fit.spec.outcome, value: observed, whole: true },
      ],
      yLabel: 'whole period',
    }),
  }
}

function curves(fit: MixFit): Section {
  return {
    title: 'Response curves',
    text: 'Outcome a week for other levels of weekly spend, spread over weeks and regions as it was. Beyond twice the usual spend the curve is mostly belief.',
    body: `<div class="grid">${fit.answers.response
      .map(({ channel, usual, levels, draws }) => {
        const bands = levels.map((_, level) => {
          const values = draws.map((draw) => draw[level] as number).sort((left, right) => left - right)
          const at = (share: number) => values[Math.round(share * (values.length - 1))] as number
          return {
            mean: values.reduce((sum, value) => sum + value, 0) / values.length,
            low: at(0.05),
            high: at(0.95),
          }
        })
        return linePlot({
          caption: channel,
          x: levels.map((level) => level * usual),
          series: [
            {
              name: channel,
              values: bands.map(({ mean }) => mean),
              low: bands.map(({ low }) => low),
              high: bands.map(({ high }) => high),
            },
          ],
          marks: [{ at: usual, name: 'usual' }],
          xLabel: 'spend a week',
          small: true,
        })
      })
      .join('')}</div>`,
  }
}

function regions(fit: MixFit): Section[] {
  if (fit.regions.length < 2) return []
  return [
    {
      title: 'Regions',
      text: 'Return per unit of spend. Regions with little to say lean on the others.',
      body: tableOf(
        ['channel', ...fit.regions],
        fit.answers.channels.map(({ name, regions: own }) => [name, ...own.map(({ roas }) => told(roas))]),
      ),
    },
  ]
}

function beliefs(fit: MixFit): Section[] {
  const { prior } = fit
  const rows = fit.blocked ? [] : fit.answers.channels
  return [
    {
      title: 'Belief before, knowledge now',
      text: `${believed(prior)} The overlap says how little the data moved a belief: 100 % is nothing learnt.`,
      body: `${
        rows.length === 0
          ? tableOf(
              ['channel', 'share believed', 'return believed'],
              prior.shares.map(({ channel, belief, roas }) => [channel, told(belief), told(roas)]),
            )
          : `${rows.map(({ name, belief, share }) => intervals(name, belief, share)).join('')}${tableOf(
              [
                'channel',
                'share believed',
                'share now',
                'return believed',
                'return now',
                'overlap',
                'belief half as wide',
                'twice as wide',
              ],
              rows.map(({ name, belief, share, believedRoas, roas, overlap }) => {
                const other = fit.answers.sensitivity.find(({ channel }) => channel === name)
                const changed = (value: number | null | undefined) =>
                  value === null || value === undefined ? 'needs a fit of its own' : shortNumber(value)
                return [
                  name,
                  told(belief),
                  told(share),
                  told(believedRoas),
                  told(roas),
                  percent(overlap),
                  changed(other?.half),
                  changed(other?.double),
                ]
              }),
            )}`
      }${expectedPlot(prior, fit.weeks)}`,
    },
  ]
}

/** Two intervals on one line: before above, now below. */
function intervals(name: string, belief: Figure, now: Figure): string {
  const most = Math.max(belief.high, now.high, 1e-12)
  const x = (value: number) => (150 + (Math.max(0, value) / most) * 720).toFixed(1)
  const line = (figure: Figure, y: number, colour: string) =>
    `<line x1="${x(figure.low)}" x2="${x(figure.high)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="5" stroke-linecap="round"/><circle cx="${x(figure.mean)}" cy="${y}" r="5" fill="${colour}"/>`
  return `<svg viewBox="0 0 900 40" role="img" aria-label="${escaped(name)}: share before and now"><text x="140" y="25" text-anchor="end">${escaped(name)}</text>${line(belief, 12, 'var(--c9)')}${line(now, 28, 'var(--c0)')}</svg>`
}

function experiments(fit: MixFit): Section[] {
  if (fit.answers.experiments.length === 0) return []
  return [
    {
      title: 'Beside the experiments',
      text: 'Experiments are part of the fit: the model is drawn towards them as far as their error allows.',
      body: tableOf(
        ['channel', 'when', 'experiment', 'its standard error', 'model'],
        fit.answers.experiments.map(({ result, model }) => [
          result.channel,
          'from' in result ? `${result.from} – ${result.until}` : `${shortNumber(result.extra)} more a week`,
          result.increment,
          result.error,
          told(model),
        ]),
      ),
    },
  ]
}

function tests(fit: MixFit): Section {
  return {
    title: 'Which test would help most',
    text: 'Value of pausing a channel for four weeks: what knowing more would add to the outcome of a year, if the budget may then move by a fifth. Costs of the pause are not in it.',
    body: tableOf(
      ['channel', 'worth a year', 'error of such a test'],
      fit.answers.tests.map(({ channel, value, error }) => [channel, value, error]),
    ),
  }
}

function predictive(fit: MixFit): Section {
  const weeks = fit.weeks.length
  const national = (values: readonly number[]) =>
    fit.weeks.map((_, week) =>
      fit.regions.reduce((sum, __, region) => sum + (values[region * weeks + week] as number), 0),
    )
  const { fit: quality, base } = fit.answers
  const single = fit.regions.length === 1
  return {
    title: 'Model against observation',
    text: `R² ${quality.r2.toFixed(3)} within regions, mean absolute error ${percent(quality.mape)}, ${percent(quality.coverage)} of the rows inside their interval${
      fit.outOfSample === null
        ? ''
        : `; over the last ${fit.outOfSample.weeks} weeks, not seen: error ${percent(fit.outOfSample.model)}, last year's weeks ${percent(fit.outOfSample.naive)}`
    }.`,
    body: `${linePlot({
      x: fit.weeks,
      series: [
        {
          name: 'model',
          values: national(quality.mean),
          ...(single ? { low: quality.low, high: quality.high } : {}),
        },
        { name: 'observed', values: national(quality.observed), points: true },
      ],
      free: true,
    })}${tableOf(
      ['part of the base', 'region', 'weight (multiples of the usual outcome)'],
      base.columns.slice(0, 60).map(({ name, region, weight }) => [name, region, told(weight)]),
    )}`,
  }
}

function sampling(fit: MixFit): Section[] {
  if (fit.parameters.length === 0) return []
  return [
    {
      title: 'How it was computed',
      text: `${fit.run.evaluations.toLocaleString('en')} evaluations of the gradient, ${fit.run.divergences} broken trajectories. R-hat up to 1.01 and at least 400 effective draws are wanted.`,
      body: `${tableOf(
        ['parameter', 'mean', 'deviation', '5 %', '95 %', 'R-hat', 'bulk', 'tail'],
        fit.parameters.map(({ name, mean, deviation, low, high, rHat, bulk, tail }) => [
          name,
          mean,
          deviation,
          low,
          high,
          rHat.toFixed(3),
          Math.round(bulk),
          Math.round(tail),
        ]),
      )}<div class="grid">${fit.traces
        .slice(0, 60)
        .map(({ name, chains }) =>
          linePlot({
            caption: name,
            x: (chains[0] as number[]).map((_, index) => index),
            series: chains.map((values, index) => ({ name: `chain ${index + 1}`, values })),
            free: true,
            small: true,
          }).replace(/<div class="key">.*?<\/div>/, ''),
        )
        .join('')}</div>`,
    },
    {
      title: 'Which channels move together',
      text: 'Correlation of the channels once season, trend and controls are taken out (left), and of what they are credited with in the draws (right, negative: one takes from the other).',
      body:
        matrix(
          fit.spec.channels.map(({ name }) => name),
          fit.collinearity,
        ) +
        (fit.blocked
          ? ''
          : matrix(
              fit.answers.channels.map(({ name }) => name),
              fit.answers.together,
            )),
    },
  ]
}

function matrix(names: readonly string[], values: readonly (readonly number[])[]): string {
  return tableOf(
    ['', ...names],
    values.map((row, index) => [names[index] as string, ...row.map((value) => value.toFixed(2))]),
  )
}

function percent(value: number): string {
  return `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`
}
