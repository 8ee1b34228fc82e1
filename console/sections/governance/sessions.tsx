import { api } from '@einklang/contract'
import { Badge, Button, Card, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'

/** One's own sessions. */
export function Sessions(): ReactNode {
  const { t } = useTranslation()
  const sessions = useAnswer(api.governance.sessions)
  const end = useDeed(api.governance.endSession, { refresh: ['governance'], done: t('sessions.ended') })
  const endOthers = useDeed(api.governance.endOtherSessions, { refresh: ['governance'], done: t('sessions.ended') })
  return (
    <Fetch of={sessions}>
      {(value) => (
        <Stack data-testid="sessions">
          <Group justify="flex-end">
            <Button
              variant="default"
              disabled={value.items.length < 2}
              loading={endOthers.pending}
              onClick={() => void endOthers.run({})}
            >
              {t('sessions.endOthers')}
            </Button>
          </Group>
          {value.items.map((session) => (
            <Card key={session.id} withBorder padding="sm">
              <Group justify="space-between">
                <div>
                  <Text size="sm" fw={550}>
                    {session.agent ?? t('sessions.unknownAgent')}{' '}
                    {session.current ? (
                      <Badge variant="light" tt="none">
                        {t('sessions.current')}
                      </Badge>
                    ) : null}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {session.address ?? '–'} · {t('sessions.since')} <DateTime at={session.createdAt} /> ·{' '}
                    {t('sessions.seen')} <Ago at={session.lastSeenAt} /> · {t('sessions.until')}{' '}
                    <DateTime at={session.expiresAt} />
                  </Text>
                </div>
                {session.current ? null : (
                  <Button
                    size="xs"
                    variant="default"
                    loading={end.pending}
                    onClick={() => void end.run({ params: { session: session.id } })}
                  >
                    {t('sessions.end')}
                  </Button>
                )}
              </Group>
            </Card>
          ))}
        </Stack>
      )}
    </Fetch>
  )
}
