import { type AnswerOf, api, type CallOf } from '@einklang/contract'
import { Alert, Button, Group, List, Select, Stack, Text } from '@mantine/core'
import { IconPin } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useWords } from '../../shell/words.ts'

type Answer = AnswerOf<typeof api.measurement.attribution>
type Kept = AnswerOf<typeof api.measurement.keptReport>
type Query = NonNullable<CallOf<typeof api.measurement.keepReport>['body']>

/** Keeps a report as it stands, and opens those that were kept. */
export function Reports(props: { by: Kept['report']['by']; report: number | undefined; query: Query }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const [, change] = useFilters()
  const list = useAnswer(api.measurement.keptReports)
  const keep = useDeed(api.measurement.keepReport, { refresh: ['measurement'], done: t('reports.kept') })
  const items = (list.data?.items ?? []).filter((one) => one.by === props.by)
  return (
    <Group align="flex-end" wrap="wrap">
      {items.length === 0 ? null : (
        <Select
          size="sm"
          miw={300}
          clearable
          label={t('reports.state')}
          placeholder={t('reports.today')}
          value={props.report === undefined ? null : String(props.report)}
          onChange={(report) => change({ report: report ?? undefined })}
          data={items.map((one) => ({
            value: String(one.report),
            label: t('reports.one', {
              from: format.date(one.from),
              to: format.date(one.to),
              at: format.date(one.asOf),
              by: one.keptBy ?? t('reports.itself'),
            }),
          }))}
          data-testid="reports"
        />
      )}
      {props.report === undefined ? (
        <Button
          size="sm"
          variant="default"
          leftSection={<IconPin size={15} aria-hidden />}
          loading={keep.pending}
          onClick={() => void keep.run({ body: props.query })}
          data-testid="keep-report"
        >
          {t('reports.keep')}
        </Button>
      ) : null}
    </Group>
  )
}

/** A report as it stood, under what has changed since. */
export function KeptState(props: { report: number; show: (answer: Answer) => ReactNode }): ReactNode {
  const kept = useAnswer(api.measurement.keptReport, { params: { report: props.report } })
  return (
    <Fetch of={kept} loading={<Loading rows={8} height={40} />}>
      {(value) => (
        <Stack>
          <Since kept={value} />
          {props.show(value.answer)}
        </Stack>
      )}
    </Fetch>
  )
}

function Since(props: { kept: Kept }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { report, now, changes } = props.kept
  const money = (value: number): string => format.money(value, report.currency)
  const same = now !== null && now.orders === report.orders && now.revenue === report.revenue && changes.length === 0
  return (
    <Alert
      color={same ? 'blue' : 'yellow'}
      title={t('reports.asOf', { at: format.dateTime(report.asOf) })}
      data-testid="kept-state"
    >
      <Text size="sm">
        {now === null
          ? t('reports.otherCurrency')
          : same
            ? t('reports.same')
            : t('reports.changed', {
                orders: format.count(report.orders),
                revenue: money(report.revenue),
                ordersNow: format.count(now.orders),
                revenueNow: money(now.revenue),
              })}
      </Text>
      {changes.length === 0 ? null : (
        <List size="sm" mt={4}>
          {changes.slice(0, 5).map((one) => (
            <List.Item key={`${one.model} ${one.key}`}>
              {t('reports.change', {
                name:
                  one.campaign === null
                    ? words('media', one.channel)
                    : `${words('media', one.channel)} · ${one.campaign}`,
                model: words('model', one.model),
                kept: money(one.revenue),
                now: money(one.now),
              })}
            </List.Item>
          ))}
        </List>
      )}
    </Alert>
  )
}
