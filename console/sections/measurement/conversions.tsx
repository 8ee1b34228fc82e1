import { api, type PersonId } from '@einklang/contract'
import { Select, Stack } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useNames } from '../../shell/names.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Credit } from '../profile/path-tab.tsx'
import { BehindOrders } from './behind.tsx'
import { usePeriod } from './period.ts'

/** The orders behind a figure, each with the touches before it. */
export function Conversions(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [filters, change] = useFilters()
  const period = usePeriod()
  const model = filters.model ?? 'last_nondirect'
  const query = {
    ...period,
    model: model as 'last_nondirect',
    ...(filters.channel === undefined ? {} : { channel: filters.channel }),
    ...(filters.campaign === undefined ? {} : { campaign: filters.campaign }),
    ...(filters.message === undefined ? {} : { message: filters.message }),
    ...(filters.place === undefined ? {} : { place: filters.place }),
    ...(filters.soldVia === undefined ? {} : { soldVia: filters.soldVia as 'web' }),
  }
  const orders = usePages(api.measurement.conversions, { query: { ...query, limit: 30 } })
  const nameOf = useNames(orders.data?.map((row) => row.person as PersonId) ?? [])
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          {
            name: 'channel',
            label: t('measurement.channel'),
            kind: 'choice',
            width: 200,
            options: api.measurement.mediaChannels.map((value) => ({ value, label: words('media', value) })),
          },
          { name: 'campaign', label: t('measurement.campaign'), kind: 'text' },
        ]}
        end={
          <Select
            w={220}
            label={t('measurement.model')}
            allowDeselect={false}
            value={model}
            onChange={(value) => change({ model: value ?? undefined })}
            data={['first', 'last', 'last_nondirect', 'linear'].map((value) => ({
              value,
              label: words('model', value),
            }))}
          />
        }
      />
      <BehindOrders query={query} />
      <Fetch
        of={orders}
        loading={<Loading rows={5} height={90} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('measurement.none')} hint={t('measurement.noneHint')} /> : null
        }
      >
        {(rows) => (
          <Stack>
            {rows.map((row) => (
              <div key={row.event}>
                {may(api.profile.view) ? (
                  <PersonLink person={row.person} name={nameOf(row.person as PersonId) ?? t('person.anonymous')} />
                ) : null}
                <Credit conversion={row} model={model} />
              </div>
            ))}
            <LoadMore of={orders} />
          </Stack>
        )}
      </Fetch>
    </Stack>
  )
}
