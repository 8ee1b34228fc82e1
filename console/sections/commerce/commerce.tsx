import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Group, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { OrderDrawer } from './order.tsx'
import { ProductDrawer } from './product.tsx'

type Product = AnswerOf<typeof api.commerce.products>['items'][number]
type Order = AnswerOf<typeof api.commerce.orders>['items'][number]
type Cart = AnswerOf<typeof api.commerce.carts>['items'][number]
type Place = AnswerOf<typeof api.commerce.places>['items'][number]

/** What can be bought, where, at what price; what was bought, and what stands in carts. */
export function Commerce(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [filters, change] = useFilters()
  useLiveAnswers(['ingest'])
  return (
    <Page title={t('nav.commerce')} hint={t('hint.commerce')}>
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) => change({ tab, q: undefined, channel: undefined, category: undefined, brand: undefined })}
        tabs={[
          { value: 'products', label: t('commerce.products'), panel: () => <Products /> },
          ...(may(api.commerce.orders)
            ? [
                { value: 'orders', label: t('commerce.orders'), panel: () => <Orders /> },
                { value: 'carts', label: t('commerce.carts'), panel: () => <Carts /> },
              ]
            : []),
          { value: 'places', label: t('commerce.places'), panel: () => <Places /> },
        ]}
      />
      <ProductDrawer sku={filters.sku} onClose={() => change({ sku: undefined })} />
      <OrderDrawer order={filters.order} onClose={() => change({ order: undefined })} />
    </Page>
  )
}

function Products(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const [filters, change] = useFilters()
  const facets = useAnswer(api.commerce.facets)
  const products = usePages(api.commerce.products, {
    query: {
      limit: 100,
      ...(filters.q === undefined ? {} : { q: filters.q }),
      ...(filters.category === undefined ? {} : { category: filters.category }),
      ...(filters.brand === undefined ? {} : { brand: filters.brand }),
      ...(filters.stock === undefined ? {} : { inStock: filters.stock as 'true' }),
    },
  })
  const columns = useMemo(
    (): Column<Product>[] => [
      {
        id: 'name',
        header: t('order.article'),
        sort: (row) => row.name,
        cell: (row) => (
          <>
            <Text size="sm" fw={500}>
              {row.name}
            </Text>
            <Text size="xs" c="dimmed">
              {[row.brand, row.colour, row.size].filter(Boolean).join(' · ')}
            </Text>
          </>
        ),
      },
      { id: 'sku', header: t('order.sku'), width: 172, sort: (row) => row.sku, cell: (row) => row.sku },
      {
        id: 'category',
        header: t('commerce.category'),
        width: 200,
        sort: (row) => row.category,
        cell: (row) => row.category ?? '–',
      },
      {
        id: 'price',
        header: t('commerce.price'),
        width: 172,
        align: 'right',
        sort: (row) => row.price?.amount ?? null,
        cell: (row) =>
          row.price === null ? (
            '–'
          ) : (
            <>
              {format.money(row.price.amount, row.price.currency)}
              {row.price.was === null ? null : (
                <Text size="xs" c="dimmed" td="line-through">
                  {format.money(row.price.was, row.price.currency)}
                </Text>
              )}
            </>
          ),
      },
      {
        id: 'stock',
        header: t('commerce.stock'),
        width: 120,
        align: 'right',
        sort: (row) => row.stock,
        cell: (row) =>
          row.stock === null ? (
            <Text size="xs" c="dimmed">
              {t('commerce.notReported')}
            </Text>
          ) : (
            format.count(row.stock)
          ),
      },
    ],
    [t, format],
  )
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          { name: 'q', label: t('commerce.search'), kind: 'text', width: 260 },
          {
            name: 'category',
            label: t('commerce.category'),
            kind: 'choice',
            width: 240,
            options: (facets.data?.categories ?? []).map((one) => ({
              value: one.name,
              label: `${one.name} (${format.count(one.products)})`,
            })),
          },
          {
            name: 'brand',
            label: t('commerce.brand'),
            kind: 'choice',
            options: (facets.data?.brands ?? []).map((one) => ({
              value: one.name,
              label: `${one.name} (${format.count(one.products)})`,
            })),
          },
          {
            name: 'stock',
            label: t('commerce.stock'),
            kind: 'choice',
            width: 172,
            options: [
              { value: 'true', label: t('commerce.inStock') },
              { value: 'false', label: t('commerce.soldOut') },
            ],
          },
        ]}
      />
      <Fetch
        of={products}
        loading={<Loading rows={10} height={40} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('commerce.noProducts')} hint={t('commerce.noProductsHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            testid="products"
            label={t('commerce.products')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.sku}
            onOpen={(row) => change({ sku: row.sku }, { push: true })}
            more={products.more}
            onEnd={products.onEnd}
            height="calc(100dvh - 330px)"
          />
        )}
      </Fetch>
    </Stack>
  )
}

function Orders(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [filters, change] = useFilters()
  const orders = usePages(api.commerce.orders, {
    query: {
      limit: 100,
      ...(filters.q === undefined ? {} : { q: filters.q }),
      ...(filters.channel === undefined ? {} : { channel: filters.channel as 'web' }),
    },
  })
  const columns = useMemo(
    (): Column<Order>[] => [
      { id: 'at', header: t('message.at'), width: 172, sort: (row) => row.at, cell: (row) => <DateTime at={row.at} /> },
      { id: 'no', header: t('order.no'), width: 190, sort: (row) => row.orderNo, cell: (row) => row.orderNo },
      {
        id: 'channel',
        header: t('order.where'),
        width: 200,
        sort: (row) => row.channel,
        cell: (row) => (
          <Group gap={6} wrap="nowrap">
            <ChannelIcon channel={row.channel} />
            {row.placeName ?? words('channel', row.channel)}
          </Group>
        ),
      },
      {
        id: 'person',
        header: t('message.person'),
        sort: (row) => row.personName,
        cell: (row) =>
          row.person === null ? (
            <Text size="sm" c="dimmed">
              {t('order.unknown')}
            </Text>
          ) : (
            <PersonLink person={row.person} name={row.personName ?? t('person.anonymous')} />
          ),
      },
      {
        id: 'units',
        header: t('order.quantity'),
        width: 90,
        align: 'right',
        sort: (row) => row.units,
        cell: (row) => format.count(row.units),
      },
      {
        id: 'total',
        header: t('order.total'),
        width: 172,
        align: 'right',
        sort: (row) => row.total,
        cell: (row) => (
          <>
            {format.money(row.total, row.currency)}
            {row.refunded === 0 ? null : (
              <Text size="xs" c="orange">
                {t('person.refunded', { value: format.money(row.refunded, row.currency) })}
              </Text>
            )}
          </>
        ),
      },
    ],
    [t, format, words],
  )
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          { name: 'q', label: t('order.search'), kind: 'text', width: 260 },
          {
            name: 'channel',
            label: t('order.where'),
            kind: 'choice',
            options: ['web', 'app', 'store'].map((value) => ({ value, label: words('channel', value) })),
          },
        ]}
      />
      <Fetch
        of={orders}
        loading={<Loading rows={10} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('today.noOrders')} hint={t('today.noOrdersHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            testid="all-orders"
            label={t('commerce.orders')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.order}
            onOpen={(row) => change({ order: row.order }, { push: true })}
            more={orders.more}
            onEnd={orders.onEnd}
          />
        )}
      </Fetch>
    </Stack>
  )
}

function Carts(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const navigate = useNavigate()
  const carts = usePages(api.commerce.carts, { query: { limit: 100 } })
  const columns = useMemo(
    (): Column<Cart>[] => [
      {
        id: 'person',
        header: t('message.person'),
        width: 220,
        sort: (row) => row.personName,
        cell: (row) => <PersonLink person={row.person} name={row.personName ?? t('person.anonymous')} />,
      },
      {
        id: 'lines',
        header: t('commerce.content'),
        cell: (row) => (
          <Text size="sm" lineClamp={2}>
            {row.lines.map((line) => `${line.quantity} × ${line.name}`).join(', ')}
          </Text>
        ),
      },
      {
        id: 'checkout',
        header: t('commerce.checkout'),
        width: 172,
        cell: (row) =>
          row.checkoutStartedAt === null ? (
            '–'
          ) : (
            <Badge variant="light" tt="none">
              {t('commerce.started')}
            </Badge>
          ),
      },
      {
        id: 'value',
        header: t('commerce.value'),
        width: 140,
        align: 'right',
        sort: (row) => row.value,
        cell: (row) => format.money(row.value, row.currency),
      },
      {
        id: 'at',
        header: t('commerce.touched'),
        width: 172,
        sort: (row) => row.updatedAt,
        cell: (row) => <Ago at={row.updatedAt} />,
      },
    ],
    [t, format],
  )
  return (
    <Fetch
      of={carts}
      loading={<Loading rows={8} />}
      empty={(rows) =>
        rows.length === 0 ? <Empty title={t('commerce.noCarts')} hint={t('commerce.noCartsHint')} /> : null
      }
    >
      {(rows) => (
        <DataTable
          testid="carts"
          label={t('commerce.carts')}
          columns={columns}
          rows={rows}
          rowKey={(row) => row.person}
          onOpen={(row) => void navigate({ to: '/profile/$person', params: { person: row.person } })}
          more={carts.more}
          onEnd={carts.onEnd}
        />
      )}
    </Fetch>
  )
}

function Places(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const places = useAnswer(api.commerce.places)
  const columns = useMemo(
    (): Column<Place>[] => [
      {
        id: 'name',
        header: t('commerce.place'),
        sort: (row) => row.name ?? row.place,
        cell: (row) => (
          <>
            <Text size="sm" fw={500}>
              {row.name ?? row.place}
            </Text>
            <Text size="xs" c="dimmed">
              {[row.street, [row.postalCode, row.city].filter(Boolean).join(' ')].filter(Boolean).join(', ')}
            </Text>
          </>
        ),
      },
      {
        id: 'kind',
        header: t('source.kind'),
        width: 140,
        sort: (row) => row.kind,
        cell: (row) => (row.kind === null ? '–' : words('placeKind', row.kind)),
      },
      {
        id: 'orders',
        header: t('commerce.orders30'),
        width: 130,
        align: 'right',
        sort: (row) => row.orders30Days,
        cell: (row) => format.count(row.orders30Days),
      },
      {
        id: 'revenue',
        header: t('commerce.revenue30'),
        width: 172,
        align: 'right',
        sort: (row) => row.revenue30Days.amount,
        cell: (row) => format.moneyOf(row.revenue30Days),
      },
      {
        id: 'units',
        header: t('commerce.stock'),
        width: 120,
        align: 'right',
        sort: (row) => row.units,
        cell: (row) => (row.units === null ? '–' : format.count(row.units)),
      },
      {
        id: 'asOf',
        header: t('commerce.reported'),
        width: 172,
        sort: (row) => row.stockAsOf,
        cell: (row) => <Ago at={row.stockAsOf} />,
      },
    ],
    [t, format, words],
  )
  return (
    <Fetch
      of={places}
      loading={<Loading rows={8} />}
      empty={(value) =>
        value.items.length === 0 ? <Empty title={t('commerce.noPlaces')} hint={t('commerce.noPlacesHint')} /> : null
      }
    >
      {(value) => (
        <DataTable
          testid="places"
          label={t('commerce.places')}
          columns={columns}
          rows={value.items}
          rowKey={(row) => row.place}
          sorted={{ id: 'revenue', desc: true }}
        />
      )}
    </Fetch>
  )
}
