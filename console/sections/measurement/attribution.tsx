import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Button, Group, List, MultiSelect, Select, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { saveCsv } from '../../kit/csv.ts'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { client, useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { ExperimentsBeside } from './compared.tsx'
import { Segments, SoldVia } from './filters.tsx'
import { Note } from './note.tsx'
import { usePeriod } from './period.ts'
import { KeptState, Reports } from './reports.tsx'
import { NothingThen } from './whole-time.tsx'

type Answer = AnswerOf<typeof api.measurement.attribution>
type Row = Answer['rows'][number]

const kinds = ['campaign', 'message', 'keyword', 'store', 'brand'] as const
type By = 'channel' | (typeof kinds)[number]
const usual = 'first,last,last_nondirect,linear'

export function Attribution(props: { by: 'channel' | 'campaign' }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [filters, change] = useFilters()
  const period = usePeriod()
  const by: By = props.by === 'channel' ? 'channel' : ((filters.by ?? 'campaign') as By)
  const chosen = (filters.models ?? usual).split(',')
  const query = {
    ...period,
    by,
    order: (filters.order ?? '1') as 'auto',
    ...(filters.segment === undefined ? {} : { segment: filters.segment as never }),
    models: chosen.join(','),
    ...(filters.soldVia === undefined ? {} : { soldVia: filters.soldVia as 'web' }),
  }
  const answer = useAnswer(api.measurement.attribution, { query }, { keep: true })
  const report = filters.report === undefined ? undefined : Number(filters.report)

  async function save(): Promise<void> {
    const file = await client.call(api.measurement.attributionCsv, { query })
    saveCsv(file.fileName, file.csv)
  }

  return (
    <Stack>
      <Group align="flex-end" wrap="wrap">
        <MultiSelect
          size="sm"
          miw={300}
          label={t('measurement.models')}
          value={chosen}
          onChange={(value) =>
            change({ models: value.length === 0 || value.join(',') === usual ? undefined : value.join(',') })
          }
          data={api.measurement.attributionModels.map((value) => ({ value, label: words('model', value) }))}
          data-testid="models"
        />
        <SoldVia />
        <Segments />
        {props.by === 'channel' ? null : (
          <Select
            size="sm"
            w={160}
            allowDeselect={false}
            label={t('measurement.by')}
            value={by}
            onChange={(value) => change({ by: value === 'campaign' || value === null ? undefined : value })}
            data={kinds.map((value) => ({ value, label: t(`measurement.by_${value}`) }))}
            data-testid="by"
          />
        )}
        {chosen.includes('markov') ? (
          <Select
            size="sm"
            w={150}
            allowDeselect={false}
            label={t('measurement.order')}
            value={filters.order ?? '1'}
            onChange={(value) => change({ order: value === '1' || value === null ? undefined : value })}
            data={['1', '2', '3', 'auto'].map((value) => ({
              value,
              label: value === 'auto' ? t('measurement.orderAuto') : value,
            }))}
          />
        ) : null}
        <Button
          size="sm"
          variant="default"
          leftSection={<IconDownload size={15} aria-hidden />}
          onClick={() => void save()}
        >
          CSV
        </Button>
      </Group>
      <Reports by={by} report={report} query={query} />
      {report === undefined ? null : <KeptState report={report} show={(kept) => <Credits answer={kept} by={by} />} />}
      {report === undefined ? (
        <Fetch
          of={answer}
          loading={<Loading rows={8} height={40} />}
          empty={(value) =>
            value.rows.length === 0 ? (
              <NothingThen title={t('measurement.none')} hint={t('measurement.noneHint')} since={value.note.since} />
            ) : null
          }
        >
          {(value) => <Credits answer={value} by={by} />}
        </Fetch>
      ) : null}
    </Stack>
  )
}

function Credits(props: { answer: Answer; by: By }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { currency: houseCurrency } = useSession()
  const { answer, by } = props
  const currency = answer.note.currency ?? houseCurrency
  const nameOf = (row: Row): string =>
    row.campaign === null ? words('media', row.channel) : `${words('media', row.channel)} · ${row.campaign}`
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'channel',
        header: t(by === 'channel' ? 'measurement.channel' : `measurement.by_${by}`),
        sort: (row) => `${row.channel} ${row.campaign ?? ''}`,
        cell: (row) => (
          <>
            <ScreenLink
              to="/measurement"
              search={(before) => ({
                ...before,
                tab: 'orders',
                channel: row.channel,
                campaign: by === 'campaign' ? (row.campaign ?? undefined) : undefined,
                message: by === 'message' ? (row.campaign ?? undefined) : undefined,
                place: by === 'store' ? (row.campaign ?? undefined) : undefined,
              })}
              title={t('measurement.showOrders')}
            >
              {row.campaign ?? words('media', row.channel)}
            </ScreenLink>
            {row.campaign === null ? null : (
              <Text size="xs" c="dimmed">
                {words('media', row.channel)}
              </Text>
            )}
            {row.tooLittleData ? (
              <Badge size="xs" ml={row.campaign === null ? 6 : 0} variant="light" color="yellow" tt="none">
                {t('measurement.tooLittle')}
              </Badge>
            ) : null}
          </>
        ),
      },
      {
        id: 'touches',
        header: t('measurement.touches'),
        width: 136,
        align: 'right',
        sort: (row) => row.touches,
        cell: (row) => format.count(row.touches),
      },
      {
        id: 'persons',
        header: t('measurement.persons'),
        width: 118,
        align: 'right',
        sort: (row) => row.persons,
        cell: (row) => format.count(row.persons),
      },
      ...answer.models.map(
        (model): Column<Row> => ({
          id: model.model,
          header: words('model', model.model),
          width: 150,
          align: 'right',
          sort: (row) => row.credits.find((credit) => credit.model === model.model)?.revenue ?? null,
          cell: (row) => {
            const credit = row.credits.find((one) => one.model === model.model)
            if (credit === undefined) return '–'
            return (
              <>
                {format.money(credit.revenue, currency)}
                <Text size="xs" c="dimmed">
                  {credit.low === null || credit.high === null
                    ? format.percent(credit.share)
                    : `${format.percent(credit.share)} (${format.percent(credit.low)}–${format.percent(credit.high)})`}
                </Text>
              </>
            )
          },
        }),
      ),
      ...(answer.rows.some((row) => foundFor(answer, row) !== undefined)
        ? [
            {
              id: 'experiment',
              header: t('compared.column'),
              width: 150,
              align: 'right' as const,
              sort: (row: Row) => foundFor(answer, row)?.found.value ?? null,
              cell: (row: Row) => {
                const one = foundFor(answer, row)
                if (one === undefined) return '–'
                return (
                  <>
                    {format.money(Math.round(one.found.value), currency)}
                    <Text size="xs" c="dimmed">
                      {format.shortMoney(Math.round(one.found.low), currency)} –{' '}
                      {format.shortMoney(Math.round(one.found.high), currency)}
                    </Text>
                  </>
                )
              },
            },
          ]
        : []),
    ],
    [t, format, words, answer, by, currency],
  )
  const first = answer.models[0]?.model
  const largest = [...answer.rows]
    .sort((a, b) => revenueOf(b, first) - revenueOf(a, first))
    .slice(0, by === 'channel' ? 14 : 10)
  const { totals } = answer
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        <StatCard
          label={t('measurement.revenue')}
          value={format.money(totals.revenue, currency)}
          definition={t('measurement.revenueMeaning')}
          since={`${format.date(answer.period.from)} – ${format.date(answer.period.to)}`}
          hint={t('today.orders', { count: totals.orders })}
        />
        <StatCard
          label={t('measurement.withTouch')}
          value={format.money(totals.withTouch.revenue, currency)}
          definition={t('measurement.withTouchMeaning')}
          since={t('today.orders', { count: totals.withTouch.orders })}
        />
        <StatCard
          label={t('measurement.withoutTouch')}
          value={format.money(totals.withoutTouch.revenue, currency)}
          definition={t('measurement.withoutTouchMeaning')}
          since={t('today.orders', { count: totals.withoutTouch.orders })}
        />
        <StatCard
          label={t('measurement.unknown')}
          value={format.percent(totals.unknown.share)}
          definition={t('measurement.unknownMeaning')}
          since={t('today.orders', { count: totals.unknown.orders })}
        />
      </SimpleGrid>
      <Panel
        title={t(by === 'channel' ? 'measurement.compare' : 'measurement.compareCampaigns')}
        definition={answer.models.map((model) => `${words('model', model.model)}: ${model.definition}`).join(' ')}
        testid="model-chart"
      >
        <Chart
          label={t('measurement.compare')}
          fileName={`einklang-attribution-${by}`}
          height={Math.max(260, 60 + largest.length * (14 + 9 * answer.models.length))}
          horizontal
          categories={largest.map(nameOf)}
          format={(amount) => format.money(amount, currency)}
          formatAxis={(amount) => format.shortMoney(amount, currency)}
          series={answer.models.map((model) => ({
            name: words('model', model.model),
            kind: 'bar',
            values: largest.map((row) => revenueOf(row, model.model)),
          }))}
        />
        {answer.why.length === 0 ? null : (
          <>
            <Text size="sm" fw={600} mt="sm">
              {t('measurement.differences')}
            </Text>
            <List size="sm">
              {answer.why.map((one) => {
                const row = answer.rows.find((found) => found.key === one.key)
                return (
                  <List.Item key={one.key}>
                    {t('measurement.difference', {
                      name: row === undefined ? one.key : nameOf(row),
                      high: format.percent(one.high.share),
                      highModel: words('model', one.high.model),
                      low: format.percent(one.low.share),
                      lowModel: words('model', one.low.model),
                    })}
                    {one.reason === null ? null : ` ${t(`measurement.reason_${one.reason}`)}`}
                  </List.Item>
                )
              })}
            </List>
          </>
        )}
        {answer.markovOrder === null ? null : (
          <Text size="xs" c="dimmed" mt="xs">
            {t('measurement.orderUsed', { count: answer.markovOrder })}
          </Text>
        )}
      </Panel>
      <DataTable
        testid="attribution"
        label={t('measurement.channels')}
        columns={columns}
        rows={answer.rows}
        rowKey={(row) => row.key}
        {...(first === undefined ? {} : { sorted: { id: first, desc: true } })}
      />
      <ExperimentsBeside answer={answer} currency={currency} />
      <Note note={answer.note} period={answer.period} />
    </Stack>
  )
}

/** The newest experiment about exactly this row. */
function foundFor(answer: Answer, row: Row): Answer['compared'][number] | undefined {
  return answer.compared.find((one) =>
    row.campaign === null
      ? one.campaign === null && one.channel === row.channel
      : one.campaign?.toLowerCase() === row.campaign.toLowerCase() &&
        (one.channel === null || one.channel === row.channel),
  )
}

function revenueOf(row: Row, model: string | undefined): number {
  return row.credits.find((credit) => credit.model === model)?.revenue ?? 0
}
