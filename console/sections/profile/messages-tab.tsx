import { api, type PersonId } from '@einklang/contract'
import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { Panel } from '../../kit/page.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch } from '../../kit/states.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'
import type { PersonView } from './person.tsx'

type Line = PersonView['messages'][number]

/** Messages of all tools; those we sent ourselves explain themselves. */
export function MessagesTab(props: { person: PersonId; fallback: Line[] }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [, change] = useFilters()
  const columns = useMemo(
    (): Column<Line>[] => [
      { id: 'at', header: t('message.at'), width: 172, sort: (row) => row.at, cell: (row) => <DateTime at={row.at} /> },
      {
        id: 'channel',
        header: t('message.channel'),
        width: 120,
        sort: (row) => row.channel,
        cell: (row) => (
          <Group gap={6} wrap="nowrap">
            <ChannelIcon channel={row.channel} />
            {words('channel', row.channel)}
          </Group>
        ),
      },
      {
        id: 'title',
        header: t('message.subject'),
        cell: (row) => (
          <>
            <Text size="sm">{row.title}</Text>
            {row.because === null ? null : (
              <Text size="xs" c="dimmed">
                {row.because}
              </Text>
            )}
            {row.message === null ? null : (
              <Button
                size="compact-xs"
                variant="light"
                mt={4}
                onClick={() => change({ message: row.message ?? undefined }, { push: true })}
                data-testid="why-message"
              >
                {t('message.why')}
              </Button>
            )}
          </>
        ),
      },
      {
        id: 'state',
        header: t('message.state'),
        width: 220,
        cell: (row) => (
          <Group gap={4}>
            <StateBadge state={row.state} label={words('messageState', row.state)} />
            {row.clicked ? (
              <Badge variant="outline" tt="none">
                {t('message.clicked')}
              </Badge>
            ) : row.opened ? (
              <Badge variant="outline" color="gray" tt="none">
                {t('message.opened')}
              </Badge>
            ) : null}
          </Group>
        ),
      },
    ],
    [t, words, change],
  )
  return (
    <Panel title={t('person.tab.messages')} definition={t('message.personMeaning')} testid="person-messages">
      {props.fallback.length === 0 ? (
        <Empty title={t('message.none')} hint={t('message.noneHint')} />
      ) : (
        <DataTable
          label={t('person.tab.messages')}
          columns={columns}
          rows={props.fallback}
          rowKey={(row) => `${row.message ?? ''}${row.at}${row.channel}${row.title}`}
          onOpen={(row) => (row.message === null ? undefined : change({ message: row.message }, { push: true }))}
          height={560}
        />
      )}
    </Panel>
  )
}

export function ConversationsTab(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const messages = useAnswer(api.conversation.personMessages, { params: { person: props.person } })
  return (
    <Panel title={t('person.tab.conversations')} testid="person-conversations">
      <Fetch
        of={messages}
        empty={(value) => (value.items.length === 0 ? <Empty title={t('conversation.nonePerson')} /> : null)}
      >
        {(value) => (
          <Stack>
            {value.items.map((item) => (
              <div key={item.id}>
                <Group gap="xs">
                  <ChannelIcon channel={item.channel} />
                  <ScreenLink to="/conversation" search={{ open: item.id }}>
                    {item.subject ?? words('conversationKind', item.kind)}
                  </ScreenLink>
                  <Text size="xs" c="dimmed">
                    <DateTime at={item.at} />
                  </Text>
                </Group>
                <Text size="sm" c="dimmed" lineClamp={3}>
                  {item.snippet}
                </Text>
              </div>
            ))}
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}

export function RunsTab(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const runs = useAnswer(api.decision.personRuns, { params: { person: props.person } })
  return (
    <Panel title={t('person.tab.journeys')} definition={t('journey.runsMeaning')} testid="person-runs">
      <Fetch of={runs} empty={(value) => (value.items.length === 0 ? <Empty title={t('journey.nonePerson')} /> : null)}>
        {(value) => (
          <Stack>
            {value.items.map((run) => (
              <Group key={run.id} justify="space-between" wrap="nowrap" align="flex-start">
                <div>
                  <ScreenLink
                    to="/decision/$journey"
                    params={{ journey: run.journey }}
                    search={{ tab: 'runs', run: run.id }}
                  >
                    {run.journeyName}
                  </ScreenLink>
                  <Text size="sm">{run.because}</Text>
                  <Text size="xs" c="dimmed">
                    <DateTime at={run.enteredAt} />
                  </Text>
                </div>
                <StateBadge state={run.state} label={words('runState', run.state)} />
              </Group>
            ))}
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}
