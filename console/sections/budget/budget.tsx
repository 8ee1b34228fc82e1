import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Button, Group, Select, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { saveCsv } from '../../kit/csv.ts'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page, Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { client, useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Note } from '../measurement/note.tsx'
import { usePeriod } from '../measurement/period.ts'
import { NothingThen } from '../measurement/whole-time.tsx'
import { Entries } from './entries.tsx'
import { Plan } from './plan.tsx'
import { Planner } from './planner.tsx'
import { Reach } from './reach.tsx'
import { Roi } from './roi.tsx'

type Answer = AnswerOf<typeof api.budget.overview>

/** Where the money goes and what comes back. */
export function Budget(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  useLiveAnswers(['measurement'])
  return (
    <Page title={t('nav.budget')} hint={t('hint.budget')}>
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) => change({ tab, channel: undefined })}
        tabs={[
          { value: 'overview', label: t('budget.overview'), panel: () => <Overview /> },
          { value: 'roi', label: t('budget.roi'), panel: () => <Roi /> },
          { value: 'reach', label: t('budget.reach'), panel: () => <Reach /> },
          { value: 'planner', label: t('budget.planner'), panel: () => <Planner /> },
          { value: 'plan', label: t('budget.plan'), panel: () => <Plan /> },
          { value: 'entries', label: t('budget.entries'), panel: () => <Entries /> },
        ]}
      />
    </Page>
  )
}

function Overview(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  const period = usePeriod()
  const query = { ...period, ...(filters.currency === undefined ? {} : { currency: filters.currency }) }
  const answer = useAnswer(api.budget.overview, { query }, { keep: true })
  async function save(): Promise<void> {
    const file = await client.call(api.budget.exportCsv, { query })
    saveCsv(file.fileName, file.csv)
  }
  const currencies = answer.data?.currencies ?? []
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          { name: 'from', label: t('measurement.from'), kind: 'day' },
          { name: 'to', label: t('measurement.to'), kind: 'day' },
        ]}
        end={
          <>
            {currencies.length < 2 ? null : (
              <Select
                w={110}
                label={t('budget.currency')}
                allowDeselect={false}
                value={answer.data?.note.currency ?? null}
                onChange={(currency) => change({ currency: currency ?? undefined })}
                data={currencies}
              />
            )}
            <Button variant="default" leftSection={<IconDownload size={15} aria-hidden />} onClick={() => void save()}>
              CSV
            </Button>
          </>
        }
      />
      <Fetch
        of={answer}
        loading={<Loading rows={8} height={40} />}
        empty={(value) =>
          value.channels.length === 0 ? (
            <NothingThen
              title={t('budget.none')}
              hint={t('budget.noneHint')}
              since={value.note.since}
              other={
                <ScreenLink to="/ingest" search={{ tab: 'imports' }}>
                  {t('ingest.imports')}
                </ScreenLink>
              }
            />
          ) : null
        }
      >
        {(value) => <Returns answer={value} />}
      </Fetch>
    </Stack>
  )
}

function Returns(props: { answer: Answer }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { currency: houseCurrency } = useSession()
  const { answer } = props
  const currency = answer.note.currency ?? houseCurrency
  const money = (amount: number): string => format.money(amount, currency)
  const since = `${format.date(answer.period.from)} – ${format.date(answer.period.to)}`
  const columns = useMemo(
    (): Column<Answer['channels'][number]>[] => [
      {
        id: 'channel',
        header: t('measurement.channel'),
        sort: (row) => row.channel,
        cell: (row) => (
          <Group gap={6}>
            {words('media', row.channel)}
            {row.measuredBy === 'none' ? (
              <Badge size="xs" variant="light" color="gray" tt="none" title={t('budget.notMeasuredMeaning')}>
                {t('budget.notMeasured')}
              </Badge>
            ) : null}
          </Group>
        ),
      },
      {
        id: 'spend',
        header: t('budget.spend'),
        width: 140,
        align: 'right',
        sort: (row) => row.spend,
        cell: (row) => format.money(row.spend, currency),
      },
      {
        id: 'share',
        header: t('budget.share'),
        width: 90,
        align: 'right',
        sort: (row) => row.shareOfSpend,
        cell: (row) => format.percent(row.shareOfSpend),
      },
      {
        id: 'planned',
        header: t('budget.planned'),
        width: 110,
        align: 'right',
        sort: (row) => row.planned,
        cell: (row) => (row.planned === null ? '–' : format.money(row.planned, currency)),
      },
      {
        id: 'revenue',
        header: t('budget.revenue'),
        width: 150,
        align: 'right',
        sort: (row) => row.revenue,
        cell: (row) => (row.measuredBy === 'none' ? '–' : format.money(row.revenue, currency)),
      },
      {
        id: 'orders',
        header: t('measurement.orders'),
        width: 130,
        align: 'right',
        sort: (row) => row.orders,
        cell: (row) => (row.measuredBy === 'none' ? '–' : format.count(row.orders)),
      },
      {
        id: 'roas',
        header: 'ROAS',
        width: 90,
        align: 'right',
        sort: (row) => row.roas,
        cell: (row) => (row.roas === null || row.measuredBy === 'none' ? '–' : format.decimal(row.roas)),
      },
      {
        id: 'impressions',
        header: t('budget.impressions'),
        width: 150,
        align: 'right',
        sort: (row) => row.impressions,
        cell: (row) => format.count(row.impressions),
      },
      {
        id: 'clicks',
        header: t('budget.clicks'),
        width: 100,
        align: 'right',
        sort: (row) => row.clicks,
        cell: (row) => format.count(row.clicks),
      },
    ],
    [t, format, words, currency],
  )
  const campaignColumns = useMemo(
    (): Column<Answer['campaigns'][number]>[] => [
      { id: 'campaign', header: t('measurement.campaign'), sort: (row) => row.campaign, cell: (row) => row.campaign },
      {
        id: 'channel',
        header: t('measurement.channel'),
        width: 160,
        sort: (row) => row.channel,
        cell: (row) => words('media', row.channel),
      },
      {
        id: 'spend',
        header: t('budget.spend'),
        width: 140,
        align: 'right',
        sort: (row) => row.spend,
        cell: (row) => format.money(row.spend, currency),
      },
      {
        id: 'revenue',
        header: t('budget.revenue'),
        width: 172,
        align: 'right',
        sort: (row) => row.revenue,
        cell: (row) => format.money(row.revenue, currency),
      },
      {
        id: 'roas',
        header: 'ROAS',
        width: 90,
        align: 'right',
        sort: (row) => row.roas,
        cell: (row) => (row.roas === null ? '–' : format.decimal(row.roas)),
      },
    ],
    [t, format, words, currency],
  )
  const measure = useMeasure()
  const weeks = answer.weeks.map((week) => format.date(week))
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 3 }}>
        <StatCard
          label={t('budget.spend')}
          value={money(answer.totals.spend)}
          definition={t('budget.spendMeaning')}
          since={since}
          testid="total-spend"
        />
        <StatCard
          label={t('budget.revenue')}
          value={money(answer.totals.revenue)}
          definition={t('budget.revenueMeaning', { source: answer.revenueSource })}
          since={since}
          hint={t('today.orders', { count: Math.round(answer.totals.orders) })}
          testid="total-revenue"
        />
        <StatCard
          label="ROAS"
          value={answer.totals.roas === null ? '–' : format.decimal(answer.totals.roas)}
          definition={t('budget.roasMeaning')}
          since={since}
          testid="total-roas"
        />
      </SimpleGrid>
      <Panel
        title={t('budget.perWeek')}
        definition={t(`budget.${measure.chosen}Meaning`, { source: answer.revenueSource })}
        actions={measure.control}
      >
        <Chart
          label={t('budget.perWeek')}
          fileName={`einklang-${measure.chosen}`}
          height={320}
          categories={weeks}
          format={measure.chosen === 'roas' ? (value) => format.decimal(value) : money}
          formatAxis={
            measure.chosen === 'roas'
              ? (value) => format.decimal(value, 1)
              : (value) => format.shortMoney(value, currency)
          }
          series={answer.series
            .filter((one) => one[measure.chosen].some((value) => value !== null && value !== 0))
            .map((one) => ({
              name: words('media', one.channel),
              kind: measure.chosen === 'roas' ? 'line' : 'bar',
              ...(measure.chosen === 'roas' ? {} : { stack: 'weeks' }),
              values: one[measure.chosen],
            }))}
        />
      </Panel>
      <DataTable
        testid="budget-channels"
        label={t('measurement.channels')}
        columns={columns}
        rows={answer.channels}
        rowKey={(row) => row.channel}
        sorted={{ id: 'spend', desc: true }}
      />
      {answer.campaigns.length === 0 ? null : (
        <>
          <Text fw={600}>{t('measurement.campaigns')}</Text>
          <DataTable
            label={t('measurement.campaigns')}
            columns={campaignColumns}
            rows={answer.campaigns}
            rowKey={(row) => `${row.channel}/${row.campaign}`}
            sorted={{ id: 'spend', desc: true }}
            height={420}
          />
        </>
      )}
      <Note note={answer.note} period={answer.period} />
    </Stack>
  )
}

type Measure = 'spend' | 'revenue' | 'roas'

function useMeasure(): { chosen: Measure; control: ReactNode } {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  const chosen = (filters.show ?? 'spend') as Measure
  return {
    chosen,
    control: (
      <Select
        size="xs"
        w={190}
        aria-label={t('budget.show')}
        allowDeselect={false}
        value={chosen}
        onChange={(value) => change({ show: value === 'spend' ? undefined : (value ?? undefined) })}
        data={[
          { value: 'spend', label: t('budget.spend') },
          { value: 'revenue', label: t('budget.revenue') },
          { value: 'roas', label: 'ROAS' },
        ]}
      />
    ),
  }
}
