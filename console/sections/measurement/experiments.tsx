import { type AnswerOf, api } from '@einklang/contract'
import { Alert, Badge, Group, Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Interval } from '../../kit/interval.tsx'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Evidence } from './evidence.tsx'
import { Note } from './note.tsx'
import { Planner, Protocol } from './protocol.tsx'

type Experiment = AnswerOf<typeof api.measurement.experiments>['experiments'][number]

const verdictColours = { more: 'teal', less: 'red', cannot_tell: 'gray' }

/** What would not have happened without us, with how sure we can be. */
export function Experiments(): ReactNode {
  const { t } = useTranslation()
  const { currency: houseCurrency } = useSession()
  const answer = useAnswer(api.measurement.experiments)
  return (
    <Fetch of={answer} loading={<Loading rows={4} height={120} />}>
      {(value) => (
        <Stack>
          <Planner />
          <Evidence />
          {value.experiments.length === 0 ? (
            <Empty title={t('experiment.none')} hint={t('experiment.noneHint')} />
          ) : null}
          {value.experiments.map((experiment) => (
            <Result
              key={experiment.experiment}
              experiment={experiment}
              currency={value.note.currency ?? houseCurrency}
            />
          ))}
          <Note note={value.note} />
        </Stack>
      )}
    </Fetch>
  )
}

function Result(props: { experiment: Experiment; currency: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { experiment, currency } = props
  const { lift } = experiment
  return (
    <Panel
      title={experiment.name}
      testid="experiment"
      actions={
        lift === null ? null : (
          <Badge variant="light" color={verdictColours[lift.verdict]} tt="none" size="lg">
            {words('verdict', lift.verdict)}
          </Badge>
        )
      }
    >
      <Stack gap="sm">
        <Text size="xs" c="dimmed">
          {t('experiment.window', { count: experiment.days })}
          {experiment.since === null ? null : (
            <>
              {' · '}
              {t('experiment.since')} <DateTime at={experiment.since} day />
            </>
          )}
        </Text>
        {lift === null ? (
          <Alert color="gray">{t('experiment.noLift')}</Alert>
        ) : (
          <Stack gap={6} data-testid="lift">
            <Line label={t('experiment.rate')} estimate={lift.rate} format={(value) => format.percent(value, 2)} />
            <Line
              label={t('experiment.revenuePerPerson')}
              estimate={lift.revenuePerPerson}
              format={(value) => format.money(Math.round(value), currency)}
            />
            <Line
              label={t('experiment.extraRevenue')}
              estimate={lift.extraRevenue}
              format={(value) => format.money(Math.round(value), currency)}
            />
            {lift.relative === null ? null : (
              <Line
                label={t('experiment.relative')}
                estimate={lift.relative}
                format={(value) => format.percent(value)}
              />
            )}
            <Text size="xs" c="dimmed">
              {t('experiment.level', { level: format.percent(lift.level, 0) })} {lift.method}
            </Text>
          </Stack>
        )}
        <Table.ScrollContainer minWidth={520}>
          <Table fz="sm" aria-label={experiment.name}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('experiment.arm')}</Table.Th>
                <Table.Th ta="right">{t('experiment.planned')}</Table.Th>
                <Table.Th ta="right">{t('measurement.persons')}</Table.Th>
                <Table.Th ta="right">{t('experiment.buyers')}</Table.Th>
                <Table.Th ta="right">{t('experiment.buyerRate')}</Table.Th>
                <Table.Th ta="right">{t('experiment.perPerson')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {experiment.arms.map((arm) => (
                <Table.Tr key={arm.arm}>
                  <Table.Td>
                    {words('arm', arm.arm)}
                    {arm.control ? (
                      <Badge ml={6} size="xs" variant="outline" color="gray" tt="none">
                        {t('experiment.control')}
                      </Badge>
                    ) : null}
                  </Table.Td>
                  <Table.Td ta="right">{format.percent(arm.planned, 0)}</Table.Td>
                  <Table.Td ta="right">{format.count(arm.persons)}</Table.Td>
                  <Table.Td ta="right">{format.count(arm.buyers)}</Table.Td>
                  <Table.Td ta="right">{format.percent(arm.rate, 2)}</Table.Td>
                  <Table.Td ta="right">{format.money(Math.round(arm.revenuePerPerson), currency)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        <Text size="xs" c={experiment.sampleRatio.ok ? 'dimmed' : 'red'}>
          {experiment.sampleRatio.sentence}
        </Text>
        <Protocol experiment={experiment} currency={currency} />
        {experiment.warnings.map((warning) => (
          <Text key={warning} size="xs" c="orange">
            {warning}
          </Text>
        ))}
      </Stack>
    </Panel>
  )
}

function Line(props: {
  label: string
  estimate: { value: number; low: number; high: number }
  format: (value: number) => string
}): ReactNode {
  const { estimate, format } = props
  const reach = Math.max(Math.abs(estimate.low), Math.abs(estimate.high)) * 1.1 || 1
  return (
    <Group gap="md" wrap="nowrap">
      <Text size="sm" w={220}>
        {props.label}
      </Text>
      <Interval
        estimate={estimate.value}
        low={estimate.low}
        high={estimate.high}
        from={-reach}
        to={reach}
        format={format}
      />
      <Text size="sm" style={{ fontVariantNumeric: 'tabular-nums' }}>
        <b>{format(estimate.value)}</b> ({format(estimate.low)} … {format(estimate.high)})
      </Text>
    </Group>
  )
}
