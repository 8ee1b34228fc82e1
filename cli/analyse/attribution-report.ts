import type { AttributionDocument } from './attribution.ts'
import { warningsSection } from './lift-report.ts'
import { page, type Section, tableOf } from './report/page.ts'
import { barPlot, waterfallPlot } from './report/plots.ts'

/** Models side by side, each with its intervals, and how people move between channels. */
export function attributionReport(document: AttributionDocument, path: string): string {
  const fitted = document.models.filter(({ channels }) => channels.length > 0)
  const names = (fitted.at(-1)?.channels ?? []).map(({ channel }) => channel).slice(0, 40)
  const creditOf = (model: (typeof fitted)[number], channel: string) =>
    model.channels.find((row) => row.channel === channel)?.conversions ?? 0
  const sections: Section[] = [
    {
      title: 'Models side by side',
      text: 'Conversions credited to each channel. Where models agree, the answer does not hang on the rule; where they differ, ask an experiment.',
      body: tableOf(
        ['Channel', ...fitted.map(({ model }) => model)],
        names.map((channel) => [channel, ...fitted.map((model) => creditOf(model, channel))]),
      ),
    },
  ]
  const [from, to] = [
    fitted.find(({ model }) => model === 'last') ?? fitted[0],
    fitted.find(({ model }) => model === 'markov') ?? fitted.at(-1),
  ]
  if (from !== undefined && to !== undefined && from !== to) {
    const moves = names
      .map((channel) => ({ name: channel, value: creditOf(to, channel) - creditOf(from, channel) }))
      .sort((left, right) => right.value - left.value)
    sections.push({
      title: `From ${from.model} to ${to.model}`,
      text: `What moves when credit is given by ${to.model} instead of ${from.model}; gains and losses add up to nothing.`,
      body: waterfallPlot({ steps: moves.slice(0, 16), yLabel: 'conversions' }),
    })
  }
  for (const { model, channels } of fitted) {
    sections.push({
      title: model,
      ...(channels.some(({ tooLittleData }) => tooLittleData)
        ? { text: '* too little data: fewer than ten touches.' }
        : {}),
      body: barPlot({
        bars: channels.slice(0, 25).map(({ channel, conversions, interval, tooLittleData }) => ({
          name: channel + (tooLittleData ? ' *' : ''),
          value: conversions,
          ...(interval === null ? {} : { low: interval.conversions[0], high: interval.conversions[1] }),
        })),
        label: 'conversions, line = 90 % interval',
      }),
    })
  }
  const transitions = 'transitions' in document ? (document.transitions ?? []) : []
  if (transitions.length > 0) {
    sections.push({
      title: 'How people move',
      text: 'Share of those at one channel who go on to another, convert or leave; the largest sixty.',
      body: tableOf(
        ['From', 'To', 'Share'],
        transitions
          .toSorted((left, right) => right.share - left.share)
          .slice(0, 60)
          .map(({ from: start, to: end, share }) => [start, end, share]),
      ),
    })
  }
  sections.push(warningsSection(document.warnings))
  const { conversions, value, nulls } = document.totals
  return page({
    title: 'Attribution',
    lead: `${path}: ${conversions.toLocaleString('en')} conversions worth ${value.toLocaleString('en')}, ${nulls.toLocaleString('en')} paths without one. Credit is not cause: only an experiment shows what would not have been sold otherwise.`,
    sections,
  })
}
