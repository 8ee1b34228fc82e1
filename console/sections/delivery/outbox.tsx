import { api, channels } from '@einklang/contract'
import { Chip, Group, Stack, Text } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Row = (typeof api.delivery.messages)['answer']['_zod']['output']['items'][number]

const states = [
  'planned',
  'reserved',
  'handed',
  'accepted',
  'refused',
  'unknown',
  'suppressed',
  'displaced',
  'expired',
] as const

function latestReceipt(row: Row): { kind: string; at: string } | null {
  const kinds = ['unsubscribed', 'complained', 'bounced', 'clicked', 'opened', 'delivered'] as const
  for (const kind of kinds) {
    const at = row.receipts[kind]
    if (at !== null) return { kind, at }
  }
  return null
}

/** Every message we meant to send, and what became of it. */
export function Outbox(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [filters, change] = useFilters()
  const journeys = useAnswer(api.decision.journeys)
  const pages = usePages(api.delivery.messages, {
    query: {
      limit: 100,
      ...(filters.state === undefined ? {} : { state: filters.state as 'planned' }),
      ...(filters.channel === undefined ? {} : { channel: filters.channel as 'email' }),
      ...(filters.journey === undefined ? {} : { journey: filters.journey }),
    },
  })
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'planned',
        header: t('message.planned'),
        width: 172,
        sort: (row) => row.plannedAt,
        cell: (row) => <DateTime at={row.plannedAt} />,
      },
      {
        id: 'person',
        header: t('message.person'),
        width: 165,
        sort: (row) => row.personName,
        cell: (row) => <PersonLink person={row.person} name={row.personName ?? row.address ?? t('person.anonymous')} />,
      },
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
        id: 'subject',
        header: t('message.subject'),
        cell: (row) => (
          <>
            <Text size="sm" truncate>
              {row.subject ?? row.conceptName ?? '–'}
            </Text>
            {row.reason === null ? null : (
              <Text size="xs" c="dimmed" truncate title={row.reason}>
                {row.reason}
              </Text>
            )}
          </>
        ),
      },
      {
        id: 'journey',
        header: t('message.journey'),
        width: 160,
        sort: (row) => row.journeyName,
        cell: (row) => row.journeyName ?? '–',
      },
      {
        id: 'state',
        header: t('message.state'),
        width: 172,
        sort: (row) => row.state,
        cell: (row) => <StateBadge state={row.state} label={words('messageState', row.state)} />,
      },
      {
        id: 'receipt',
        header: t('message.receipt'),
        width: 160,
        cell: (row) => {
          const receipt = latestReceipt(row)
          return receipt === null ? (
            '–'
          ) : (
            <>
              {words('receipt', receipt.kind)}{' '}
              <Text span size="xs" c="dimmed">
                <DateTime at={receipt.at} />
              </Text>
            </>
          )
        },
      },
    ],
    [t, words],
  )
  const counts = pages.first?.counts
  return (
    <Stack>
      <Chip.Group
        multiple={false}
        value={filters.state ?? ''}
        onChange={(state) => change({ state: state === '' ? undefined : (state as string) })}
      >
        <Group gap={6} role="group" aria-label={t('message.state')}>
          <Chip value="" size="xs">
            {t('kit.all')}
          </Chip>
          {states.map((state) => (
            <Chip key={state} value={state} size="xs" data-testid={`state-${state}`}>
              {words('messageState', state)}
              {filters.state === undefined && counts !== undefined ? ` ${format.count(counts[state] ?? 0)}` : ''}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          {
            name: 'channel',
            label: t('message.channel'),
            kind: 'choice',
            options: channels.map((value) => ({ value, label: words('channel', value) })),
          },
          {
            name: 'journey',
            label: t('message.journey'),
            kind: 'choice',
            width: 260,
            options: (journeys.data?.items ?? []).map((journey) => ({ value: journey.id, label: journey.name })),
          },
        ]}
      />
      <Fetch
        of={pages}
        loading={<Loading rows={10} height={36} />}
        empty={(rows) => (rows.length === 0 ? <Empty title={t('message.none')} hint={t('delivery.noneHint')} /> : null)}
      >
        {(rows) => (
          <DataTable
            testid="outbox"
            label={t('delivery.outbox')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            selected={filters.message}
            onOpen={(row) => change({ message: row.id }, { push: true })}
            more={pages.more}
            onEnd={pages.onEnd}
            height="calc(100dvh - 360px)"
          />
        )}
      </Fetch>
    </Stack>
  )
}
