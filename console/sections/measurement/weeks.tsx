import { api } from '@einklang/contract'
import { Group, SegmentedControl, Select, Stack } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Note } from './note.tsx'
import { usePeriod } from './period.ts'
import { NothingThen } from './whole-time.tsx'

/** Revenue per week by the channel that got the credit, and by where it was sold. */
export function Weeks(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { currency: houseCurrency } = useSession()
  const [filters, change] = useFilters()
  const period = usePeriod()
  const model = filters.model ?? 'last_nondirect'
  const view = filters.view === 'sold' ? 'sold' : 'credited'
  const weeks = useAnswer(
    api.measurement.weeks,
    { query: { ...period, model: model as 'last_nondirect' } },
    { keep: true },
  )
  return (
    <Stack>
      <Group align="flex-end">
        <SegmentedControl
          value={view}
          aria-label={t('measurement.weeks')}
          onChange={(value) => change({ view: value === 'sold' ? 'sold' : undefined })}
          data={[
            { value: 'credited', label: t('measurement.byCredit') },
            { value: 'sold', label: t('measurement.bySold') },
          ]}
        />
        {view === 'sold' ? null : (
          <Select
            w={240}
            label={t('measurement.model')}
            allowDeselect={false}
            value={model}
            onChange={(value) => change({ model: value ?? undefined })}
            data={['first', 'last', 'last_nondirect', 'linear'].map((value) => ({
              value,
              label: words('model', value),
            }))}
          />
        )}
      </Group>
      <Fetch
        of={weeks}
        loading={<Loading rows={8} height={40} />}
        empty={(value) =>
          value.sold.every((one) => one.orders.every((orders) => orders === 0)) ? (
            <NothingThen title={t('measurement.none')} hint={t('measurement.noneHint')} since={value.note.since} />
          ) : null
        }
      >
        {(value) => {
          const currency = value.note.currency ?? houseCurrency
          const series =
            view === 'sold'
              ? value.sold.map((one) => ({ name: words('channel', one.soldVia), revenue: one.revenue }))
              : value.credited.map((one) => ({ name: words('media', one.channel), revenue: one.revenue }))
          return (
            <Stack>
              <Panel title={t('measurement.weeks')} definition={value.note.definition}>
                <Chart
                  label={t('measurement.weeks')}
                  fileName="einklang-weeks"
                  height={380}
                  categories={value.weeks.map((week) => format.date(week))}
                  format={(amount) => format.money(amount, currency)}
                  formatAxis={(amount) => format.shortMoney(amount, currency)}
                  series={series.map((one) => ({
                    name: one.name,
                    kind: 'bar',
                    stack: 'revenue',
                    values: one.revenue,
                  }))}
                />
              </Panel>
              <Note note={value.note} period={value.period} />
            </Stack>
          )
        }}
      </Fetch>
    </Stack>
  )
}
