import { useComputedColorScheme, useMantineTheme } from '@mantine/core'
import { BarChart, LineChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { type ReactNode, type RefObject, useContext, useEffect, useRef } from 'react'
import { fitted, savePicture } from './canvas.ts'
import type { Series } from './chart.tsx'
import { LanguageContext } from './format.ts'

echarts.use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, AriaComponent, CanvasRenderer])

/** After Okabe and Ito: to be told apart with every kind of colour vision, on either ground. */
const inks = {
  light: [
    '#0b6e6e',
    '#d55e00',
    '#0072b2',
    '#b5649a',
    '#b07a00',
    '#4a9fd8',
    '#5b5b5b',
    '#7a5195',
    '#3c8d40',
    '#a63a50',
    '#2e4a62',
    '#8a6d3b',
    '#9aa0a6',
    '#e17c9a',
  ],
  dark: [
    '#4fc1bb',
    '#ff9248',
    '#66b3ea',
    '#e0a3c9',
    '#f0c14b',
    '#a5d5f5',
    '#bdbdbd',
    '#b79ad6',
    '#8fd18f',
    '#f08ba0',
    '#9fb8d0',
    '#d2b48c',
    '#7f868c',
    '#ffc2d4',
  ],
}

export type ChartHandle = { save: (name: string, kind: 'png' | 'svg') => void }

type Row = { value: number; interval: [number, number] | null }

export function ChartCanvas(props: {
  label: string
  categories: string[]
  series: Series[]
  format: (value: number) => string
  formatAxis?: (value: number) => string
  formatRight?: (value: number) => string
  height: number
  horizontal?: boolean
  handle: RefObject<ChartHandle | null>
}): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<echarts.ECharts | null>(null)
  const scheme = useComputedColorScheme('light')
  const { fontFamily } = useMantineTheme()
  const language = useContext(LanguageContext)

  useEffect(() => {
    if (place.current === null) return
    const made = echarts.init(place.current, null, { renderer: 'canvas' })
    chart.current = made
    const watch = fitted(made, place.current)
    return () => {
      watch.disconnect()
      made.dispose()
      chart.current = null
    }
  }, [])

  // A screen draws itself anew for many reasons, a diagram only for other data, words or colours.
  const { categories, series, horizontal, label } = props
  const data = JSON.stringify([categories, series, horizontal, label, language])
  // biome-ignore lint/correctness/useExhaustiveDependencies: `data` stands for what the option is made of
  useEffect(() => {
    // On a phone the names stand under the tools, not beside them.
    const narrow = (chart.current?.getWidth() ?? 0) < 480
    const option = optionOf(props, scheme, fontFamily, narrow)
    chart.current?.setOption(option, { notMerge: true })
    props.handle.current = {
      save(name, kind) {
        const shown = chart.current
        if (shown === null) return
        const ground = scheme === 'dark' ? '#1f1f1f' : '#ffffff'
        if (kind === 'png') savePicture(shown, name, ground)
        else
          void import('./svg.ts').then(({ saveSvg }) =>
            saveSvg(option, { width: shown.getWidth(), height: shown.getHeight() }, ground, name),
          )
      },
    }
  }, [data, scheme, fontFamily])

  return <div ref={place} style={{ width: '100%', height: props.height }} />
}

function optionOf(
  props: Parameters<typeof ChartCanvas>[0],
  scheme: 'light' | 'dark',
  fontFamily: string | undefined,
  narrow: boolean,
): echarts.EChartsCoreOption {
  const ink = scheme === 'dark' ? '#c9ced3' : '#495057'
  const line = scheme === 'dark' ? '#3b3f44' : '#e3e6e8'
  const formatOf = (name: string | undefined): ((value: number) => string) => {
    const series = props.series.find((candidate) => candidate.name === name)
    return series?.right === true ? (props.formatRight ?? props.format) : props.format
  }
  const category = {
    type: 'category',
    data: props.categories,
    inverse: props.horizontal === true,
    axisLine: { lineStyle: { color: line } },
    axisTick: { show: false },
    axisLabel: { color: ink, hideOverlap: true },
  }
  const valueAxis = (format: (value: number) => string, lines: boolean): object => ({
    type: 'value',
    axisLabel: { color: ink, formatter: (value: number) => format(value), hideOverlap: true },
    splitLine: { show: lines, lineStyle: { color: line } },
    splitNumber: 4,
  })
  const values = valueAxis(props.formatAxis ?? props.format, true)
  const right = props.series.some((series) => series.right === true)
  const valueAxes = right ? [values, valueAxis(props.formatRight ?? props.format, false)] : values
  const most = props.series.length > 1
  return {
    animation: false,
    color: inks[scheme],
    textStyle: { fontFamily: fontFamily ?? 'sans-serif' },
    aria: { enabled: true, label: { description: props.label } },
    grid: {
      left: 8,
      right: 12,
      top: narrow && most ? 66 : 36,
      bottom: 4,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    legend: {
      show: most,
      type: 'scroll',
      top: narrow ? 36 : 0,
      left: 0,
      right: narrow ? 0 : 140,
      // Without it the dots of capital umlauts are cut off.
      textStyle: { color: ink, lineHeight: 18 },
      icon: 'roundRect',
      itemWidth: 12,
      itemHeight: 8,
      inactiveColor: line,
    },
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: scheme === 'dark' ? '#2b2e31' : '#ffffff',
      borderColor: line,
      textStyle: { color: scheme === 'dark' ? '#e6e8ea' : '#212529', fontSize: 12 },
      formatter: (points: unknown) => tipOf(points as Point[], formatOf),
    },
    xAxis: props.horizontal === true ? values : category,
    yAxis: props.horizontal === true ? category : valueAxes,
    series: props.series.map(seriesOf),
  }
}

type Point = { seriesName?: string; name: string; value: number | null; color: string; data: unknown }

/** An element, not a text: names come from files and must not become markup. */
function tipOf(points: Point[], formatOf: (name: string | undefined) => (value: number) => string): HTMLElement {
  const box = document.createElement('div')
  const head = document.createElement('strong')
  head.textContent = points[0]?.name ?? ''
  box.append(head)
  for (const point of points) {
    if (typeof point.value !== 'number') continue
    const format = formatOf(point.seriesName)
    const row = document.createElement('div')
    const dot = document.createElement('span')
    dot.style.cssText = `display:inline-block;width:8px;height:8px;border-radius:2px;margin-right:6px;background:${point.color}`
    const interval = (point.data as Row | null)?.interval ?? null
    const range = interval === null ? '' : ` (${format(interval[0])} … ${format(interval[1])})`
    row.append(dot, `${point.seriesName ?? ''}: ${format(point.value)}${range}`)
    box.append(row)
  }
  return box
}

function seriesOf(series: Series): object {
  const data = series.values.map((value, index) =>
    value === null ? null : { value, interval: series.intervals?.[index] ?? null },
  )
  const common = {
    name: series.name,
    data,
    ...(series.stack === undefined ? {} : { stack: series.stack }),
    ...(series.right === true ? { yAxisIndex: 1 } : {}),
  }
  return series.kind === 'bar'
    ? { ...common, type: 'bar', barMaxWidth: 26, itemStyle: { borderRadius: series.stack === undefined ? 3 : 0 } }
    : {
        ...common,
        type: 'line',
        showSymbol: series.values.length < 3,
        symbolSize: 6,
        lineStyle: { width: 2 },
        emphasis: { focus: 'series' },
        ...(series.kind === 'area' ? { areaStyle: { opacity: series.stack === undefined ? 0.15 : 0.55 } } : {}),
      }
}
