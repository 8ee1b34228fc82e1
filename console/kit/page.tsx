import { Box, Card, Group, Stack, Text, Title, Tooltip } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { type ReactNode, useEffect } from 'react'

/** One screen: its name as the only h1, a sentence of purpose, its actions at the right. */
export function Page(props: {
  title: string
  hint?: ReactNode
  actions?: ReactNode
  above?: ReactNode
  children: ReactNode
}): ReactNode {
  useEffect(() => {
    document.title = `${props.title} · Einklang`
  }, [props.title])
  return (
    <Stack gap="md" data-testid="page">
      <Box>
        {props.above}
        <Group justify="space-between" align="flex-end" wrap="wrap" gap="sm">
          <Box style={{ minWidth: 0 }}>
            <Title order={1} size="h2">
              {props.title}
            </Title>
            {props.hint === undefined ? null : (
              <Text c="dimmed" size="sm" maw={760}>
                {props.hint}
              </Text>
            )}
          </Box>
          {props.actions === undefined ? null : <Group gap="xs">{props.actions}</Group>}
        </Group>
      </Box>
      {props.children}
    </Stack>
  )
}

/** A named part of a screen. */
export function Panel(props: {
  title?: string
  definition?: string
  actions?: ReactNode
  testid?: string
  children: ReactNode
}): ReactNode {
  return (
    <Card withBorder radius="md" padding="md" component="section" aria-label={props.title} data-testid={props.testid}>
      {props.title === undefined ? null : (
        <Group justify="space-between" mb="sm" wrap="nowrap" gap="xs">
          <Group gap={6} wrap="nowrap">
            <Title order={2} size="h5">
              {props.title}
            </Title>
            {props.definition === undefined ? null : <Definition text={props.definition} />}
          </Group>
          {props.actions === undefined ? null : (
            <Group gap="xs" wrap="nowrap">
              {props.actions}
            </Group>
          )}
        </Group>
      )}
      {props.children}
    </Card>
  )
}

/** What a number means, one tab stop away. */
export function Definition(props: { text: string }): ReactNode {
  return (
    <Tooltip label={props.text} multiline maw={340} events={{ hover: true, focus: true, touch: true }} withArrow>
      <Box component="span" tabIndex={0} role="note" aria-label={props.text} c="dimmed" lh={0}>
        <IconInfoCircle size={16} stroke={1.6} aria-hidden />
      </Box>
    </Tooltip>
  )
}
