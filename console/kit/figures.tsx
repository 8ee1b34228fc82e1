import { Text, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import { useFormat } from './format.ts'

const tabular = { fontVariantNumeric: 'tabular-nums' } as const

export function MoneyText(props: { amount: number; currency: string }): ReactNode {
  const format = useFormat()
  return <span style={tabular}>{format.money(props.amount, props.currency)}</span>
}

export function Count(props: { value: number }): ReactNode {
  const format = useFormat()
  return <span style={tabular}>{format.count(props.value)}</span>
}

export function Percent(props: { share: number | null; digits?: number }): ReactNode {
  const format = useFormat()
  return <span style={tabular}>{props.share === null ? '–' : format.percent(props.share, props.digits)}</span>
}

/** An instant in the reader's zone; the exact UTC time is a hover away. */
export function DateTime(props: { at: string | null; day?: boolean }): ReactNode {
  const format = useFormat()
  if (props.at === null)
    return (
      <Text span inherit c="dimmed">
        –
      </Text>
    )
  return (
    <Tooltip label={props.at} openDelay={400}>
      <time dateTime={props.at} style={{ ...tabular, whiteSpace: 'nowrap' }}>
        {props.day === true ? format.date(props.at) : format.dateTime(props.at)}
      </time>
    </Tooltip>
  )
}

/** How long ago, with the exact instant behind it. */
export function Ago(props: { at: string | null; now?: Date }): ReactNode {
  const format = useFormat()
  if (props.at === null)
    return (
      <Text span inherit c="dimmed">
        –
      </Text>
    )
  return (
    <Tooltip label={format.dateTime(props.at)} openDelay={300}>
      <time dateTime={props.at} style={{ whiteSpace: 'nowrap' }}>
        {format.ago(props.at, props.now ?? new Date())}
      </time>
    </Tooltip>
  )
}
