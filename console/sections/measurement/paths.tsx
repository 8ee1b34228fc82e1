import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Group, Stack, Text } from '@mantine/core'
import { IconArrowRight } from '@tabler/icons-react'
import { Fragment, type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { useFormat } from '../../kit/format.ts'
import { Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Note } from './note.tsx'
import { usePeriod } from './period.ts'
import { NothingThen } from './whole-time.tsx'

type Path = AnswerOf<typeof api.measurement.paths>['paths'][number]

export function Paths(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { currency: houseCurrency } = useSession()
  const period = usePeriod()
  const answer = useAnswer(api.measurement.paths, { query: { ...period, limit: 100 } }, { keep: true })
  const currency = answer.data?.note.currency ?? houseCurrency
  const columns = useMemo(
    (): Column<Path>[] => [
      {
        id: 'steps',
        header: t('path.way'),
        cell: (row) => (
          <Group gap={4}>
            {row.steps.length === 0 ? t('path.byThemselves') : null}
            {row.steps.map((step, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a channel may come twice on a way
              <Fragment key={index}>
                {index === 0 ? null : <IconArrowRight size={12} aria-hidden />}
                <Badge variant="light" tt="none" fw={500}>
                  {words('media', step)}
                </Badge>
              </Fragment>
            ))}
          </Group>
        ),
      },
      {
        id: 'orders',
        header: t('measurement.orders'),
        width: 140,
        align: 'right',
        sort: (row) => row.orders,
        cell: (row) => format.count(row.orders),
      },
      {
        id: 'revenue',
        header: t('measurement.revenue'),
        width: 140,
        align: 'right',
        sort: (row) => row.revenue,
        cell: (row) => format.money(row.revenue, currency),
      },
      {
        id: 'without',
        header: t('path.withoutOrder'),
        width: 172,
        align: 'right',
        sort: (row) => row.withoutOrder,
        cell: (row) => format.count(row.withoutOrder),
      },
      {
        id: 'days',
        header: t('path.days'),
        width: 130,
        align: 'right',
        sort: (row) => row.medianDays,
        cell: (row) => (row.medianDays === null ? '–' : format.decimal(row.medianDays, 1)),
      },
    ],
    [t, format, words, currency],
  )
  return (
    <Fetch
      of={answer}
      loading={<Loading rows={8} height={36} />}
      empty={(value) =>
        value.paths.length === 0 ? (
          <NothingThen title={t('path.none')} hint={t('path.noneHint')} since={value.note.since} />
        ) : null
      }
    >
      {(value) => (
        <Stack>
          <DataTable
            testid="paths"
            label={t('measurement.paths')}
            columns={columns}
            rows={value.paths}
            rowKey={(row) => row.steps.join('>')}
            sorted={{ id: 'orders', desc: true }}
          />
          <Text size="sm" c="dimmed">
            {t('path.rest', {
              paths: format.count(value.rest.paths),
              orders: format.count(value.rest.orders),
              revenue: format.money(value.rest.revenue, currency),
            })}
          </Text>
          <Note note={value.note} period={value.period} />
        </Stack>
      )}
    </Fetch>
  )
}
