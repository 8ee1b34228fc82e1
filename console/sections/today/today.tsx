import { api } from '@einklang/contract'
import { Group, SimpleGrid, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page, Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Empty, Failed, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { AlarmMatters } from '../ingest/quality-alarms.tsx'
import { dayBefore } from '../measurement/period.ts'

export function Today(): ReactNode {
  const { t } = useTranslation()
  useLiveAnswers(['ingest', 'delivery', 'decision', 'identity'])
  return (
    <Page title={t('nav.today')} hint={t('hint.today')}>
      <Numbers />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Sold />
        <Stack>
          <Attention />
          <Arrived />
        </Stack>
      </SimpleGrid>
    </Page>
  )
}

function Numbers(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const people = useAnswer(api.profile.today)
  const sold = useAnswer(api.commerce.today)
  const counters = useAnswer(api.ingest.counters, { query: { hours: 24 } })
  const lanes = useAnswer(api.delivery.lanes)
  const failed = people.failure ?? sold.failure ?? counters.failure ?? lanes.failure
  if (failed !== null && people.data === undefined && sold.data === undefined) {
    return <Failed failure={failed} onRetry={() => [people, sold, counters, lanes].map((answer) => answer.retry())} />
  }

  const accepted = counters.data?.items.reduce((sum, row) => sum + row.accepted, 0)
  const perHour = new Map<string, number>()
  for (const row of counters.data?.items ?? []) perHour.set(row.hour, (perHour.get(row.hour) ?? 0) + row.accepted)
  const trend = [...perHour].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count)
  const reached = lanes.data?.items.reduce((sum, lane) => sum + lane.acceptedToday, 0)
  const waiting = lanes.data?.items.reduce((sum, lane) => sum + lane.waiting, 0) ?? 0
  const revenue = sold.data?.channels.reduce((sum, row) => sum + row.revenue, 0)
  const orders = sold.data?.channels.reduce((sum, row) => sum + row.orders, 0) ?? 0
  const currency = sold.data?.currency ?? 'EUR'

  return (
    <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
      <StatCard
        testid="stat-events"
        label={t('today.events')}
        definition={t('today.eventsMeaning')}
        since={t('today.last24')}
        value={accepted === undefined ? '' : format.count(accepted)}
        loading={accepted === undefined}
        trend={trend}
      />
      <StatCard
        testid="stat-people"
        label={t('today.people')}
        definition={t('today.peopleMeaning')}
        since={t('today.activeToday', { count: people.data?.activeToday ?? 0 })}
        hint={t('today.newToday', { count: people.data?.newToday ?? 0 })}
        value={people.data === undefined ? '' : format.count(people.data.known)}
        loading={people.data === undefined}
      />
      <StatCard
        testid="stat-reached"
        label={t('today.reached')}
        definition={t('today.reachedMeaning')}
        since={t('today.sinceMidnight')}
        hint={t('today.waiting', { count: waiting })}
        value={reached === undefined ? '' : format.count(reached)}
        loading={reached === undefined}
      />
      <StatCard
        testid="stat-sold"
        label={t('today.sold')}
        definition={t('today.soldMeaning', {
          before: sold.data === undefined ? '' : format.money(sold.data.lastWeek.revenue, currency),
        })}
        since={t('today.orders', { count: orders })}
        hint={
          sold.data === undefined
            ? ''
            : t('today.openCarts', {
                count: sold.data.openCarts.carts,
                value: format.money(sold.data.openCarts.value, currency),
              })
        }
        value={revenue === undefined ? '' : format.money(revenue, currency)}
        loading={revenue === undefined}
      />
    </SimpleGrid>
  )
}

function Sold(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const revenue = useAnswer(api.commerce.revenue, { query: { by: 'day' } }, { enabled: may(api.commerce.revenue) })
  if (!may(api.commerce.revenue)) return null
  return (
    <Panel title={t('today.soldPerDay')} definition={t('today.soldPerDayMeaning')} testid="sold-per-day">
      <Fetch
        of={revenue}
        loading={<Loading rows={8} height={30} />}
        empty={(value) =>
          value.rows.length === 0 ? <Empty title={t('today.noOrders')} hint={t('today.noOrdersHint')} /> : null
        }
      >
        {(value) => {
          const days = Array.from({ length: 28 }, (_, index) => dayBefore(value.to, 27 - index))
          return (
            <Chart
              label={t('today.soldPerDay')}
              fileName="einklang-revenue"
              height={340}
              categories={days.map((day) => format.weekday(`${day}T12:00:00Z`))}
              format={(amount) => format.money(amount, value.currency)}
              formatAxis={(amount) => format.shortMoney(amount, value.currency)}
              series={(['store', 'web', 'app'] as const)
                .filter((channel) => value.rows.some((row) => row.channel === channel))
                .map((channel) => ({
                  name: words('channel', channel),
                  kind: 'bar',
                  stack: 'sold',
                  values: days.map(
                    (day) => value.rows.find((row) => row.start === day && row.channel === channel)?.revenue ?? 0,
                  ),
                }))}
            />
          )
        }}
      </Fetch>
    </Panel>
  )
}

type Matter = { key: string; count: number; text: string; to: string; search?: { [name: string]: string } }

/** What no rule can decide: everything here ends with a click of a person. */
function Attention(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const quarantine = useAnswer(api.ingest.quarantine, { query: {} }, { enabled: may(api.ingest.quarantine) })
  const lanes = useAnswer(api.delivery.lanes)
  const health = useAnswer(api.identity.health)
  const sources = useAnswer(api.ingest.sources)
  const alarms = useAnswer(
    api.ingest.alarms,
    { query: { open: 'true', limit: 20 } },
    { enabled: may(api.ingest.alarms) },
  )
  const failed = lanes.failure ?? sources.failure
  const ready = lanes.data !== undefined && sources.data !== undefined
  const unknown = lanes.data?.items.reduce((sum, lane) => sum + lane.unknown, 0) ?? 0
  const stopped = lanes.data?.items.filter((lane) => lane.stopped).length ?? 0
  const silent = sources.data?.items.filter((source) => source.state === 'silent').length ?? 0
  const matters: Matter[] = [
    {
      key: 'quarantine',
      count: quarantine.data?.open ?? 0,
      text: t('today.quarantined'),
      to: '/ingest',
      search: { tab: 'quarantine' },
    },
    { key: 'unknown', count: unknown, text: t('today.unknown'), to: '/delivery', search: { state: 'unknown' } },
    { key: 'review', count: health.data?.reviewOpen ?? 0, text: t('today.review'), to: '/identity' },
    { key: 'whole', count: health.data?.wholeRunDiffers ?? 0, text: t('today.whole'), to: '/identity/runs' },
    { key: 'stopped', count: stopped, text: t('today.stopped'), to: '/delivery', search: { tab: 'lanes' } },
    { key: 'silent', count: silent, text: t('today.silent'), to: '/ingest' },
  ].filter((matter) => matter.count > 0)
  return (
    <Panel title={t('today.attention')} definition={t('today.attentionMeaning')} testid="attention">
      {failed !== null && !ready ? (
        <Failed failure={failed} onRetry={() => [lanes, sources].map((answer) => answer.retry())} />
      ) : !ready ? (
        <Loading rows={3} />
      ) : matters.length === 0 && (alarms.data?.items.length ?? 0) === 0 ? (
        <Group gap="xs">
          <ThemeIcon variant="light" radius="xl" color="teal">
            <IconCheck size={16} aria-hidden />
          </ThemeIcon>
          <Text size="sm">{t('today.nothing')}</Text>
        </Group>
      ) : (
        <Stack gap="xs">
          <AlarmMatters />
          {matters.map((matter) => (
            <Matter key={matter.key} matter={matter} />
          ))}
        </Stack>
      )}
    </Panel>
  )
}

function Matter(props: { matter: Matter }): ReactNode {
  const format = useFormat()
  const { matter } = props
  return (
    <Group justify="space-between" wrap="nowrap" data-testid={`attention-${matter.key}`}>
      <ScreenLink to={matter.to} search={matter.search ?? {}}>
        {matter.text}
      </ScreenLink>
      <Text fw={600} style={{ fontVariantNumeric: 'tabular-nums' }}>
        {format.count(matter.count)}
      </Text>
    </Group>
  )
}

function Arrived(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const sources = useAnswer(api.ingest.sources)
  const counters = useAnswer(api.ingest.counters, { query: { hours: 24 } })
  const lag = counters.data?.lag
  return (
    <Panel title={t('today.arrived')} definition={t('today.arrivedMeaning')} testid="arrived">
      <Fetch
        of={sources}
        empty={(value) =>
          value.items.length === 0 ? (
            <Empty
              title={t('today.noSources')}
              hint={t('today.noSourcesHint')}
              action={<ScreenLink to="/ingest">{t('nav.ingest')}</ScreenLink>}
            />
          ) : null
        }
      >
        {(value) => (
          <Stack gap={6}>
            {[...value.items]
              .sort((a, b) => b.day.received - a.day.received)
              .slice(0, 8)
              .map((source) => (
                <Group key={source.id} justify="space-between" wrap="nowrap">
                  <Text size="sm" truncate>
                    {source.name}
                  </Text>
                  <Text size="sm" c="dimmed" style={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
                    {t('today.accepted', { count: source.day.accepted, shown: format.count(source.day.accepted) })}
                  </Text>
                </Group>
              ))}
            {lag !== undefined && lag.rows > 0 ? (
              <Text size="xs" c="dimmed">
                {t('today.lag', { rows: format.count(lag.rows), age: format.duration(lag.seconds) })}
              </Text>
            ) : null}
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}
