import { expect, test } from 'vitest'
import { checkList, page, shortNumber, tableOf } from './page.ts'
import { barPlot, densityPlot, linePlot, stackPlot, waterfallPlot } from './plots.ts'

test('a page stands alone: nothing is fetched, nothing runs, text stays text', () => {
  const html = page({
    title: 'Sales <b>& more</b>',
    lead: 'What "it" says',
    sections: [
      {
        title: 'Lines',
        body: linePlot({
          x: ['2026-01-05', '2026-01-12'],
          series: [
            { name: '<i>', values: [1, 2], low: [0, 1], high: [2, 3] },
            { name: 'b', values: [0, 0], points: true },
          ],
          marks: [{ at: 1, name: 'today' }],
        }),
      },
      { title: 'Table', body: tableOf(['name', 'value'], [['<x>', 1234.5]]) },
      { title: 'Checks', body: checkList([{ name: 'a', passed: false, says: 'b', doInstead: 'c' }]) },
    ],
  })
  expect(html).not.toMatch(/<script|src=|href="http|url\(|@import/)
  expect(html).toContain('Sales &lt;b&gt;&amp; more&lt;/b&gt;')
  expect(html).toContain('&lt;i&gt;')
  expect(html).toContain('&lt;x&gt;')
  expect(html).toContain('1,235')
  expect(html).toContain('href="#part-2"')
})

test.each([
  [
    'bars',
    barPlot({
      bars: [
        { name: 'a', value: -2, low: -3, high: -1 },
        { name: 'b', value: 0 },
      ],
    }),
  ],
  [
    'a stack',
    stackPlot({
      x: ['a', 'b'],
      parts: [
        { name: 'p', values: [1, 2] },
        { name: 'q', values: [0, 3] },
      ],
    }),
  ],
  [
    'a waterfall',
    waterfallPlot({
      steps: [
        { name: 'now', value: 3, whole: true },
        { name: 'less', value: -1 },
      ],
    }),
  ],
  [
    'densities',
    densityPlot({
      samples: [
        { name: 'before', values: [1, 2, 3] },
        { name: 'now', values: [2, 2, 2] },
      ],
    }),
  ],
  ['a line that is flat', linePlot({ x: [1, 2], series: [{ name: 'a', values: [5, 5] }], free: true })],
])('%s are drawn without a gap in the numbers', (_, svg) => {
  expect(svg).toContain('<svg')
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
})

test('numbers keep what matters', () => {
  expect([0, 12.345, 0.012345, 1234567, -2345.6].map(shortNumber)).toEqual([
    '0',
    '12.3',
    '0.0123',
    '1,235,000',
    '-2,346',
  ])
})
