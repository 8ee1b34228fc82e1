import { type AnswerOf, api, type ConversationId, touchChannels } from '@einklang/contract'
import { Code, Drawer, Group, Stack, Text, Title } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { Page } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useWords } from '../../shell/words.ts'

type Row = AnswerOf<typeof api.conversation.messages>['items'][number]

export function Conversations(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [filters, change] = useFilters()
  useLiveAnswers(['conversation', 'ingest'])
  const messages = usePages(api.conversation.messages, {
    query: {
      limit: 100,
      ...(filters.q === undefined ? {} : { q: filters.q }),
      ...(filters.channel === undefined ? {} : { channel: filters.channel as 'email' }),
    },
  })
  const columns = useMemo(
    (): Column<Row>[] => [
      { id: 'at', header: t('message.at'), width: 172, sort: (row) => row.at, cell: (row) => <DateTime at={row.at} /> },
      {
        id: 'channel',
        header: t('message.channel'),
        width: 140,
        sort: (row) => row.channel,
        cell: (row) => (
          <Group gap={6} wrap="nowrap">
            <ChannelIcon channel={row.channel} />
            {words('conversationKind', row.kind)}
          </Group>
        ),
      },
      {
        id: 'from',
        header: t('conversation.from'),
        width: 220,
        sort: (row) => row.personName ?? row.from,
        cell: (row) =>
          row.person === null ? row.from : <PersonLink person={row.person} name={row.personName ?? row.from} />,
      },
      {
        id: 'subject',
        header: t('message.subject'),
        cell: (row) => (
          <>
            <Text size="sm" fw={500} truncate>
              {row.subject ?? '–'}
            </Text>
            <Text size="xs" c="dimmed" truncate>
              {row.snippet}
            </Text>
          </>
        ),
      },
      { id: 'source', header: t('trait.source'), width: 160, sort: (row) => row.source, cell: (row) => row.source },
    ],
    [t, words],
  )
  return (
    <Page title={t('nav.conversation')} hint={t('hint.conversation')}>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          { name: 'q', label: t('conversation.search'), kind: 'text', width: 280 },
          {
            name: 'channel',
            label: t('message.channel'),
            kind: 'choice',
            options: touchChannels.map((value) => ({ value, label: words('channel', value) })),
          },
        ]}
      />
      <Fetch
        of={messages}
        loading={<Loading rows={8} height={40} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('conversation.none')} hint={t('conversation.noneHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            testid="conversations"
            label={t('nav.conversation')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            onOpen={(row) => change({ open: row.id }, { push: true })}
            more={messages.more}
            onEnd={messages.onEnd}
          />
        )}
      </Fetch>
      <Drawer
        opened={filters.open !== undefined}
        onClose={() => change({ open: undefined })}
        position="right"
        size="lg"
        title={t('conversation.title')}
      >
        {filters.open === undefined ? null : <Incoming message={filters.open as ConversationId} />}
      </Drawer>
    </Page>
  )
}

function Incoming(props: { message: ConversationId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const message = useAnswer(api.conversation.message, { params: { message: props.message } })
  return (
    <Fetch of={message}>
      {(value) => (
        <Stack>
          <div>
            <Title order={2} size="h4">
              {value.subject ?? words('conversationKind', value.kind)}
            </Title>
            <Text size="sm" c="dimmed">
              {value.person === null ? (
                value.from
              ) : (
                <PersonLink person={value.person} name={value.personName ?? value.from} />
              )}{' '}
              · {words('channel', value.channel)} · <DateTime at={value.at} /> · {value.source}
            </Text>
          </div>
          <Text style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{value.text}</Text>
          {Object.keys(value.properties).length === 0 ? null : (
            <details>
              <summary>{t('conversation.details')}</summary>
              <Code block>{JSON.stringify(value.properties, null, 2)}</Code>
            </details>
          )}
        </Stack>
      )}
    </Fetch>
  )
}
