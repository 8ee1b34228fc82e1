import { api } from '@einklang/contract'
import { Button, Group, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Ago } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { Page } from '../../kit/page.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { Attribution } from './attribution.tsx'
import { Conversions } from './conversions.tsx'
import { Customers } from './customers.tsx'
import { Experiments } from './experiments.tsx'
import { Journeys } from './journeys.tsx'
import { Mix } from './mix.tsx'
import { Paths } from './paths.tsx'
import { Products } from './products.tsx'
import { Weeks } from './weeks.tsx'

/** What worked: credit under several models side by side, and what holdouts prove. */
export function Measurement(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  useLiveAnswers(['measurement'])
  return (
    <Page title={t('nav.measurement')} hint={t('hint.measurement')} actions={<Freshness />}>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          { name: 'from', label: t('measurement.from'), kind: 'day' },
          { name: 'to', label: t('measurement.to'), kind: 'day' },
        ]}
        end={
          <Text size="xs" c="dimmed" pb={10}>
            {t('measurement.default')}
          </Text>
        }
      />
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) =>
          change({
            tab,
            channel: undefined,
            campaign: undefined,
            message: undefined,
            place: undefined,
            flow: undefined,
            product: undefined,
            fit: undefined,
            report: undefined,
          })
        }
        tabs={[
          { value: 'channels', label: t('measurement.channels'), panel: () => <Attribution by="channel" /> },
          { value: 'campaigns', label: t('measurement.campaigns'), panel: () => <Attribution by="campaign" /> },
          { value: 'weeks', label: t('measurement.weeks'), panel: () => <Weeks /> },
          { value: 'experiments', label: t('measurement.experiments'), panel: () => <Experiments /> },
          { value: 'journeys', label: t('measurement.journeys'), panel: () => <Journeys /> },
          { value: 'paths', label: t('measurement.paths'), panel: () => <Paths /> },
          { value: 'products', label: t('measurement.products'), panel: () => <Products /> },
          { value: 'mix', label: t('measurement.mix'), panel: () => <Mix /> },
          { value: 'customers', label: t('measurement.customers'), panel: () => <Customers /> },
          { value: 'orders', label: t('measurement.orders'), panel: () => <Conversions /> },
        ]}
      />
    </Page>
  )
}

function Freshness(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const status = useAnswer(api.measurement.status)
  const refresh = useDeed(api.measurement.refresh, { refresh: ['measurement'], done: t('measurement.queued') })
  return (
    <Group gap="xs">
      <Text size="xs" c="dimmed">
        {status.data === undefined ? null : status.data.running ? (
          t('measurement.running')
        ) : status.data.builtAt === null ? (
          t('measurement.never')
        ) : (
          <>
            {t('measurement.built')} <Ago at={status.data.builtAt} />
          </>
        )}
      </Text>
      {may(api.measurement.refresh) ? (
        <Button
          size="xs"
          variant="default"
          leftSection={<IconRefresh size={14} aria-hidden />}
          loading={refresh.pending}
          onClick={() => void refresh.run({})}
        >
          {t('measurement.refresh')}
        </Button>
      ) : null}
    </Group>
  )
}
