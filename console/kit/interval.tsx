import { Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'

/** An estimate with its interval on a common scale; the line at zero tells whether the data can tell. */
export function Interval(props: {
  estimate: number
  low: number
  high: number
  /** Both ends of the shared scale. */
  from: number
  to: number
  format: (value: number) => string
  width?: number
}): ReactNode {
  const width = props.width ?? 180
  const place = (value: number): number => {
    const share = (value - props.from) / (props.to - props.from || 1)
    return 6 + Math.min(1, Math.max(0, share)) * (width - 12)
  }
  const text = `${props.format(props.estimate)} (${props.format(props.low)} … ${props.format(props.high)})`
  const clear = props.low > 0 || props.high < 0
  const ink = clear ? 'var(--mantine-primary-color-filled)' : 'var(--mantine-color-dimmed)'
  return (
    <Tooltip label={text} withArrow>
      <svg width={width} height={22} role="img" aria-label={text}>
        <line
          x1={place(0)}
          x2={place(0)}
          y1={1}
          y2={21}
          stroke="var(--mantine-color-default-border)"
          strokeWidth={1.5}
        />
        <line x1={place(props.low)} x2={place(props.high)} y1={11} y2={11} stroke={ink} strokeWidth={2} />
        <line x1={place(props.low)} x2={place(props.low)} y1={7} y2={15} stroke={ink} strokeWidth={2} />
        <line x1={place(props.high)} x2={place(props.high)} y1={7} y2={15} stroke={ink} strokeWidth={2} />
        <circle cx={place(props.estimate)} cy={11} r={4} fill={ink} />
      </svg>
    </Tooltip>
  )
}
