import { type AnswerOf, api, type JourneyId } from '@einklang/contract'
import { Alert, Badge, Box, Button, Grid, Group, List, Skeleton, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useBlocker, useParams } from '@tanstack/react-router'
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { useFormat } from '../../kit/format.ts'
import { later } from '../../kit/later.tsx'
import { Page } from '../../kit/page.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { MessageDrawer } from '../delivery/drawer.tsx'
import { connect, type Graph, replaceStep, type Step } from './graph.ts'
import { Runs } from './runs.tsx'
import { JourneySettings, type Settings } from './settings.tsx'
import { StepEditor } from './step-editor.tsx'

const LateCanvas = later(() => import('./canvas.tsx').then((module) => module.Canvas))

export type Journey = AnswerOf<typeof api.decision.journey>

export function JourneyPage(): ReactNode {
  const { t } = useTranslation()
  const { journey } = useParams({ strict: false }) as { journey: JourneyId }
  const answer = useAnswer(api.decision.journey, { params: { journey } })
  useLiveAnswers(['decision', 'delivery'])
  return (
    <Fetch
      of={answer}
      loading={
        <Page title={t('journey.title')}>
          <Loading rows={10} />
        </Page>
      }
    >
      {(value) => <Whole key={value.id} journey={value} />}
    </Fetch>
  )
}

function settingsOf(journey: Journey): Settings {
  return {
    name: journey.name,
    description: journey.description,
    purpose: journey.purpose,
    holdout: journey.holdout,
    goals: journey.goals,
    againAfterHours: journey.againAfterHours,
    priority: journey.priority,
  }
}

function Whole(props: { journey: Journey }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const { journey } = props
  const [filters, change] = useFilters()
  const [graph, setGraph] = useState<Graph>(journey.graph)
  const [settings, setSettings] = useState<Settings>(() => settingsOf(journey))
  const [base, setBase] = useState(journey.revision)
  const [asking, setAsking] = useState<'activate' | 'pause' | null>(null)
  const save = useDeed(api.decision.saveJourney, { refresh: ['decision'], done: t('kit.saved') })
  const activate = useDeed(api.decision.activateJourney, { refresh: ['decision'], done: t('journey.activated') })
  const pause = useDeed(api.decision.pauseJourney, { refresh: ['decision'], done: t('journey.isPaused') })
  const writable = may(api.decision.saveJourney)
  const changed =
    JSON.stringify(graph) !== JSON.stringify(journey.graph) ||
    JSON.stringify(settings) !== JSON.stringify(settingsOf(journey))
  const params = { journey: journey.id }

  // Somebody else saved, and nothing of ours would be lost: show theirs.
  useEffect(() => {
    if (journey.revision === base) return
    setGraph(journey.graph)
    setSettings(settingsOf(journey))
    setBase(journey.revision)
  }, [journey, base])
  useBlocker({ shouldBlockFn: () => changed && !window.confirm(t('kit.leave')), enableBeforeUnload: () => changed })

  async function store(): Promise<boolean> {
    const saved = await save.run({ params, body: { ...settings, graph, revision: base } })
    if (saved === undefined) return false
    setGraph(saved.graph)
    setSettings(settingsOf(saved))
    setBase(saved.revision)
    return true
  }

  const { counts } = journey
  return (
    <Page
      title={journey.name}
      hint={journey.description}
      above={
        <ScreenLink to="/decision" size="xs">
          {t('nav.decision')}
        </ScreenLink>
      }
      actions={
        <>
          <StateBadge state={journey.state} label={words('journeyState', journey.state)} />
          {journey.version === null ? null : (
            <Badge variant="outline" color="gray" tt="none">
              {t('journey.version', { version: journey.version })}
            </Badge>
          )}
          {writable ? (
            <>
              <Button
                variant="default"
                disabled={!changed}
                loading={save.pending}
                onClick={() => void store()}
                data-testid="save-journey"
              >
                {t('kit.save')}
              </Button>
              {journey.state === 'active' && !journey.hasDraft && !changed ? (
                <Button
                  variant="light"
                  color="orange"
                  leftSection={<IconPlayerPause size={16} aria-hidden />}
                  onClick={() => setAsking('pause')}
                  data-testid="pause-journey"
                >
                  {t('journey.pause')}
                </Button>
              ) : (
                <Button
                  leftSection={<IconPlayerPlay size={16} aria-hidden />}
                  disabled={changed}
                  onClick={() => setAsking('activate')}
                  data-testid="activate-journey"
                >
                  {t(journey.state === 'active' ? 'journey.activateDraft' : 'journey.activate')}
                </Button>
              )}
            </>
          ) : null}
        </>
      }
    >
      <Group gap="xl" data-testid="journey-counts">
        {(
          [
            ['entered', counts.entered],
            ['waiting', counts.waiting],
            ['goal', counts.goal],
            ['done', counts.done],
            ['heldOut', counts.heldOut],
            ['cancelled', counts.cancelled],
            ['messages', counts.messages],
          ] as const
        ).map(([name, value]) => (
          <Box key={name}>
            <Text size="xs" c="dimmed">
              {t(`journey.${name}`)}
            </Text>
            <Text fw={600}>{format.count(value)}</Text>
          </Box>
        ))}
        <Box>
          <Text size="xs" c="dimmed">
            {t('journey.holdout')}
          </Text>
          <Text fw={600}>{format.percent(journey.holdout, 0)}</Text>
        </Box>
      </Group>
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) => change({ tab, run: undefined, state: undefined })}
        tabs={[
          {
            value: 'canvas',
            label: t('journey.canvas'),
            panel: () => <Drawing journey={journey} graph={graph} writable={writable} onChange={setGraph} />,
          },
          { value: 'runs', label: t('journey.runs'), panel: () => <Runs journey={journey.id} graph={journey.graph} /> },
          {
            value: 'settings',
            label: t('journey.settings'),
            panel: () => <JourneySettings settings={settings} writable={writable} onChange={setSettings} />,
          },
        ]}
      />
      <Confirm
        opened={asking === 'activate'}
        title={t('journey.activate')}
        text={t('journey.activateText')}
        confirm={t('journey.activate')}
        pending={activate.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void activate.run({ params }).then(() => setAsking(null))}
      />
      <Confirm
        opened={asking === 'pause'}
        title={t('journey.pause')}
        text={t('journey.pauseText')}
        confirm={t('journey.pause')}
        pending={pause.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void pause.run({ params }).then(() => setAsking(null))}
      />
      <MessageDrawer message={filters.message} onClose={() => change({ message: undefined })} />
    </Page>
  )
}

function Drawing(props: {
  journey: Journey
  graph: Graph
  writable: boolean
  onChange: (change: (now: Graph) => Graph) => void
}): ReactNode {
  const { t } = useTranslation()
  const describe = useDescription()
  const { journey, graph, onChange } = props
  const [selected, setSelected] = useState<string | null>(null)
  const counts = useMemo(() => ({ nodes: journey.nodes, edges: journey.edges }), [journey.nodes, journey.edges])
  const problems = useMemo(
    () => journey.problems.flatMap((problem) => (problem.node === null ? [] : [problem.node])),
    [journey.problems],
  )
  const step = graph.nodes.find((candidate) => candidate.id === selected)
  return (
    <Grid>
      <Grid.Col span={{ base: 12, lg: 8.5 }}>
        <LateCanvas
          meanwhile={<Skeleton h={480} radius="md" />}
          graph={graph}
          titleOf={describe.title}
          detailOf={describe.detail}
          counts={counts}
          problems={problems}
          selected={selected}
          editable={props.writable}
          onSelect={setSelected}
          onMove={(id, at) =>
            onChange((now) => {
              const moved = now.nodes.find((candidate) => candidate.id === id)
              return moved === undefined ? now : replaceStep(now, { ...moved, at })
            })
          }
          onConnect={(from, way, to) => onChange((now) => connect(now, from, way, to))}
        />
        <Text size="xs" c="dimmed" mt={4}>
          {t(journey.version === null ? 'journey.neverRan' : 'journey.countsMeaning', { version: journey.version })}
        </Text>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 3.5 }}>
        <Stack>
          {journey.problems.length === 0 ? null : (
            <Alert
              color="orange"
              icon={<IconAlertTriangle aria-hidden />}
              title={t('journey.problems')}
              data-testid="journey-problems"
            >
              <List size="sm">
                {journey.problems.map((problem) => (
                  <List.Item key={`${problem.node ?? ''}${problem.message}`}>
                    {problem.message}
                    {problem.doInstead === null ? null : (
                      <Text size="xs" c="dimmed">
                        {problem.doInstead}
                      </Text>
                    )}
                  </List.Item>
                ))}
              </List>
            </Alert>
          )}
          {step === undefined ? (
            <Text size="sm" c="dimmed">
              {t(props.writable ? 'journey.chooseStep' : 'journey.chooseStepRead')}
            </Text>
          ) : (
            <StepEditor
              key={step.id}
              step={step}
              graph={graph}
              writable={props.writable}
              titleOf={describe.title}
              onChange={onChange}
              onSelect={setSelected}
            />
          )}
        </Stack>
      </Grid.Col>
    </Grid>
  )
}

/** Steps in the reader's words. */
function useDescription(): { title: (step: Step) => string; detail: (step: Step) => string } {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const concepts = useAnswer(api.content.concepts)
  const names = useMemo(
    () => new Map((concepts.data?.items ?? []).map((concept) => [concept.id as string, concept.name])),
    [concepts.data],
  )
  const title = useCallback((step: Step) => step.label ?? words('step', step.kind), [words])
  const detail = useCallback(
    (step: Step): string => {
      switch (step.kind) {
        case 'trigger':
          return step.events.map((event) => words('event', event)).join(', ')
        case 'wait':
          return format.duration(step.minutes * 60)
        case 'check':
          return step.ask === 'cart open' ? t('builder.cartOpen') : t('journey.condition')
        case 'send':
          return `${names.get(step.concept) ?? t('journey.noConcept')} · ${step.channels.map((channel) => words('channel', channel)).join(' → ')}`
        case 'split':
          return step.arms.map((arm) => `${arm.name} ${format.percent(arm.share, 0)}`).join(' · ')
        case 'exit':
          return ''
      }
    },
    [t, format, words, names],
  )
  return useMemo(() => ({ title, detail }), [title, detail])
}
