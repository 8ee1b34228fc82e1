import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { Alert, Button, Group, Select, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconDownload, IconRefresh } from '@tabler/icons-react'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { csvOf, saveCsv } from '../../kit/csv.ts'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useNames } from '../../shell/names.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { BehindForecasts } from './behind.tsx'
import { Note } from './note.tsx'

type Answer = AnswerOf<typeof api.measurement.customerValue>
type Best = AnswerOf<typeof api.measurement.bestCustomers>['items'][number]

/** What customers will buy, who the best are, and whether the model still fits. */
export function Customers(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const answer = useAnswer(api.measurement.customerValue)
  const refit = useDeed(api.measurement.refitCustomerValue, { refresh: ['measurement'], done: t('measurement.queued') })
  const again = may(api.measurement.refitCustomerValue) ? (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconRefresh size={14} aria-hidden />}
      loading={refit.pending}
      onClick={() => void refit.run({})}
    >
      {t('customerValue.refit')}
    </Button>
  ) : null
  return (
    <Stack>
      <Group justify="flex-end">{again}</Group>
      <Fetch
        of={answer}
        loading={<Loading rows={8} height={40} />}
        empty={(value) =>
          value.model === null ? (
            <Empty title={t('customerValue.none')} hint={value.error ?? t('customerValue.noneHint')} />
          ) : null
        }
      >
        {(value) => <Values answer={value} />}
      </Fetch>
    </Stack>
  )
}

function Values(props: { answer: Answer }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { currency: houseCurrency } = useSession()
  const { answer } = props
  const currency = answer.note.currency ?? houseCurrency
  const { sums, drift, model } = answer
  const since = answer.until === null ? '' : t('customerValue.until', { day: format.date(answer.until) })
  return (
    <Stack>
      {drift?.alarm ? (
        <Alert
          color="red"
          icon={<IconAlertTriangle aria-hidden />}
          title={t('customerValue.drift')}
          data-testid="drift"
        >
          {t('customerValue.driftText', {
            weeks: drift.weeks,
            actual: format.count(Math.round(drift.actual)),
            expected: format.count(Math.round(drift.expected)),
          })}
        </Alert>
      ) : null}
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        <StatCard
          label={t('customerValue.customers')}
          value={format.count(answer.customers)}
          definition={t('customerValue.customersMeaning')}
          since={since}
        />
        <StatCard
          label={t('customerValue.active')}
          value={sums === null ? '–' : format.count(Math.round(sums.alive))}
          definition={t('customerValue.activeMeaning')}
          since={since}
        />
        <StatCard
          label={t('customerValue.purchases')}
          value={sums === null ? '–' : format.count(Math.round(sums.purchases))}
          definition={t('customerValue.purchasesMeaning')}
          since={t('customerValue.nextYear')}
        />
        <StatCard
          label={t('customerValue.value')}
          value={sums === null || sums.value === null ? '–' : format.money(sums.value, currency)}
          definition={t('customerValue.valueMeaning')}
          since={t('customerValue.nextYear')}
        />
      </SimpleGrid>
      {model?.withoutValue ? <Alert color="yellow">{model.withoutValue}</Alert> : null}
      {drift === null ? null : (
        <Panel
          title={t('customerValue.lookBack', { weeks: drift.weeks })}
          definition={t('customerValue.lookBackMeaning')}
        >
          <Chart
            label={t('customerValue.lookBack', { weeks: drift.weeks })}
            fileName="einklang-customer-value-check"
            categories={drift.tenths.map((_, index) => t('customerValue.tenth', { number: index + 1 }))}
            format={(value) => format.count(Math.round(value))}
            series={[
              { name: t('customerValue.expected'), kind: 'bar', values: drift.tenths.map((one) => one.expected) },
              { name: t('customerValue.actual'), kind: 'bar', values: drift.tenths.map((one) => one.actual) },
            ]}
          />
        </Panel>
      )}
      <BestOnes currency={currency} />
      {model === null ? null : (
        <Text size="xs" c="dimmed">
          {model.because ?? t('customerValue.model', { name: model.name })}
        </Text>
      )}
      <Note note={answer.note} />
    </Stack>
  )
}

function BestOnes(props: { currency: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const may = useMay()
  const [filters, change] = useFilters()
  const by = (filters.best ?? 'value') as 'value' | 'purchases' | 'alive'
  const best = usePages(api.measurement.bestCustomers, { query: { by, limit: 50 } })
  const nameOf = useNames(best.data?.map((row) => row.person as PersonId) ?? [])
  const mayView = may(api.profile.view)
  const { currency } = props
  const columns = useMemo((): Column<Best>[] => {
    const three = (of: { value: number; low: number; high: number }, show: (value: number) => string) => (
      <>
        {show(of.value)}
        <Text size="xs" c="dimmed">
          {show(of.low)} – {show(of.high)}
        </Text>
      </>
    )
    return [
      {
        id: 'person',
        header: t('customerValue.customer'),
        cell: (row) =>
          mayView ? (
            <PersonLink person={row.person} name={nameOf(row.person as PersonId) ?? t('person.anonymous')} />
          ) : (
            row.person.slice(0, 8)
          ),
      },
      {
        id: 'value',
        header: t('customerValue.value'),
        width: 200,
        align: 'right',
        cell: (row) =>
          row.value === null ? '–' : three(row.value, (value) => format.money(Math.round(value), currency)),
      },
      {
        id: 'purchases',
        header: t('customerValue.purchases'),
        width: 170,
        align: 'right',
        cell: (row) => three(row.purchases, (value) => format.decimal(value, 1)),
      },
      {
        id: 'alive',
        header: t('customerValue.alive'),
        width: 170,
        align: 'right',
        cell: (row) => three(row.alive, (value) => format.percent(value)),
      },
    ]
  }, [t, format, currency, mayView, nameOf])
  function save(): void {
    const csv = csvOf(
      [
        'person',
        'value',
        'value_low',
        'value_high',
        'purchases',
        'purchases_low',
        'purchases_high',
        'alive',
        'alive_low',
        'alive_high',
      ],
      (best.data ?? []).map((row) => [
        row.person,
        ...[row.value, row.purchases, row.alive].flatMap((one) =>
          one === null ? [null, null, null] : [one.value, one.low, one.high],
        ),
      ]),
    )
    saveCsv('einklang-best-customers.csv', csv)
  }
  return (
    <Panel
      title={t('customerValue.best')}
      definition={t('customerValue.bestMeaning')}
      actions={
        <Group gap="xs">
          <Select
            size="xs"
            aria-label={t('customerValue.sortBy')}
            allowDeselect={false}
            value={by}
            onChange={(value) => change({ best: value === 'value' || value === null ? undefined : value })}
            data={(['value', 'purchases', 'alive'] as const).map((value) => ({
              value,
              label: t(`customerValue.${value}`),
            }))}
          />
          <Button size="xs" variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={save}>
            CSV
          </Button>
        </Group>
      }
    >
      <BehindForecasts />
      <Fetch
        of={best}
        loading={<Loading rows={8} height={40} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('customerValue.none')} hint={t('customerValue.noneHint')} /> : null
        }
      >
        {(rows) => (
          <Stack>
            <DataTable
              testid="best-customers"
              label={t('customerValue.best')}
              columns={columns}
              rows={rows}
              rowKey={(row) => row.person}
            />
            <LoadMore of={best} />
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}
