import { type AnswerOf, api, channels, purposes } from '@einklang/contract'
import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { IconShieldCheck } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Failed, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Line = AnswerOf<typeof api.consent.ledger>['items'][number]

/** Every statement ever made, sealed one to the next. */
export function Ledger(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [filters, change] = useFilters()
  const lines = usePages(api.consent.ledger, {
    query: {
      limit: 100,
      ...(filters.stance === undefined ? {} : { stance: filters.stance as 'grant' }),
      ...(filters.channel === undefined ? {} : { channel: filters.channel as 'email' }),
      ...(filters.purpose === undefined ? {} : { purpose: filters.purpose as 'newsletter' }),
    },
  })
  const columns = useMemo(
    (): Column<Line>[] => [
      { id: 'sequence', header: '#', width: 90, align: 'right', cell: (row) => row.sequence },
      { id: 'at', header: t('consent.happened'), width: 172, cell: (row) => <DateTime at={row.happenedAt} /> },
      {
        id: 'person',
        header: t('message.person'),
        width: 180,
        cell: (row) =>
          row.person === null ? (
            t('consent.erased')
          ) : (
            <PersonLink person={row.person} name={row.personName ?? t('person.anonymous')} />
          ),
      },
      {
        id: 'stance',
        header: t('consent.stance'),
        width: 160,
        cell: (row) => <StateBadge state={row.stance} label={words('stance', row.stance)} />,
      },
      {
        id: 'what',
        header: t('consent.purpose'),
        cell: (row) => (
          <>
            {row.purpose === null ? t('consent.allPurposes') : words('purpose', row.purpose)} ·{' '}
            {row.channel === null ? t('consent.allChannels') : words('channel', row.channel)}
            <Text size="xs" c="dimmed">
              {[words('basis', row.basis), words('trust', row.trust), row.reason].filter(Boolean).join(' · ')}
            </Text>
          </>
        ),
      },
      {
        id: 'source',
        header: t('trait.source'),
        width: 180,
        cell: (row) => (
          <Text size="sm" truncate title={row.source}>
            {row.sourceName ?? words('statementSource', row.source)}
          </Text>
        ),
      },
      {
        id: 'seal',
        header: t('consent.seal'),
        width: 130,
        cell: (row) => (
          <Text size="xs" ff="monospace" c="dimmed" title={row.seal}>
            {row.seal.slice(0, 12)}…
          </Text>
        ),
      },
    ],
    [t, words],
  )
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          {
            name: 'stance',
            label: t('consent.stance'),
            kind: 'choice',
            options: ['grant', 'deny', 'restrict', 'lift_restriction'].map((value) => ({
              value,
              label: words('stance', value),
            })),
          },
          {
            name: 'purpose',
            label: t('consent.purpose'),
            kind: 'choice',
            options: purposes.map((value) => ({ value, label: words('purpose', value) })),
          },
          {
            name: 'channel',
            label: t('message.channel'),
            kind: 'choice',
            options: channels.map((value) => ({ value, label: words('channel', value) })),
          },
        ]}
        end={<Verify />}
      />
      <Fetch
        of={lines}
        loading={<Loading rows={10} />}
        empty={(rows) => (rows.length === 0 ? <Empty title={t('consent.noStatements')} /> : null)}
      >
        {(rows) => (
          <DataTable
            testid="ledger"
            label={t('consent.ledger')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.statement}
            more={lines.more}
            onEnd={lines.onEnd}
          />
        )}
      </Fetch>
    </Stack>
  )
}

function Verify(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const [asked, setAsked] = useState(false)
  const verdict = useAnswer(api.consent.verify, undefined, { enabled: asked })
  return (
    <Group gap="xs">
      <Button
        variant="default"
        leftSection={<IconShieldCheck size={16} aria-hidden />}
        loading={asked && verdict.fetching}
        onClick={() => (asked ? verdict.refetch() : setAsked(true))}
        data-testid="verify-ledger"
      >
        {t('consent.verify')}
      </Button>
      {verdict.failure !== null ? <Failed failure={verdict.failure} /> : null}
      {verdict.data === undefined ? null : (
        <Alert p={6} color={verdict.data.intact ? 'teal' : 'red'} role="status">
          {verdict.data.intact
            ? t('consent.intact', { shown: format.count(verdict.data.statements) })
            : t('consent.broken', { line: verdict.data.brokenAt ?? 0 })}
        </Alert>
      )}
    </Group>
  )
}
