import { type AnswerOf, api } from '@einklang/contract'
import {
  Alert,
  Badge,
  Button,
  Checkbox,
  Group,
  List,
  NumberInput,
  Progress,
  Stack,
  Stepper,
  Table,
  Text,
  TextInput,
} from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { MixResult } from './mix-result.tsx'
import { usePeriod } from './period.ts'

type Data = AnswerOf<typeof api.measurement.mixData>
type Belief = { use: boolean; halfLife: [number | string, number | string]; roas: [number | string, number | string] }

/** A mix model in steps: check the data, say what you believe, fit, read. */
export function Mix(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const [filters, change] = useFilters()
  const fits = useAnswer(api.measurement.mixFits)
  if (filters.fit !== undefined) {
    return (
      <Stack>
        <Group>
          <Button size="xs" variant="subtle" onClick={() => change({ fit: undefined })}>
            {t('mix.back')}
          </Button>
        </Group>
        <MixResult fit={Number(filters.fit)} />
      </Stack>
    )
  }
  return (
    <Stack>
      <Fetch of={fits} loading={<Loading rows={2} height={40} />}>
        {(value) =>
          value.items.length === 0 ? null : (
            <Panel title={t('mix.fits')} testid="mix-fits">
              <Table fz="sm">
                <Table.Tbody>
                  {value.items.map((fit) => (
                    <Table.Tr key={fit.fit}>
                      <Table.Td>
                        <Button
                          size="compact-sm"
                          variant="subtle"
                          onClick={() => change({ fit: String(fit.fit) }, { push: true })}
                        >
                          {fit.name}
                        </Button>
                      </Table.Td>
                      <Table.Td>
                        <Badge
                          tt="none"
                          variant="light"
                          color={fit.blocked ? 'red' : fit.state === 'done' ? 'teal' : 'gray'}
                        >
                          {t(fit.blocked ? 'mix.state_blocked' : `mix.state_${fit.state}`)}
                        </Badge>
                      </Table.Td>
                      <Table.Td w={180}>
                        {fit.state === 'running' && fit.progress !== null ? (
                          <Progress value={(fit.progress.done / Math.max(1, fit.progress.total)) * 100} />
                        ) : null}
                      </Table.Td>
                      <Table.Td>{format.dateTime(fit.at)}</Table.Td>
                      <Table.Td>{fit.by}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Panel>
          )
        }
      </Fetch>
      <Wizard />
    </Stack>
  )
}

function Wizard(): ReactNode {
  const { t } = useTranslation()
  const period = usePeriod()
  const data = useAnswer(api.measurement.mixData, { query: period })
  return (
    <Panel title={t('mix.new')} definition={t('mix.meaning')} testid="mix-wizard">
      <Fetch of={data} loading={<Loading rows={6} height={40} />}>
        {(value) => <Steps data={value} period={period} />}
      </Fetch>
    </Panel>
  )
}

function Steps(props: { data: Data; period: { from?: string; to?: string } }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [, change] = useFilters()
  const { data } = props
  const [step, setStep] = useState(0)
  const [name, setName] = useState('')
  const [holidays, setHolidays] = useState(true)
  const [beliefs, setBeliefs] = useState<{ [channel: string]: Belief }>({})
  const start = useDeed(api.measurement.startMix, { refresh: ['measurement'], done: t('mix.started') })
  const ready = data.refusals.length === 0
  const beliefOf = (channel: string): Belief => beliefs[channel] ?? { use: true, halfLife: ['', ''], roas: ['', ''] }
  const range = ([low, high]: [number | string, number | string]): [number, number] | null =>
    low === '' || high === '' || Number(high) <= Number(low) ? null : [Number(low), Number(high)]
  async function begin(): Promise<void> {
    const channels = data.channels
      .filter(({ channel }) => beliefOf(channel).use)
      .map(({ channel }) => ({
        channel,
        halfLifeWeeks: range(beliefOf(channel).halfLife),
        halfSaturation: null,
        roas: range(beliefOf(channel).roas),
      }))
    const done = await start.run({ body: { name: name.trim(), ...props.period, channels, holidays } })
    if (done !== undefined) change({ fit: String(done.fit) }, { push: true })
  }
  return (
    <Stack>
      <Stepper active={step} onStepClick={ready ? setStep : () => undefined} size="sm">
        <Stepper.Step label={t('mix.step1')}>
          <DataCheck data={data} />
        </Stepper.Step>
        <Stepper.Step label={t('mix.step2')}>
          <Beliefs
            data={data}
            beliefOf={beliefOf}
            onChange={(channel, belief) => setBeliefs({ ...beliefs, [channel]: belief })}
          />
        </Stepper.Step>
        <Stepper.Step label={t('mix.step3')}>
          <Stack maw={420} mt="sm">
            <TextInput
              label={t('mix.name')}
              required
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Checkbox
              label={t('mix.holidays')}
              checked={holidays}
              onChange={(event) => setHolidays(event.currentTarget.checked)}
            />
            {may(api.measurement.startMix) ? (
              <Button
                disabled={name.trim() === '' || !ready}
                loading={start.pending}
                onClick={() => void begin()}
                data-testid="mix-start"
              >
                {t('mix.start')}
              </Button>
            ) : null}
            <Text size="xs" c="dimmed">
              {t('mix.startHint')}
            </Text>
          </Stack>
        </Stepper.Step>
      </Stepper>
      {step < 2 ? (
        <Group>
          <Button variant="default" disabled={!ready} onClick={() => setStep(step + 1)} data-testid="mix-next">
            {t('mix.next')}
          </Button>
        </Group>
      ) : null}
    </Stack>
  )
}

function DataCheck(props: { data: Data }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { data } = props
  const money = (value: number): string => format.money(Math.round(value * 100), data.currency)
  return (
    <Stack mt="sm">
      {data.refusals.map((one) => (
        <Alert key={one.because} color="red" title={t('mix.cannot')}>
          {one.because} {one.doInstead}
        </Alert>
      ))}
      {data.suspects.map((one) => (
        <Alert key={one.column} color="yellow">
          {t('mix.suspect', { column: words('media', one.column) })}
        </Alert>
      ))}
      {data.unidentified.map((one) => (
        <Alert key={one.because} color="yellow">
          {one.because} {one.doInstead}
        </Alert>
      ))}
      {data.soldOnline === null ? null : (
        <Text size="sm" data-testid="mix-sold-online">
          {t('mix.soldOnline', { share: format.percent(data.soldOnline) })}
        </Text>
      )}
      {data.weeks.length === 0 ? null : (
        <Chart
          label={t('mix.series')}
          fileName="einklang-mix-data"
          height={300}
          categories={data.weeks.map((week) => format.date(week))}
          format={money}
          formatAxis={(value) => format.shortMoney(Math.round(value * 100), data.currency)}
          formatRight={money}
          series={[
            ...data.channels.map((one) => ({
              name: words('media', one.channel),
              kind: 'bar' as const,
              stack: 'spend',
              right: true,
              values: one.weekly,
            })),
            { name: t('measurement.revenue'), kind: 'line' as const, values: data.revenue },
          ]}
        />
      )}
      <Table fz="sm" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('measurement.channel')}</Table.Th>
            <Table.Th ta="right">{t('budget.spend')}</Table.Th>
            <Table.Th ta="right">{t('mix.activeWeeks')}</Table.Th>
            <Table.Th ta="right">{t('mix.ofRevenue')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.channels.map((one) => (
            <Table.Tr key={one.channel}>
              <Table.Td>{words('media', one.channel)}</Table.Td>
              <Table.Td ta="right">{format.money(one.spend, data.currency)}</Table.Td>
              <Table.Td ta="right">
                {format.count(one.activeWeeks)} / {format.count(data.weeks.length)}
              </Table.Td>
              <Table.Td ta="right">{format.percent(one.shareOfRevenue)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  )
}

function Beliefs(props: {
  data: Data
  beliefOf: (channel: string) => Belief
  onChange: (channel: string, belief: Belief) => void
}): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { data } = props
  const usualReturnOf = (channel: string): [string, string] => {
    const believed = data.believed?.shares.find((one) => one.channel === channel)?.roas ?? null
    return believed === null ? ['', ''] : [format.decimal(believed.low, 1), format.decimal(believed.high, 1)]
  }
  return (
    <Stack mt="sm">
      <Text size="sm">{t('mix.beliefs')}</Text>
      {data.believed === null ? null : (
        <List size="sm">
          <List.Item>
            {t('mix.believed', {
              share: format.percent(data.believed.advertising.mean),
              low: format.percent(data.believed.advertising.low),
              high: format.percent(data.believed.advertising.high),
            })}
          </List.Item>
        </List>
      )}
      <Table fz="sm" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('measurement.channel')}</Table.Th>
            <Table.Th>{t('mix.halfLife')}</Table.Th>
            <Table.Th>{t('mix.roasBelief')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.channels.map(({ channel }) => {
            const belief = props.beliefOf(channel)
            const cell = (which: 'halfLife' | 'roas', usual: [string, string]) => (
              <Group gap={4} wrap="nowrap">
                {([0, 1] as const).map((end) => (
                  <NumberInput
                    key={end}
                    size="xs"
                    w={90}
                    min={0}
                    decimalScale={2}
                    placeholder={usual[end]}
                    aria-label={`${words('media', channel)} ${t(end === 0 ? 'mix.least' : 'mix.most')}`}
                    value={belief[which][end]}
                    onChange={(value) => {
                      const next: [number | string, number | string] = [...belief[which]]
                      next[end] = value
                      props.onChange(channel, { ...belief, [which]: next })
                    }}
                  />
                ))}
              </Group>
            )
            return (
              <Table.Tr key={channel}>
                <Table.Td>
                  <Checkbox
                    label={words('media', channel)}
                    checked={belief.use}
                    onChange={(event) => props.onChange(channel, { ...belief, use: event.currentTarget.checked })}
                  />
                </Table.Td>
                <Table.Td>{cell('halfLife', ['', ''])}</Table.Td>
                <Table.Td>{cell('roas', usualReturnOf(channel))}</Table.Td>
              </Table.Tr>
            )
          })}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed">
        {t('mix.beliefsHint')}
      </Text>
    </Stack>
  )
}
