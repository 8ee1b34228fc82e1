import { Accordion, Badge, Group, Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty } from '../../kit/states.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useWords } from '../../shell/words.ts'
import type { PersonView } from './person.tsx'

export function OrdersTab(props: { view: PersonView }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { orders } = props.view
  return (
    <Panel title={t('person.tab.orders')} definition={t('person.ordersMeaning')} testid="orders">
      {orders.length === 0 ? (
        <Empty title={t('person.noOrders')} />
      ) : (
        <Accordion variant="separated" order={3}>
          {orders.map((order) => (
            <Accordion.Item key={order.order} value={order.order}>
              <Accordion.Control icon={<ChannelIcon channel={order.channel} />}>
                <Group justify="space-between" wrap="nowrap" pr="md">
                  <Stack gap={0}>
                    <Text size="sm" fw={550}>
                      {order.orderNo}
                    </Text>
                    <Text size="xs" c="dimmed">
                      <DateTime at={order.at} /> · {words('channel', order.channel)}
                      {order.placeName === null ? '' : ` · ${order.placeName}`}
                    </Text>
                  </Stack>
                  <Group gap="xs" wrap="nowrap">
                    {order.refunded > 0 ? (
                      <Badge color="orange" variant="light" tt="none">
                        {t('person.refunded', { value: format.money(order.refunded, order.currency) })}
                      </Badge>
                    ) : null}
                    <Text size="sm" fw={600}>
                      {format.money(order.total, order.currency)}
                    </Text>
                  </Group>
                </Group>
              </Accordion.Control>
              <Accordion.Panel>
                <Table fz="sm" aria-label={order.orderNo}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t('order.article')}</Table.Th>
                      <Table.Th>{t('order.sku')}</Table.Th>
                      <Table.Th ta="right">{t('order.quantity')}</Table.Th>
                      <Table.Th ta="right">{t('order.total')}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {order.lines.map((line, index) => (
                      <Table.Tr key={`${line.sku ?? line.name}${index}`}>
                        <Table.Td>{line.name}</Table.Td>
                        <Table.Td>{line.sku ?? '–'}</Table.Td>
                        <Table.Td ta="right">{line.quantity}</Table.Td>
                        <Table.Td ta="right">
                          {line.total === null ? '–' : format.money(line.total, order.currency)}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
                <Text size="xs" c="dimmed" mt="xs">
                  {[order.sourceName, order.coupon === null ? null : t('order.coupon', { code: order.coupon })]
                    .filter(Boolean)
                    .join(' · ')}
                </Text>
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
    </Panel>
  )
}
