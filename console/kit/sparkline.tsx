import type { ReactNode } from 'react'

/** The course of a number, without axes; the exact values stand beside it. */
export function Sparkline(props: { values: number[]; label: string; width?: number; height?: number }): ReactNode {
  const width = props.width ?? 96
  const height = props.height ?? 28
  const most = Math.max(...props.values)
  const least = Math.min(...props.values)
  const span = most - least || 1
  const step = (width - 4) / Math.max(1, props.values.length - 1)
  const points = props.values.map((value, index) => {
    const x = 2 + index * step
    const y = height - 3 - ((value - least) / span) * (height - 6)
    return `${x.toFixed(1)},${y.toFixed(1)}`
  })
  return (
    <svg width={width} height={height} role="img" aria-label={`${props.label}: ${props.values.join(', ')}`}>
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="var(--mantine-primary-color-filled)"
        strokeWidth={1.6}
        strokeLinejoin="round"
      />
    </svg>
  )
}
