import * as echarts from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { saveFile } from './csv.ts'

echarts.use([SVGRenderer])

/** A diagram as it stands on the screen, as lines and letters; its parts must have been put to use before. */
export function saveSvg(option: object, size: { width: number; height: number }, ground: string, name: string): void {
  const still = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size })
  still.setOption({ ...option, animation: false, backgroundColor: ground })
  saveFile(name, new Blob([still.renderToSVGString()], { type: 'image/svg+xml' }))
  still.dispose()
}
