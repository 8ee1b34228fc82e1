import { api, type Channel, type ConceptId, channels } from '@einklang/contract'
import {
  ActionIcon,
  Button,
  Group,
  Menu,
  MultiSelect,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../kit/page.tsx'
import { useAnswer } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'
import { Builder } from '../audience/builder.tsx'
import { connect, type Graph, insertOn, removeStep, replaceStep, type Step, waysOf } from './graph.ts'

/** One step in words; everything the canvas can do also works from here with the keyboard. */
export function StepEditor(props: {
  step: Step
  graph: Graph
  writable: boolean
  titleOf: (step: Step) => string
  onChange: (change: (now: Graph) => Graph) => void
  onSelect: (id: string | null) => void
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const concepts = useAnswer(api.content.concepts)
  const { step, graph, writable, onChange } = props
  const put = (changed: Step): void => onChange((now) => replaceStep(now, changed))
  const firstConcept = concepts.data?.items[0]?.id ?? ''
  const targets = graph.nodes
    .filter((candidate) => candidate.id !== step.id && candidate.kind !== 'trigger')
    .map((candidate) => ({ value: candidate.id, label: `${props.titleOf(candidate)} (${candidate.id})` }))
  return (
    <Panel
      title={words('step', step.kind)}
      testid="step-editor"
      actions={
        writable && step.kind !== 'trigger' ? (
          <ActionIcon
            variant="subtle"
            color="red"
            aria-label={t('journey.removeStep')}
            onClick={() => {
              onChange((now) => removeStep(now, step.id))
              props.onSelect(null)
            }}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        ) : null
      }
    >
      <fieldset disabled={!writable} style={{ border: 0, margin: 0, padding: 0 }}>
        <Stack gap="sm">
          <TextInput
            size="sm"
            label={t('journey.label')}
            placeholder={words('step', step.kind)}
            value={step.label ?? ''}
            onChange={(event) => {
              const { label: _, ...rest } = step
              put((event.currentTarget.value === '' ? rest : { ...step, label: event.currentTarget.value }) as Step)
            }}
          />
          <Fields step={step} put={put} writable={writable} />
          {waysOf(step).map((way) => (
            <Group key={way.way} gap="xs" align="flex-end" wrap="nowrap">
              <Select
                size="sm"
                style={{ flex: 1 }}
                label={
                  way.label === ''
                    ? t('journey.then')
                    : t('journey.thenIf', {
                        way: way.label === 'yes' ? t('kit.yes') : way.label === 'no' ? t('kit.no') : way.label,
                      })
                }
                allowDeselect={false}
                value={way.to}
                onChange={(to) => (to === null ? undefined : onChange((now) => connect(now, step.id, way.way, to)))}
                data={targets}
              />
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon
                    size={36}
                    variant="default"
                    aria-label={t('journey.insert')}
                    data-testid={`insert-${way.way}`}
                  >
                    <IconPlus size={16} aria-hidden />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  {(['wait', 'check', 'send', 'split', 'exit'] as const).map((kind) => (
                    <Menu.Item
                      key={kind}
                      disabled={kind === 'send' && firstConcept === ''}
                      onClick={() =>
                        onChange((now) => insertOn(now, { from: step.id, way: way.way }, kind, firstConcept))
                      }
                    >
                      {words('step', kind)}
                    </Menu.Item>
                  ))}
                </Menu.Dropdown>
              </Menu>
            </Group>
          ))}
        </Stack>
      </fieldset>
    </Panel>
  )
}

function Fields(props: { step: Step; put: (step: Step) => void; writable: boolean }): ReactNode {
  const { step, put } = props
  switch (step.kind) {
    case 'trigger':
      return <TriggerFields step={step} put={put} writable={props.writable} />
    case 'wait':
      return <WaitFields step={step} put={put} />
    case 'check':
      return <CheckFields step={step} put={put} writable={props.writable} />
    case 'send':
      return <SendFields step={step} put={put} />
    case 'split':
      return <SplitFields step={step} put={put} />
    case 'exit':
      return null
  }
}

type Of<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>

function TriggerFields(props: { step: Of<'trigger'>; put: (step: Step) => void; writable: boolean }): ReactNode {
  const { t } = useTranslation()
  const { step, put } = props
  const vocabulary = useAnswer(api.audience.vocabulary)
  return (
    <>
      <TagsInput
        size="sm"
        label={t('journey.starts')}
        value={step.events}
        data={(vocabulary.data?.events ?? []).map((event) => event.name)}
        onChange={(events) => (events.length === 0 ? undefined : put({ ...step, events }))}
      />
      <Switch
        label={t('journey.onlyWho')}
        checked={step.where !== undefined}
        onChange={(event) => {
          const { where: _, ...rest } = step
          put(event.currentTarget.checked ? { ...step, where: { all: [{ cart: 'open' }] } } : rest)
        }}
      />
      {step.where === undefined || vocabulary.data === undefined ? null : (
        <Builder
          tree={step.where}
          vocabulary={vocabulary.data}
          disabled={!props.writable}
          onChange={(where) => put({ ...step, where })}
        />
      )}
    </>
  )
}

function WaitFields(props: { step: Of<'wait'>; put: (step: Step) => void }): ReactNode {
  const { t } = useTranslation()
  const { step, put } = props
  const unit = step.minutes % 1440 === 0 ? 1440 : step.minutes % 60 === 0 ? 60 : 1
  return (
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <NumberInput
        size="sm"
        label={t('journey.wait')}
        min={1}
        value={step.minutes / unit}
        onChange={(value) => put({ ...step, minutes: Math.max(1, Math.round(Number(value) * unit)) })}
      />
      <Select
        size="sm"
        w={130}
        aria-label={t('journey.unit')}
        allowDeselect={false}
        value={String(unit)}
        onChange={(value) =>
          put({ ...step, minutes: Math.max(1, Math.round((step.minutes / unit) * Number(value ?? unit))) })
        }
        data={[
          { value: '1', label: t('journey.minutes') },
          { value: '60', label: t('journey.hours') },
          { value: '1440', label: t('journey.days') },
        ]}
      />
    </Group>
  )
}

function CheckFields(props: { step: Of<'check'>; put: (step: Step) => void; writable: boolean }): ReactNode {
  const { t } = useTranslation()
  const { step, put } = props
  const vocabulary = useAnswer(api.audience.vocabulary)
  const { ask } = step
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t('journey.ask')}
        value={ask === 'cart open' ? 'cart' : 'condition'}
        onChange={(value) =>
          put({
            ...step,
            ask: value === 'cart' ? 'cart open' : { all: [{ orders: { least: 1 }, within: { days: 30 } }] },
          })
        }
        data={[
          { value: 'cart', label: t('builder.cartOpen') },
          { value: 'condition', label: t('journey.condition') },
        ]}
      />
      {ask === 'cart open' || vocabulary.data === undefined ? null : (
        <Builder
          tree={ask}
          vocabulary={vocabulary.data}
          disabled={!props.writable}
          onChange={(changed) => put({ ...step, ask: changed })}
        />
      )}
    </>
  )
}

function SendFields(props: { step: Of<'send'>; put: (step: Step) => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { step, put } = props
  const concepts = useAnswer(api.content.concepts)
  const concept = concepts.data?.items.find((candidate) => candidate.id === step.concept)
  const missing = step.channels.filter((channel) => !concept?.variants.some((variant) => variant.channel === channel))
  return (
    <>
      <Select
        size="sm"
        label={t('journey.concept')}
        searchable
        allowDeselect={false}
        value={step.concept}
        onChange={(value) => (value === null ? undefined : put({ ...step, concept: value as ConceptId }))}
        data={(concepts.data?.items ?? []).map((candidate) => ({ value: candidate.id, label: candidate.name }))}
      />
      <ScreenLink to="/content/$concept" params={{ concept: step.concept }} size="xs">
        {t('journey.openConcept')}
      </ScreenLink>
      <MultiSelect
        size="sm"
        label={t('journey.channels')}
        description={t('journey.channelsMeaning')}
        value={step.channels}
        onChange={(value) => (value.length === 0 ? undefined : put({ ...step, channels: value as Channel[] }))}
        data={channels.map((value) => ({ value, label: words('channel', value) }))}
      />
      {concept === undefined || missing.length === 0 ? null : (
        <Text size="xs" c="orange">
          {t('journey.noVariant', { channels: missing.map((channel) => words('channel', channel)).join(', ') })}
        </Text>
      )}
      <Switch
        label={t('journey.another')}
        checked={step.another}
        onChange={(event) => put({ ...step, another: event.currentTarget.checked })}
      />
      <NumberInput
        size="sm"
        label={t('journey.valid')}
        min={1}
        max={720}
        value={step.validHours}
        onChange={(value) => put({ ...step, validHours: Math.max(1, Math.round(Number(value))) })}
      />
    </>
  )
}

function SplitFields(props: { step: Of<'split'>; put: (step: Step) => void }): ReactNode {
  const { t } = useTranslation()
  const { step, put } = props
  const sum = step.arms.reduce((total, arm) => total + arm.share, 0)
  return (
    <Stack gap="xs">
      {step.arms.map((arm, index) => (
        <Group key={`${index}-${step.arms.length}`} gap="xs" wrap="nowrap">
          <TextInput
            size="sm"
            aria-label={t('journey.arm')}
            value={arm.name}
            onChange={(event) =>
              put({
                ...step,
                arms: step.arms.map((other, place) =>
                  place === index ? { ...other, name: event.currentTarget.value } : other,
                ),
              })
            }
          />
          <NumberInput
            size="sm"
            w={110}
            suffix=" %"
            min={0}
            max={100}
            aria-label={t('journey.share')}
            value={Math.round(arm.share * 1000) / 10}
            onChange={(value) =>
              put({
                ...step,
                arms: step.arms.map((other, place) =>
                  place === index ? { ...other, share: Number(value) / 100 } : other,
                ),
              })
            }
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            disabled={step.arms.length <= 2}
            aria-label={t('journey.removeArm')}
            onClick={() => put({ ...step, arms: step.arms.filter((_, place) => place !== index) })}
          >
            <IconTrash size={15} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {Math.abs(sum - 1) < 0.001 ? null : (
        <Text size="xs" c="orange">
          {t('journey.sharesSum')}
        </Text>
      )}
      <Button
        size="xs"
        variant="subtle"
        disabled={step.arms.length >= 8}
        onClick={() =>
          put({
            ...step,
            arms: [
              ...step.arms,
              { name: String.fromCharCode(65 + step.arms.length), share: 0, next: step.arms[0]?.next ?? '' },
            ],
          })
        }
      >
        {t('journey.addArm')}
      </Button>
    </Stack>
  )
}
