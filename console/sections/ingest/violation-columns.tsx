import { Text } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Column } from '../../kit/data-table.tsx'
import { Ago } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'

type Violation = {
  path: string
  expected: string
  count: number
  lastAt: string
  clients: { client: string; count: number }[]
}
type Columns<Row> = {
  what(name: (row: Row) => string): Column<Row>
  found(values: (row: Row) => string[]): Column<Row>
  clients: Column<Row>
  count(below?: (row: Row) => ReactNode): Column<Row>
  last: Column<Row>
}

/** The columns that every table of violations has. */
export function useViolationColumns<Row extends Violation>(): Columns<Row> {
  const { t } = useTranslation()
  const format = useFormat()
  return useMemo(
    () => ({
      what: (name) => ({
        id: 'what',
        header: t('plans.violation'),
        cell: (row) => (
          <>
            <Text size="sm">{name(row)}</Text>
            <Text size="xs" c="dimmed" truncate title={row.path}>
              {row.path}
            </Text>
          </>
        ),
      }),
      found: (values) => ({
        id: 'found',
        header: t('plans.expectedFound'),
        cell: (row) => (
          <>
            <Text size="xs" truncate title={row.expected}>
              {row.expected}
            </Text>
            <Text size="xs" c="dimmed" truncate>
              {[...new Set(values(row))].join(' · ')}
            </Text>
          </>
        ),
      }),
      clients: {
        id: 'clients',
        header: t('plans.clients'),
        width: 170,
        cell: (row) => (
          <Text size="xs" lineClamp={2}>
            {row.clients
              .slice(0, 3)
              .map(({ client, count }) => `${client || '–'} (${format.count(count)})`)
              .join(', ')}
          </Text>
        ),
      },
      count: (below) => ({
        id: 'count',
        header: t('stream.count'),
        width: 120,
        align: 'right',
        sort: (row) => row.count,
        cell: (row) => (
          <>
            {format.count(row.count)}
            {below === undefined ? null : (
              <Text size="xs" c="dimmed">
                {below(row)}
              </Text>
            )}
          </>
        ),
      }),
      last: {
        id: 'last',
        header: t('stream.last'),
        width: 140,
        sort: (row) => row.lastAt,
        cell: (row) => <Ago at={row.lastAt} />,
      },
    }),
    [t, format],
  )
}
