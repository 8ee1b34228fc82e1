import { type AnswerOf, api } from '@einklang/contract'
import { Alert, Button, Group, NumberInput, Stack, Text, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'

type Experiment = AnswerOf<typeof api.measurement.experiments>['experiments'][number]

/** How many persons and days a test takes. */
export function Planner(): ReactNode {
  const { t } = useTranslation()
  const [holdout, setHoldout] = useState<number | string>(10)
  const [gain, setGain] = useState<number | string>(5)
  const [asked, setAsked] = useState<{ holdout: number; relative: number } | null>(null)
  return (
    <Panel title={t('experiment.planner')} definition={t('experiment.plannerMeaning')} testid="planner">
      <Group align="flex-end">
        <NumberInput
          size="sm"
          w={150}
          label={t('experiment.holdout')}
          min={1}
          max={90}
          value={holdout}
          onChange={setHoldout}
        />
        <NumberInput
          size="sm"
          w={180}
          label={t('experiment.gain')}
          min={0.1}
          max={500}
          value={gain}
          onChange={setGain}
        />
        <Button
          size="sm"
          disabled={!(Number(holdout) > 0 && Number(gain) > 0)}
          onClick={() => setAsked({ holdout: Number(holdout) / 100, relative: Number(gain) / 100 })}
        >
          {t('experiment.compute')}
        </Button>
      </Group>
      {asked === null ? null : <Planned asked={asked} />}
    </Panel>
  )
}

function Planned(props: { asked: { holdout: number; relative: number } }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const plan = useAnswer(api.measurement.planExperiment, { query: props.asked })
  if (plan.failure !== null) return <Alert color="yellow">{plan.failure.message}</Alert>
  if (plan.data === undefined) return null
  const { data } = plan
  return (
    <Stack gap={4} mt="sm" data-testid="planned">
      <Text size="sm">
        {t('experiment.needs', {
          persons: format.count(data.persons),
          control: format.count(data.perArm.control),
          days: data.days === null ? t('experiment.needsOpen') : t('experiment.needsDays', { count: data.days }),
          once: format.count(data.readOnce),
        })}
      </Text>
      <Text size="xs" c="dimmed">
        {t('experiment.base', {
          mean: format.money(Math.round(data.baseline.mean), data.currency),
          days: 28,
          explained: format.percent(data.baseline.explained, 0),
        })}
      </Text>
      {data.enough ? null : (
        <Alert color="yellow">{t('experiment.notEnough', { persons: format.count(data.baseline.persons) })}</Alert>
      )}
    </Stack>
  )
}

/** The plan of an experiment, what may be said now, and its end. */
export function Protocol(props: { experiment: Experiment; currency: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { experiment, currency } = props
  const { plan, reading } = experiment
  const money = (value: number | null): string =>
    value === null ? t('experiment.open') : format.money(Math.round(value), currency)
  if (plan === null) return <Fix experiment={experiment} currency={currency} />
  return (
    <Stack gap={6} data-testid="protocol">
      <Text size="sm">
        {t('experiment.planText', {
          at: format.date(plan.plannedAt),
          gain: money(plan.worthwhile),
          persons: format.count(plan.persons),
        })}
      </Text>
      {reading === null ? null : (
        <Alert color={reading.verdict === 'harm' ? 'red' : reading.stop ? 'teal' : 'gray'}>
          <b>{t(`experiment.reading_${reading.verdict}`)}</b>{' '}
          {t('experiment.readingRange', { low: money(reading.low), high: money(reading.high) })}
        </Alert>
      )}
      {plan.stopped === null ? (
        <Stop experiment={experiment.experiment} />
      ) : (
        <Text size="sm" c="dimmed">
          {t('experiment.stopped', {
            at: format.dateTime(plan.stopped.at),
            by: plan.stopped.by ?? '–',
            reason: plan.stopped.reason ?? '',
          })}{' '}
          {t('experiment.stopHint')}
        </Text>
      )}
    </Stack>
  )
}

function Fix(props: { experiment: Experiment; currency: string }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [gain, setGain] = useState<number | string>('')
  const keep = useDeed(api.measurement.keepPlan, { refresh: ['measurement'], done: t('kit.saved') })
  const { experiment } = props
  if (!may(api.measurement.keepPlan)) return null
  const control = experiment.arms.find((arm) => arm.control)?.planned ?? 0.1
  return (
    <Group align="flex-end">
      <NumberInput
        size="xs"
        w={230}
        label={`${t('experiment.worthwhile')} (${props.currency})`}
        min={0.01}
        decimalScale={2}
        value={gain}
        onChange={setGain}
      />
      <Button
        size="xs"
        variant="default"
        disabled={!(Number(gain) > 0)}
        loading={keep.pending}
        title={t('experiment.fixMeaning')}
        onClick={() =>
          void keep.run({
            params: { experiment: experiment.experiment },
            body: { worthwhile: Number(gain) * 100, holdout: control },
          })
        }
      >
        {t('experiment.fix')}
      </Button>
    </Group>
  )
}

function Stop(props: { experiment: string }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [reason, setReason] = useState('')
  const stop = useDeed(api.measurement.stopExperiment, { refresh: ['measurement'], done: t('kit.saved') })
  if (!may(api.measurement.stopExperiment)) return null
  return (
    <Group align="flex-end">
      <TextInput
        size="xs"
        w={280}
        label={t('experiment.stopReason')}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Button
        size="xs"
        color="red"
        variant="light"
        disabled={reason.trim().length < 3}
        loading={stop.pending}
        onClick={() => void stop.run({ params: { experiment: props.experiment }, body: { reason } })}
      >
        {t('experiment.stop')}
      </Button>
    </Group>
  )
}
