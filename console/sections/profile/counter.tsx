import { api } from '@einklang/contract'
import { Badge, Card, Group, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconScan } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

/** The short form for staff of a store: a card is scanned or a number typed whole, and enough to serve is shown. */
export function Counter(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [text, setText] = useState('')
  const [typed] = useDebouncedValue(text.trim(), 300)
  const answer = useAnswer(api.profile.counter, { query: { q: typed } }, { enabled: typed.length >= 3 })
  return (
    <Page title={t('counter.title')} hint={t('counter.hint')}>
      <TextInput
        size="md"
        autoFocus
        leftSection={<IconScan size={18} aria-hidden />}
        label={t('counter.field')}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        data-testid="counter-field"
      />
      {typed.length < 3 ? null : (
        <Fetch
          of={answer}
          loading={<Loading rows={4} height={50} />}
          empty={(value) =>
            value.found !== null ? null : value.familyCard ? (
              <Empty title={t('counter.family')} hint={t('counter.familyHint')} />
            ) : (
              <Empty title={t('counter.nobody')} hint={t('counter.nobodyHint')} />
            )
          }
        >
          {({ found }) =>
            found === null ? null : (
              <Card withBorder data-testid="counter-person">
                <Stack gap="xs">
                  <Group justify="space-between">
                    <Text fw={650} size="lg">
                      {[found.firstName, found.lastName].filter(Boolean).join(' ') || t('person.anonymous')}
                    </Text>
                    <Text size="sm" c="dimmed">
                      {t('identity.since')} <DateTime at={found.since} day />
                    </Text>
                  </Group>
                  <Text size="sm">
                    {[found.city, found.card && `•••• ${found.card}`, found.email, found.phone]
                      .filter(Boolean)
                      .join(' · ')}
                  </Text>
                  <Group gap={6}>
                    {found.mayContact.length === 0 ? (
                      <Text size="xs" c="dimmed">
                        {t('counter.mayNot')}
                      </Text>
                    ) : (
                      found.mayContact.map((channel) => (
                        <Badge
                          key={channel}
                          variant="light"
                          tt="none"
                          leftSection={<ChannelIcon channel={channel} size={12} />}
                        >
                          {words('channel', channel)}
                        </Badge>
                      ))
                    )}
                  </Group>
                  {found.cart.length === 0 ? null : (
                    <Text size="sm">
                      <b>{t('person.cart')}</b>:{' '}
                      {found.cart.map((line) => `${line.quantity} × ${line.name}`).join(', ')}
                    </Text>
                  )}
                  {found.orders.map((order) => (
                    <Group
                      key={`${order.channel} ${order.orderNo}`}
                      justify="space-between"
                      wrap="nowrap"
                      align="flex-start"
                    >
                      <Group gap={8} wrap="nowrap">
                        <ChannelIcon channel={order.channel} />
                        <div>
                          <Text size="sm">
                            {order.orderNo} · {order.placeName ?? words('channel', order.channel)} ·{' '}
                            <DateTime at={order.at} day />
                          </Text>
                          <Text size="xs" c="dimmed">
                            {order.articles.map((line) => `${line.quantity} × ${line.name}`).join(', ')}
                          </Text>
                        </div>
                      </Group>
                      <Text size="sm" style={{ whiteSpace: 'nowrap' }}>
                        {format.money(order.total - order.refunded, order.currency)}
                      </Text>
                    </Group>
                  ))}
                </Stack>
              </Card>
            )
          }
        </Fetch>
      )}
    </Page>
  )
}
