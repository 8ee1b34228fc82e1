import { type AnswerOf, api } from '@einklang/contract'
import { Alert, Button, Group, List, Progress, Select, Stack, Table, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { useFormat } from '../../kit/format.ts'
import { Interval } from '../../kit/interval.tsx'
import { Panel } from '../../kit/page.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Fit = AnswerOf<typeof api.measurement.mixFit>
type Answers = NonNullable<Fit['answers']>

/** One mix model: how far it is, what its checks say, and then its figures. */
export function MixResult(props: { fit: number }): ReactNode {
  const fit = useAnswer(api.measurement.mixFit, { params: { fit: props.fit } })
  return (
    <Fetch of={fit} loading={<Loading rows={6} height={60} />}>
      {(value) => <Result fit={value} />}
    </Fetch>
  )
}

function Result(props: { fit: Fit }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const may = useMay()
  const { fit } = props
  const stop = useDeed(api.measurement.stopMix, { refresh: ['measurement'], done: t('mix.stopping') })
  const running = fit.state === 'queued' || fit.state === 'running'
  const failed = fit.checks.filter((check) => !check.passed)
  return (
    <Stack data-testid="mix-result">
      <Text fw={600}>{fit.name}</Text>
      {running ? (
        <Panel title={t(`mix.state_${fit.state}`)}>
          <Progress
            value={fit.progress === null ? 0 : (fit.progress.done / Math.max(1, fit.progress.total)) * 100}
            animated
          />
          <Group justify="space-between" mt="xs">
            <Text size="sm">
              {fit.progress === null
                ? t('mix.waiting')
                : t('mix.progress', {
                    done: format.count(fit.progress.done),
                    total: format.count(fit.progress.total),
                    divergences: format.count(fit.progress.divergences),
                  })}
            </Text>
            {may(api.measurement.stopMix) ? (
              <Button
                size="xs"
                color="red"
                variant="light"
                loading={stop.pending}
                onClick={() => void stop.run({ params: { fit: fit.fit } })}
              >
                {t('mix.stop')}
              </Button>
            ) : null}
          </Group>
        </Panel>
      ) : null}
      {fit.error === null ? null : (
        <Alert color="red" title={t(`mix.state_${fit.state}`)}>
          {fit.error}
        </Alert>
      )}
      {fit.headline === null ? null : (
        <Alert
          color={fit.blocked ? 'red' : 'yellow'}
          title={t(fit.blocked ? 'mix.blocked' : 'mix.caution')}
          data-testid="mix-headline"
        >
          {fit.headline}
        </Alert>
      )}
      {fit.answers === null ? null : <Figures answers={fit.answers} currency={fit.currency ?? 'EUR'} />}
      {fit.checks.length === 0 ? null : (
        <Panel title={t('mix.checks', { passed: fit.checks.length - failed.length, all: fit.checks.length })}>
          <List size="sm" spacing={4}>
            {[...failed, ...fit.checks.filter((check) => check.passed)].map((check) => (
              <List.Item
                key={`${check.name} ${check.says}`}
                c={check.passed ? 'dimmed' : check.blocks ? 'red' : 'orange'}
              >
                {check.passed ? '✓' : '✗'} {check.says} {check.passed ? null : check.doInstead}
              </List.Item>
            ))}
          </List>
        </Panel>
      )}
      {fit.run === null ? null : (
        <Text size="xs" c="dimmed">
          {t('mix.run', {
            chains: fit.run.chains,
            draws: fit.run.draws,
            kept: format.count(fit.run.kept),
            seed: fit.run.seed,
            divergences: fit.run.divergences,
          })}
        </Text>
      )}
    </Stack>
  )
}

function Figures(props: { answers: Answers; currency: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { answers, currency } = props
  const money = (value: number): string => format.wholeMoney(Math.round(value * 100), currency)
  const short = (value: number): string => format.shortMoney(Math.round(value * 100), currency)
  const weeks = answers.weeks.map((week) => format.date(week))
  const reach = Math.max(1, ...answers.channels.map((one) => one.roas?.high ?? 0)) * 1.05
  return (
    <Stack>
      <Panel title={t('mix.contributions')} definition={t('mix.contributionsMeaning')}>
        <Chart
          label={t('mix.contributions')}
          fileName="einklang-mix-contributions"
          height={340}
          categories={weeks}
          format={money}
          formatAxis={short}
          series={[
            { name: t('mix.base'), kind: 'bar', stack: 'all', values: answers.base.weekly },
            ...answers.channels.map((one) => ({
              name: words('media', one.channel),
              kind: 'bar' as const,
              stack: 'all',
              values: one.weekly,
            })),
            { name: t('mix.observed'), kind: 'line' as const, values: answers.observed },
          ]}
        />
        <Text size="xs" c="dimmed">
          {t('mix.quality', {
            r2: format.percent(answers.quality.r2, 0),
            mape: format.percent(answers.quality.mape),
            coverage: format.percent(answers.quality.coverage, 0),
          })}
          {answers.outOfSample === null
            ? null
            : ` ${t('mix.outOfSample', {
                weeks: answers.outOfSample.weeks,
                model: format.percent(answers.outOfSample.model),
                naive: format.percent(answers.outOfSample.naive),
              })}`}
        </Text>
      </Panel>
      <Panel title={t('mix.roas')} definition={t('mix.roasMeaning')}>
        <Table.ScrollContainer minWidth={720}>
          <Table fz="sm" verticalSpacing={6} data-testid="mix-channels">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('measurement.channel')}</Table.Th>
                <Table.Th ta="right">{t('budget.spend')}</Table.Th>
                <Table.Th ta="right">{t('mix.brought')}</Table.Th>
                <Table.Th>ROAS</Table.Th>
                <Table.Th ta="right">{t('mix.nextEuro')}</Table.Th>
                <Table.Th ta="right">{t('mix.halfLife')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {answers.channels.map((one) => (
                <Table.Tr key={one.channel}>
                  <Table.Td>
                    {words('media', one.channel)}
                    {one.standing === 'known' ? null : (
                      <Text size="xs" c={one.standing === 'unknown' ? 'orange' : 'red'}>
                        {t(one.standing === 'unknown' ? 'mix.taughtNothing' : 'mix.unbelievable')}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td ta="right">{money(one.spend)}</Table.Td>
                  <Table.Td ta="right">
                    {money(one.contribution.mean)}
                    <Text size="xs" c="dimmed">
                      {money(one.contribution.low)} – {money(one.contribution.high)}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    {one.roas === null ? (
                      '–'
                    ) : (
                      <Group gap="xs" wrap="nowrap">
                        <Interval
                          estimate={one.roas.mean}
                          low={one.roas.low}
                          high={one.roas.high}
                          from={0}
                          to={reach}
                          format={(value) => format.decimal(value)}
                          width={140}
                        />
                        <Text span size="sm" style={{ whiteSpace: 'nowrap' }}>
                          {format.decimal(one.roas.mean)} ({format.decimal(one.roas.low)}–
                          {format.decimal(one.roas.high)})
                        </Text>
                      </Group>
                    )}
                    {one.believedRoas === null ? null : (
                      <Text size="xs" c="dimmed">
                        {t('mix.believedRoas', {
                          low: format.decimal(one.believedRoas.low, 1),
                          high: format.decimal(one.believedRoas.high, 1),
                        })}
                      </Text>
                    )}
                    {one.online === null ? null : (
                      <Text size="xs" c="dimmed">
                        {t('mix.boughtOnline', {
                          low: format.percent(one.online.low, 0),
                          high: format.percent(one.online.high, 0),
                        })}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td ta="right">
                    {one.marginalRoas === null ? '–' : format.decimal(one.marginalRoas.mean)}
                  </Table.Td>
                  <Table.Td ta="right">{format.decimal(one.halfLifeWeeks.mean, 1)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {answers.unidentified.map((one) => (
          <Text key={one.because} size="sm" c="orange">
            {one.because} {one.doInstead}
          </Text>
        ))}
        {answers.tests[0] === undefined ? null : (
          <Text size="sm" mt="xs">
            {t('mix.test', { channel: words('media', answers.tests[0].channel), value: money(answers.tests[0].value) })}
          </Text>
        )}
      </Panel>
      <Curves answers={answers} money={money} short={short} />
    </Stack>
  )
}

function Curves(props: {
  answers: Answers
  money: (value: number) => string
  short: (value: number) => string
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { channels } = props.answers
  const [chosen, setChosen] = useState(channels[0]?.channel ?? '')
  const one = channels.find((channel) => channel.channel === chosen)
  if (one === undefined || one.curve.length === 0) return null
  return (
    <Panel
      title={t('mix.curve')}
      definition={t('mix.curveMeaning')}
      actions={
        <Select
          size="xs"
          aria-label={t('measurement.channel')}
          allowDeselect={false}
          value={chosen}
          onChange={(value) => setChosen(value ?? chosen)}
          data={channels.map(({ channel }) => ({ value: channel, label: words('media', channel) }))}
        />
      }
    >
      <Chart
        label={t('mix.curve')}
        fileName={`einklang-mix-curve-${chosen}`}
        height={280}
        categories={one.curve.map((point) => props.short(point.spend))}
        format={props.money}
        formatAxis={props.short}
        series={[
          {
            name: t('mix.perWeek'),
            kind: 'line',
            values: one.curve.map((point) => point.mean),
            intervals: one.curve.map((point) => [point.low, point.high]),
          },
          { name: '5 %', kind: 'line', values: one.curve.map((point) => point.low) },
          { name: '95 %', kind: 'line', values: one.curve.map((point) => point.high) },
        ]}
      />
    </Panel>
  )
}
