import { type AnswerOf, api, type SourceId } from '@einklang/contract'
import { Stack, Text } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { Sparkline } from '../../kit/sparkline.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useWords } from '../../shell/words.ts'
import { useViolationColumns } from './violation-columns.tsx'

type Row = AnswerOf<typeof api.ingest.violations>['items'][number]

/** What live plans find: by event, property and client version, with its course, and what is new since a release. */
export function PlanViolations(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [filters, change] = useFilters()
  const hours = Number(filters['hours'] ?? 24)
  const source = filters['source'] as SourceId | undefined
  const since = filters['release']
  const plans = useAnswer(api.ingest.plans)
  const seen = useAnswer(
    api.ingest.violations,
    {
      query: {
        hours,
        ...(source === undefined ? {} : { source }),
        ...(since === undefined ? {} : { newSince: new Date(since).toISOString() }),
      },
    },
    { keep: true },
  )
  const shared = useViolationColumns<Row>()
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'event',
        header: t('stream.event'),
        width: 200,
        sort: (row) => row.event,
        cell: (row) => (
          <>
            <Text size="sm">{row.event || words('eventKind', row.kind)}</Text>
            <Text size="xs" c="dimmed">
              {row.sourceName}
            </Text>
          </>
        ),
      },
      shared.what((row) => `${words('violation', row.code)} · ${words('planAction', row.action)}`),
      shared.found((row) => row.found),
      shared.clients,
      {
        id: 'trend',
        header: t('plans.trend'),
        width: 120,
        cell: (row) => <Sparkline values={row.trend} label={t('plans.trend')} />,
      },
      shared.count(),
      shared.last,
    ],
    [t, words, shared],
  )
  const sources = new Map(plans.data?.items.map((row) => [row.source, row.sourceName]))
  return (
    <Stack>
      <FilterBar
        fields={[
          {
            name: 'hours',
            label: t('plans.period'),
            kind: 'choice',
            usual: t('plans.hours', { count: 24 }),
            options: [
              { value: '1', label: t('plans.hours', { count: 1 }) },
              { value: '24', label: t('plans.hours', { count: 24 }) },
              { value: '168', label: t('plans.days', { count: 7 }) },
            ],
          },
          {
            name: 'source',
            label: t('trait.source'),
            kind: 'choice',
            options: [...sources].map(([value, label]) => ({ value, label })),
          },
          { name: 'release', label: t('plans.newSince'), kind: 'day' },
        ]}
        values={filters}
        onChange={change}
      />
      <Fetch of={seen} loading={<Loading rows={6} height={44} />}>
        {(value) => (
          <Stack>
            <Text size="sm" c="dimmed">
              {t('plans.seen', {
                violating: format.count(value.violating),
                events: format.count(value.events),
                quarantined: format.count(value.quarantined),
              })}
            </Text>
            {value.items.length === 0 ? (
              <Empty title={t('plans.noViolations')} hint={t('plans.noViolationsHint')} />
            ) : (
              <DataTable
                testid="violations"
                label={t('plans.violations')}
                columns={columns}
                rows={value.items}
                rowKey={(row) => `${row.source}${row.kind}${row.event}${row.code}${row.path}`}
                sorted={{ id: 'count', desc: true }}
              />
            )}
          </Stack>
        )}
      </Fetch>
    </Stack>
  )
}
