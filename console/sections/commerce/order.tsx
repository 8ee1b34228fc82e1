import { type AnswerOf, api, type OrderId } from '@einklang/contract'
import { Drawer, Stack, Table, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Fetch } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Lines = AnswerOf<typeof api.commerce.orderDetail>['lines']

export function OrderDrawer(props: { order: string | undefined; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  return (
    <Drawer
      opened={props.order !== undefined}
      onClose={props.onClose}
      position="right"
      size="lg"
      title={t('order.title')}
    >
      {props.order === undefined ? null : <Details order={props.order as OrderId} />}
    </Drawer>
  )
}

function Details(props: { order: OrderId }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const order = useAnswer(api.commerce.orderDetail, { params: { order: props.order } })
  return (
    <Fetch of={order}>
      {(value) => (
        <Stack>
          <div>
            <Title order={2} size="h4">
              {value.orderNo} · {format.money(value.total, value.currency)}
            </Title>
            <Text size="sm" c="dimmed">
              <DateTime at={value.at} /> · {words('channel', value.channel)}
              {value.placeName === null ? '' : ` · ${value.placeName}`} · {value.sourceName ?? '–'}
            </Text>
            {value.person === null ? null : (
              <PersonLink person={value.person} name={value.personName ?? t('person.anonymous')} />
            )}
          </div>
          <LineTable lines={value.lines} currency={value.currency} />
          {value.returns.map((back) => (
            <div key={back.at}>
              <Text size="sm" fw={600}>
                {t('order.returned')} <DateTime at={back.at} /> · {format.money(back.amount, value.currency)}
              </Text>
              <LineTable lines={back.lines} currency={value.currency} />
            </div>
          ))}
        </Stack>
      )}
    </Fetch>
  )
}

function LineTable(props: { lines: Lines; currency: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <Table fz="sm" aria-label={t('order.title')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('order.article')}</Table.Th>
          <Table.Th ta="right">{t('order.quantity')}</Table.Th>
          <Table.Th ta="right">{t('order.total')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {props.lines.map((line, index) => (
          <Table.Tr key={`${line.sku ?? line.name}${index}`}>
            <Table.Td>
              {line.name}
              <Text size="xs" c="dimmed">
                {line.sku}
              </Text>
            </Table.Td>
            <Table.Td ta="right">{line.quantity}</Table.Td>
            <Table.Td ta="right">{line.total === null ? '–' : format.money(line.total, props.currency)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
