import { type AnswerOf, api } from '@einklang/contract'
import { Stack, Text } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

type Row = AnswerOf<typeof api.ingest.eventNames>['items'][number]

/** Which events come from where, and what they carry. */
export function Names(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const names = useAnswer(api.ingest.eventNames, { query: { days: 3650 } })
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'name',
        header: t('stream.event'),
        width: 220,
        sort: (row) => row.name,
        cell: (row) => (row.name === '' ? words('eventKind', row.kind) : row.name),
      },
      {
        id: 'source',
        header: t('trait.source'),
        width: 190,
        sort: (row) => row.sourceName,
        cell: (row) => row.sourceName,
      },
      {
        id: 'count',
        header: t('stream.count'),
        width: 110,
        align: 'right',
        sort: (row) => row.count,
        cell: (row) => format.count(row.count),
      },
      {
        id: 'first',
        header: t('identity.first'),
        width: 172,
        sort: (row) => row.firstAt,
        cell: (row) => <DateTime at={row.firstAt} />,
      },
      {
        id: 'last',
        header: t('stream.last'),
        width: 172,
        sort: (row) => row.lastAt,
        cell: (row) => <DateTime at={row.lastAt} />,
      },
      {
        id: 'properties',
        header: t('stream.properties'),
        cell: (row) => (
          <Text size="xs" c="dimmed" lineClamp={2} title={row.properties.join(', ')}>
            {row.properties.join(', ')}
          </Text>
        ),
      },
    ],
    [t, format, words],
  )
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t('stream.namesMeaning')}
      </Text>
      <Fetch
        of={names}
        loading={<Loading rows={8} />}
        empty={(value) =>
          value.items.length === 0 ? <Empty title={t('stream.none')} hint={t('stream.noneHint')} /> : null
        }
      >
        {(value) => (
          <DataTable
            label={t('ingest.names')}
            columns={columns}
            rows={value.items}
            rowKey={(row) => `${row.kind}${row.name}${row.sourceName}`}
            sorted={{ id: 'count', desc: true }}
          />
        )}
      </Fetch>
    </Stack>
  )
}
