import { Card, Group, Skeleton, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Definition } from './page.tsx'
import { Sparkline } from './sparkline.tsx'

/** One number with its meaning and the time it speaks of. */
export function StatCard(props: {
  label: string
  value: ReactNode
  definition: string
  since: string
  trend?: number[] | undefined
  hint?: ReactNode
  loading?: boolean
  testid?: string
}): ReactNode {
  return (
    <Card withBorder radius="md" padding="md" data-testid={props.testid}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" c="dimmed" fw={500}>
          {props.label}
        </Text>
        <Definition text={props.definition} />
      </Group>
      <Group justify="space-between" align="flex-end" wrap="nowrap" gap="sm">
        {props.loading === true ? (
          <Skeleton height={34} width={110} my={4} />
        ) : (
          <Text fz={28} fw={650} lh={1.3} style={{ fontVariantNumeric: 'tabular-nums' }}>
            {props.value}
          </Text>
        )}
        {props.trend === undefined || props.trend.length < 2 ? null : (
          <Sparkline values={props.trend} label={props.label} />
        )}
      </Group>
      <Text size="xs" c="dimmed">
        {props.since}
        {props.hint === undefined ? null : <> · {props.hint}</>}
      </Text>
    </Card>
  )
}
