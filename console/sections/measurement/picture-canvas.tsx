import { useComputedColorScheme, useMantineTheme } from '@mantine/core'
import { HeatmapChart, LineChart, SankeyChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TooltipComponent, VisualMapComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { type ReactNode, type RefObject, useEffect, useRef } from 'react'
import { fitted, savePicture } from '../../kit/canvas.ts'

echarts.use([
  SankeyChart,
  HeatmapChart,
  LineChart,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
])

export type Inks = { text: string; line: string; ground: string; strong: string; soft: string }
export type PictureHandle = { save: (name: string, kind: 'png' | 'svg') => void }
/** What was clicked, as the option gave it. */
export type Clicked = { [name: string]: unknown }

/** A diagram that the kit does not have: its option is made from the inks of the scheme. */
export function PictureCanvas(props: {
  option: (inks: Inks) => object
  height: number
  onClick?: ((clicked: Clicked) => void) | undefined
  handle: RefObject<PictureHandle | null>
}): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme('light')
  const { fontFamily } = useMantineTheme()
  const { option, onClick, handle, height } = props

  useEffect(() => {
    if (place.current === null) return
    const inks: Inks =
      scheme === 'dark'
        ? { text: '#c9ced3', line: '#3b3f44', ground: '#1f1f1f', strong: '#4fc1bb', soft: '#16393a' }
        : { text: '#495057', line: '#e3e6e8', ground: '#ffffff', strong: '#0b6e6e', soft: '#e6f2f2' }
    const made = echarts.init(place.current, null, { renderer: 'canvas' })
    const whole = { textStyle: { fontFamily: fontFamily ?? 'sans-serif' }, animation: false, ...option(inks) }
    made.setOption(whole)
    if (onClick !== undefined) made.on('click', (event) => onClick((event.data ?? {}) as Clicked))
    const watch = fitted(made, place.current)
    handle.current = {
      save(name, kind) {
        if (kind === 'png') savePicture(made, name, inks.ground)
        else
          void import('../../kit/svg.ts').then(({ saveSvg }) =>
            saveSvg(whole, { width: made.getWidth(), height: made.getHeight() }, inks.ground, name),
          )
      },
    }
    return () => {
      watch.disconnect()
      made.dispose()
    }
  }, [option, onClick, handle, scheme, fontFamily])

  return <div ref={place} style={{ width: '100%', height }} />
}
