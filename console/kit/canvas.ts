import type { ECharts } from 'echarts/core'
import { saveFile } from './csv.ts'

/** Draws the diagram anew whenever its place changes its size. */
export function fitted(chart: ECharts, place: HTMLElement): ResizeObserver {
  const watch = new ResizeObserver(([box]) => {
    const { width = 0, height = 0 } = box?.contentRect ?? {}
    if (Math.round(width) !== chart.getWidth() || Math.round(height) !== chart.getHeight()) chart.resize()
  })
  watch.observe(place)
  return watch
}

export function savePicture(chart: ECharts, name: string, ground: string): void {
  const url = chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: ground })
  // The page may not load data: addresses, so the picture becomes a blob by hand.
  const bytes = Uint8Array.from(atob(url.slice(url.indexOf(',') + 1)), (letter) => letter.charCodeAt(0))
  saveFile(name, new Blob([bytes], { type: 'image/png' }))
}
