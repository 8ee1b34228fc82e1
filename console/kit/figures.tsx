import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useFormat } from './format.ts'

const tabular = { fontVariantNumeric: 'tabular-nums' } as const
const oneLine = { whiteSpace: 'nowrap' } as const

export function MoneyText(props: { amount: number; currency: string }): ReactNode {
  const format = useFormat()
  return <span style={tabular}>{format.money(props.amount, props.currency)}</span>
}

// Lists show hundreds of instants; a plain title costs nothing, a floating tooltip for each would be felt.

/** An instant in the reader's zone; the exact UTC time is a hover away. */
export function DateTime(props: { at: string | null; day?: boolean }): ReactNode {
  const format = useFormat()
  if (props.at === null) return <Nothing />
  return (
    <time dateTime={props.at} title={props.at} style={{ ...tabular, ...oneLine }}>
      {props.day === true ? format.date(props.at) : format.dateTime(props.at)}
    </time>
  )
}

/** How long ago, with the exact instant behind it. */
export function Ago(props: { at: string | null; now?: Date }): ReactNode {
  const format = useFormat()
  if (props.at === null) return <Nothing />
  return (
    <time dateTime={props.at} title={format.dateTime(props.at)} style={oneLine}>
      {format.ago(props.at, props.now ?? new Date())}
    </time>
  )
}

function Nothing(): ReactNode {
  return (
    <Text span inherit c="dimmed">
      –
    </Text>
  )
}
