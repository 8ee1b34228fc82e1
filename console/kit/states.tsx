import { Alert, Button, type ButtonProps, EmptyState, Group, Skeleton, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconInbox, IconRefresh } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

/** Nothing here yet: says why and what to do about it. */
export function Empty(props: { title: string; hint?: ReactNode; icon?: ReactNode; action?: ReactNode }): ReactNode {
  return (
    <EmptyState
      py="xl"
      size="sm"
      data-testid="empty"
      icon={props.icon ?? <IconInbox stroke={1.5} />}
      title={props.title}
      description={props.hint}
    >
      {props.action === undefined ? null : <EmptyState.Actions>{props.action}</EmptyState.Actions>}
    </EmptyState>
  )
}

/** The outline of what is coming, so that nothing jumps when it arrives. */
export function Loading(props: { rows?: number; height?: number; label?: string }): ReactNode {
  const { t } = useTranslation()
  return (
    <Stack gap="xs" role="status" aria-busy="true" aria-label={props.label ?? t('kit.loading')} data-testid="loading">
      {Array.from({ length: props.rows ?? 6 }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <Skeleton key={row} height={props.height ?? 28} radius="sm" />
      ))}
    </Stack>
  )
}

export type Failure = { message: string; doInstead?: string | undefined; code?: string | undefined }

/** What went wrong, in the server's own sentence, and the way on. */
export function Failed(props: { failure: Failure; onRetry?: (() => void) | undefined }): ReactNode {
  const { t } = useTranslation()
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconAlertTriangle stroke={1.5} />}
      title={t('kit.failed')}
      role="alert"
      data-testid="failed"
    >
      <Text size="sm">{props.failure.message}</Text>
      {props.failure.doInstead === undefined ? null : (
        <Text size="sm" c="dimmed">
          {props.failure.doInstead}
        </Text>
      )}
      {props.onRetry === undefined ? null : (
        <Group mt="sm">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRefresh size={14} aria-hidden />}
            onClick={props.onRetry}
            data-testid="retry"
          >
            {t('kit.retry')}
          </Button>
        </Group>
      )}
    </Alert>
  )
}

/** What a query can be, as far as a screen cares. */
export type Fetched<Value> = {
  data: Value | undefined
  failure: Failure | null
  retry: () => void
}

/** Walks a screen through its four states; `children` only ever sees an answer that is there. */
export function Fetch<Value>(props: {
  of: Fetched<Value>
  loading?: ReactNode
  empty?: (value: Value) => ReactNode | null
  children: (value: Value) => ReactNode
}): ReactNode {
  const { data, failure, retry } = props.of
  if (data !== undefined) {
    const instead = props.empty?.(data) ?? null
    return instead ?? props.children(data)
  }
  if (failure !== null) return <Failed failure={failure} onRetry={retry} />
  return props.loading ?? <Loading />
}

/** The next page of a list, when there is one. */
export function LoadMore(props: { of: { more: boolean; onEnd: () => void } } & ButtonProps): ReactNode {
  const { t } = useTranslation()
  const { of, ...looks } = props
  if (!of.more) return null
  return (
    <Button variant="subtle" {...looks} onClick={of.onEnd}>
      {t('kit.loadMore')}
    </Button>
  )
}
