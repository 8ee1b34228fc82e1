import { api } from '@einklang/contract'
import { Drawer, Group, Stack, Table, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Fetch } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

export function ProductDrawer(props: { sku: string | undefined; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  return (
    <Drawer
      opened={props.sku !== undefined}
      onClose={props.onClose}
      position="right"
      size="lg"
      title={t('commerce.product')}
    >
      {props.sku === undefined ? null : <Details sku={props.sku} />}
    </Drawer>
  )
}

function Details(props: { sku: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const product = useAnswer(api.commerce.product, { params: { sku: props.sku } })
  return (
    <Fetch of={product}>
      {(value) => (
        <Stack>
          <div>
            <Title order={2} size="h4">
              {value.name}
            </Title>
            <Text size="sm" c="dimmed">
              {[value.sku, value.gtin, value.brand, value.category, value.colour, value.size]
                .filter(Boolean)
                .join(' · ')}
            </Text>
          </div>
          <Group gap="xl">
            <Fact
              label={t('commerce.price')}
              value={value.price === null ? '–' : format.money(value.price.amount, value.price.currency)}
            />
            <Fact label={t('commerce.stock')} value={value.stock === null ? '–' : format.count(value.stock)} />
            <Fact label={t('commerce.sold30')} value={format.count(value.sold.units30Days)} />
            <Fact label={t('commerce.sold365')} value={format.count(value.sold.units365Days)} />
            <Fact label={t('commerce.returned365')} value={format.count(value.sold.returned365Days)} />
          </Group>
          <Title order={3} size="h5">
            {t('commerce.prices')}
          </Title>
          <Table fz="sm" aria-label={t('commerce.prices')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('source.kind')}</Table.Th>
                <Table.Th>{t('order.where')}</Table.Th>
                <Table.Th ta="right">{t('commerce.price')}</Table.Th>
                <Table.Th>{t('commerce.validFrom')}</Table.Th>
                <Table.Th>{t('commerce.validTo')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {value.prices.map((price) => (
                <Table.Tr
                  key={`${price.kind}${price.channel ?? ''}${price.place ?? ''}${price.validFrom}${price.knownAt}`}
                >
                  <Table.Td>{words('priceKind', price.kind)}</Table.Td>
                  <Table.Td>
                    {price.place ?? (price.channel === null ? t('kit.all') : words('channel', price.channel))}
                  </Table.Td>
                  <Table.Td ta="right">{format.money(price.amount, price.currency)}</Table.Td>
                  <Table.Td>
                    <DateTime at={price.validFrom} day />
                  </Table.Td>
                  <Table.Td>
                    {price.validTo === null ? t('commerce.untilFurther') : <DateTime at={price.validTo} day />}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          <Title order={3} size="h5">
            {t('commerce.stockPerPlace')}
          </Title>
          <Table fz="sm" aria-label={t('commerce.stockPerPlace')}>
            <Table.Tbody>
              {value.stockPerPlace.map((row) => (
                <Table.Tr key={row.place}>
                  <Table.Td>{row.name ?? row.place}</Table.Td>
                  <Table.Td ta="right">{format.count(row.onHand)}</Table.Td>
                  <Table.Td ta="right">
                    <Ago at={row.asOf} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      )}
    </Fetch>
  )
}

function Fact(props: { label: string; value: string }): ReactNode {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {props.label}
      </Text>
      <Text fw={600}>{props.value}</Text>
    </div>
  )
}
