import { Button, Center, Code, Stack, Text, Title } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

/** A bug on a screen ends the screen, not the session. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }
  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error }
  }
  override render(): ReactNode {
    return this.state.error === null ? this.props.children : <Broken error={this.state.error} />
  }
}

export function Broken(props: { error: Error }): ReactNode {
  const { t } = useTranslation()
  return (
    <Center mih={400} p="xl" role="alert" data-testid="broken">
      <Stack maw={560} align="flex-start">
        <Title order={1} size="h3">
          {t('shell.broken')}
        </Title>
        <Text>{t('shell.brokenHint')}</Text>
        <Code block w="100%">
          {props.error.message}
        </Code>
        <Button onClick={() => location.reload()}>{t('shell.reload')}</Button>
      </Stack>
    </Center>
  )
}

export function NotFound(): ReactNode {
  const { t } = useTranslation()
  return (
    <Center mih={400} data-testid="not-found">
      <Stack align="center" gap="xs">
        <Title order={1} size="h3">
          {t('shell.notFound')}
        </Title>
        <Text c="dimmed">{t('shell.notFoundHint')}</Text>
        <Button component="a" href="/" variant="light">
          {t('nav.today')}
        </Button>
      </Stack>
    </Center>
  )
}
