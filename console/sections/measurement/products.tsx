import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Button, Group, Select, SimpleGrid, Stack, Text } from '@mantine/core'
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
import { SoldVia } from './filters.tsx'
import { Note } from './note.tsx'
import { usePeriod } from './period.ts'
import { NothingThen } from './whole-time.tsx'

type Answer = AnswerOf<typeof api.measurement.products>
type Row = Answer['rows'][number]
type Parts = AnswerOf<typeof api.measurement.product>

const kinds = ['product', 'article', 'brand', 'category'] as const
type By = (typeof kinds)[number]
type Demand = Pick<Row, 'corrected' | 'share' | 'missed'>

/** What people wanted: sold and looked at, corrected for the time it could not be had. */
export function Products(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  const period = usePeriod()
  const by = (filters.productsBy ?? 'product') as By
  const query = {
    ...period,
    by,
    ...(filters.soldVia === undefined ? {} : { soldVia: filters.soldVia as 'web' }),
  }
  const answer = useAnswer(api.measurement.products, { query }, { keep: true })

  async function save(): Promise<void> {
    const file = await client.call(api.measurement.productsCsv, { query })
    saveCsv(file.fileName, file.csv)
  }

  return (
    <Stack>
      <Group align="flex-end" wrap="wrap">
        <Select
          size="sm"
          w={180}
          allowDeselect={false}
          label={t('products.by')}
          value={by}
          onChange={(value) =>
            change({ productsBy: value === 'product' || value === null ? undefined : value, product: undefined })
          }
          data={kinds.map((value) => ({ value, label: t(`products.by_${value}`) }))}
          data-testid="products-by"
        />
        <SoldVia />
        <Button
          size="sm"
          variant="default"
          leftSection={<IconDownload size={15} aria-hidden />}
          onClick={() => void save()}
        >
          CSV
        </Button>
      </Group>
      {filters.product === undefined ? null : (
        <Detail query={{ ...query, key: filters.product }} rows={answer.data?.rows ?? []} />
      )}
      <Fetch
        of={answer}
        loading={<Loading rows={8} height={40} />}
        empty={(value) =>
          value.rows.length === 0 ? (
            <NothingThen title={t('products.none')} hint={t('products.noneHint')} since={value.note.since} />
          ) : null
        }
      >
        {(value) => <Wanted answer={value} by={by} />}
      </Fetch>
    </Stack>
  )
}

type Told = Demand & { units: number; views: number | null; viewsSoldOut: number | null }

/** Columns that every table of products has. */
function useDemandColumns<Of extends Told>(): { [name in 'units' | 'share' | 'corrected' | 'views']: Column<Of> } {
  const { t } = useTranslation()
  const format = useFormat()
  return useMemo(
    () => ({
      units: {
        id: 'units',
        header: t('products.sold'),
        width: 110,
        align: 'right',
        sort: (row) => row.units,
        cell: (row) => format.count(row.units),
      },
      share: {
        id: 'share',
        header: t('products.inStock'),
        width: 110,
        align: 'right',
        sort: (row) => row.share,
        cell: (row) => (row.share === null ? '–' : format.percent(row.share)),
      },
      corrected: {
        id: 'corrected',
        header: t('products.corrected'),
        width: 150,
        align: 'right',
        sort: (row) => row.corrected?.value ?? null,
        cell: ({ corrected }) =>
          corrected === null ? (
            <Text size="xs" c="dimmed">
              {t('products.unknown')}
            </Text>
          ) : (
            <>
              {format.decimal(corrected.value, corrected.value < 20 ? 1 : 0)}
              <Text size="xs" c="dimmed">
                {format.decimal(corrected.low, corrected.value < 20 ? 1 : 0)} –{' '}
                {format.decimal(corrected.high, corrected.value < 20 ? 1 : 0)}
              </Text>
            </>
          ),
      },
      views: {
        id: 'views',
        header: t('products.views'),
        width: 125,
        align: 'right',
        sort: (row) => row.views,
        cell: (row) => (
          <>
            {format.count(row.views ?? 0)}
            {row.viewsSoldOut === null || row.viewsSoldOut === 0 ? null : (
              <Text size="xs" c="dimmed">
                {t('products.soldOut', { count: row.viewsSoldOut, shown: format.count(row.viewsSoldOut) })}
              </Text>
            )}
          </>
        ),
      },
    }),
    [t, format],
  )
}

function Wanted(props: { answer: Answer; by: By }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const common = useDemandColumns<Row>()
  const [filters, change] = useFilters()
  const { answer, by } = props
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'rank',
        header: t('products.rank'),
        width: 100,
        align: 'right',
        sort: (row) => row.rank,
        cell: (row) => (
          <Group gap={6} justify="flex-end" wrap="nowrap">
            {row.rank === row.rankSold ? null : (
              <Badge size="xs" variant="light" color={row.rank < row.rankSold ? 'teal' : 'gray'} tt="none">
                {row.rank < row.rankSold ? '▲' : '▼'} {Math.abs(row.rankSold - row.rank)}
              </Badge>
            )}
            {format.count(row.rank)}
          </Group>
        ),
      },
      {
        id: 'name',
        header: t(`products.by_${by}`),
        sort: (row) => row.name,
        cell: (row) => (
          <>
            {row.name === '' ? t('products.noName') : row.name}
            <Text size="xs" c="dimmed" truncate>
              {[
                row.of,
                row.brand,
                row.category,
                row.articles > 1 ? t('products.articles', { count: row.articles }) : null,
              ]
                .filter((part) => part !== null && part !== '')
                .join(' · ')}
            </Text>
          </>
        ),
      },
      common.units,
      {
        ...common.share,
        cell: (row) =>
          row.daysInStock === null ? (
            '–'
          ) : (
            <>
              {common.share.cell(row)}
              <Text size="xs" c="dimmed">
                {t('products.days', { count: Math.round(row.daysInStock) })}
              </Text>
            </>
          ),
      },
      {
        id: 'perDay',
        header: t('products.perDay'),
        width: 120,
        align: 'right',
        sort: (row) => row.perDay?.value ?? null,
        cell: (row) => (row.perDay === null ? '–' : format.decimal(row.perDay.value, 2)),
      },
      common.corrected,
      {
        id: 'missed',
        header: t('products.missedShort'),
        width: 130,
        align: 'right',
        sort: (row) => row.missed,
        cell: (row) => (row.missed === null ? '–' : format.decimal(row.missed, 1)),
      },
      common.views,
      {
        id: 'viewsPerDay',
        header: t('products.viewsPerDay'),
        width: 120,
        align: 'right',
        sort: (row) => row.viewsPerDay,
        cell: (row) => (row.viewsPerDay === null ? '–' : format.decimal(row.viewsPerDay, 2)),
      },
    ],
    [t, format, common, by],
  )
  const top = answer.rows.filter((row) => row.units > 0 || row.corrected !== null).slice(0, 12)
  const told = answer.rows.filter((row) => row.corrected !== null)
  const missed = told.reduce((sum, row) => sum + (row.missed ?? 0), 0)
  const units = told.reduce((sum, row) => sum + row.units, 0)
  const soldOut = answer.rows.reduce((sum, row) => sum + (row.viewsSoldOut ?? 0), 0)
  const whole = `${format.date(answer.period.from)} – ${format.date(answer.period.to)}`
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        <StatCard
          label={t('products.units')}
          value={format.count(answer.rows.reduce((sum, row) => sum + row.units, 0))}
          definition={t('products.unitsMeaning')}
          since={whole}
        />
        <StatCard
          label={t('products.missed')}
          value={told.length === 0 ? '–' : format.count(Math.round(missed))}
          definition={t('products.missedMeaning')}
          since={
            told.length === 0
              ? t('products.unknown')
              : t('products.missedOf', { share: format.percent(missed / Math.max(1, units + missed)) })
          }
        />
        <StatCard
          label={t('products.soldOutViews')}
          value={answer.stock.since === null ? '–' : format.count(soldOut)}
          definition={t('products.soldOutMeaning')}
          since={whole}
        />
        <StatCard
          label={t('products.history')}
          value={format.percent(answer.stock.articles / Math.max(1, answer.stock.ofArticles))}
          definition={t('products.historyMeaning')}
          since={
            answer.stock.since === null
              ? t('products.noHistory')
              : t('measurement.since', { day: format.date(answer.stock.since.slice(0, 10)) })
          }
        />
      </SimpleGrid>
      {top.length === 0 ? null : (
        <Panel title={t('products.title')} definition={answer.note.definition} testid="products-chart">
          <Chart
            label={t('products.title')}
            fileName={`einklang-products-${by}`}
            height={Math.max(220, 70 + top.length * 30)}
            horizontal
            categories={top.map((row) => [row.name, row.of].filter((part) => part !== null).join(' '))}
            format={(value) => format.decimal(value, 0)}
            series={[
              { name: t('products.units'), kind: 'bar', stack: 'wanted', values: top.map((row) => row.units) },
              { name: t('products.missed'), kind: 'bar', stack: 'wanted', values: top.map((row) => row.missed ?? 0) },
            ]}
          />
        </Panel>
      )}
      <DataTable
        testid="products"
        label={t('products.title')}
        columns={columns}
        rows={answer.rows}
        rowKey={(row) => row.key}
        onOpen={(row) => change({ product: row.key })}
        selected={filters.product}
      />
      {answer.found > answer.rows.length ? (
        <Text size="xs" c="dimmed">
          {t('products.shown', { shown: format.count(answer.rows.length), of: format.count(answer.found) })}
        </Text>
      ) : null}
      <Note note={answer.note} period={answer.period} />
    </Stack>
  )
}

function Detail(props: {
  query: { by: By; key: string; from?: string; to?: string; soldVia?: 'web' }
  rows: Row[]
}): ReactNode {
  const { t } = useTranslation()
  const [, change] = useFilters()
  const { query } = props
  const parts = useAnswer(api.measurement.product, { query }, { keep: true })
  const row = props.rows.find((one) => one.key === query.key)
  return (
    <Panel
      title={[row?.name ?? query.key, row?.of].filter((part) => part != null).join(' · ')}
      definition={t('products.partsMeaning')}
      testid="product-parts"
      actions={
        <Button size="xs" variant="subtle" onClick={() => change({ product: undefined })}>
          {t('journeyMap.close')}
        </Button>
      }
    >
      <Fetch of={parts} loading={<Loading rows={4} height={60} />}>
        {(value) => <TakenApart parts={value} />}
      </Fetch>
    </Panel>
  )
}

type Part = Told & { id: string; name: string }

function TakenApart(props: { parts: Parts }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const common = useDemandColumns<Part>()
  const { parts } = props
  const columns = (name: string, withViews: boolean): Column<Part>[] => [
    { id: 'name', header: name, sort: (row) => row.name, cell: (row) => row.name },
    common.units,
    common.share,
    common.corrected,
    ...(withViews ? [common.views] : []),
  ]
  return (
    <Stack>
      <Chart
        label={t('products.byDay')}
        fileName="einklang-product-days"
        height={220}
        categories={parts.days.map(({ day }) => format.date(day))}
        format={(value) => format.decimal(value, 0)}
        formatRight={(value) => format.percent(value)}
        series={[
          { name: t('products.units'), kind: 'bar', values: parts.days.map(({ units }) => units) },
          { name: t('products.views'), kind: 'line', values: parts.days.map(({ views }) => views) },
          {
            name: t('products.stocked'),
            kind: 'line',
            right: true,
            values: parts.days.map(({ share }) => share),
          },
        ]}
      />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <DataTable
          testid="product-places"
          label={t('products.place')}
          columns={columns(t('products.place'), false)}
          rows={parts.places.map((row) => ({
            ...row,
            id: row.place,
            name: row.name ?? t('products.online'),
            views: null,
            viewsSoldOut: null,
          }))}
          rowKey={(row) => row.id}
          height={320}
        />
        <DataTable
          testid="product-articles"
          label={t('products.by_article')}
          columns={columns(t('products.by_article'), true)}
          rows={parts.articles.map((row) => ({ ...row, id: row.sku, name: row.of }))}
          rowKey={(row) => row.id}
          height={320}
        />
      </SimpleGrid>
    </Stack>
  )
}
