import { type AnswerOf, api, type JourneyId, type RunId } from '@einklang/contract'
import { Drawer, List, Stack, Text, Timeline } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Failed, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink, ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import type { Graph } from './graph.ts'

type Run = AnswerOf<typeof api.decision.journeyRuns>['items'][number]

/** Who entered, where they stand, and why. */
export function Runs(props: { journey: JourneyId; graph: Graph }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [filters, change] = useFilters()
  const runs = usePages(
    api.decision.journeyRuns,
    {
      params: { journey: props.journey },
      query: {
        limit: 100,
        ...(filters.state === undefined ? {} : { state: filters.state as 'waiting' }),
        ...(filters.node === undefined ? {} : { node: filters.node }),
      },
    },
    { enabled: may(api.decision.journeyRuns) },
  )
  const labels = useMemo(
    () => new Map(props.graph.nodes.map((node) => [node.id as string, node.label ?? words('step', node.kind)])),
    [props.graph, words],
  )
  const columns = useMemo(
    (): Column<Run>[] => [
      {
        id: 'entered',
        header: t('journey.enteredAt'),
        width: 172,
        sort: (row) => row.enteredAt,
        cell: (row) => <DateTime at={row.enteredAt} />,
      },
      {
        id: 'person',
        header: t('message.person'),
        width: 190,
        cell: (row) => <PersonLink person={row.person} name={row.personName ?? t('person.anonymous')} />,
      },
      {
        id: 'state',
        header: t('journey.state'),
        width: 140,
        sort: (row) => row.state,
        cell: (row) => <StateBadge state={row.state} label={words('runState', row.state)} />,
      },
      {
        id: 'node',
        header: t('journey.step'),
        width: 170,
        sort: (row) => row.node,
        cell: (row) => (row.node === null ? '–' : (labels.get(row.node) ?? row.node)),
      },
      { id: 'because', header: t('journey.because'), cell: (row) => row.because },
      {
        id: 'due',
        header: t('journey.due'),
        width: 172,
        sort: (row) => row.dueAt,
        cell: (row) => <DateTime at={row.dueAt} />,
      },
    ],
    [t, words, labels],
  )
  if (!may(api.decision.journeyRuns)) {
    return <Failed failure={{ message: t('kit.notAllowed') }} />
  }
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          {
            name: 'state',
            label: t('journey.state'),
            kind: 'choice',
            options: ['waiting', 'done', 'goal', 'held out', 'cancelled'].map((value) => ({
              value,
              label: words('runState', value),
            })),
          },
          {
            name: 'node',
            label: t('journey.step'),
            kind: 'choice',
            options: props.graph.nodes.map((node) => ({ value: node.id, label: labels.get(node.id) ?? node.id })),
          },
        ]}
      />
      <Fetch
        of={runs}
        loading={<Loading rows={8} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('journey.noRuns')} hint={t('journey.noRunsHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            testid="runs"
            label={t('journey.runs')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            selected={filters.run}
            onOpen={(row) => change({ run: row.id }, { push: true })}
            more={runs.more}
            onEnd={runs.onEnd}
            height="calc(100dvh - 420px)"
          />
        )}
      </Fetch>
      <RunDrawer run={filters.run} onClose={() => change({ run: undefined })} />
    </Stack>
  )
}

function RunDrawer(props: { run: string | undefined; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  return (
    <Drawer
      opened={props.run !== undefined}
      onClose={props.onClose}
      position="right"
      size="lg"
      title={t('journey.run')}
      data-testid="run-drawer"
    >
      {props.run === undefined ? null : <RunDetails run={props.run as RunId} />}
    </Drawer>
  )
}

function RunDetails(props: { run: RunId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const run = useAnswer(api.decision.run, { params: { run: props.run } })
  return (
    <Fetch of={run}>
      {(value) => (
        <Stack>
          <div>
            <StateBadge state={value.state} label={words('runState', value.state)} />
            <Text size="sm" mt="xs">
              {value.because}
            </Text>
            <Text size="sm">
              <PersonLink person={value.person} name={value.personName ?? t('person.anonymous')} />
            </Text>
          </div>
          <List size="sm" data-testid="run-explanation">
            {value.explanation.map((line) => (
              <List.Item key={line}>{line}</List.Item>
            ))}
          </List>
          <Timeline bulletSize={14} lineWidth={2} active={value.steps.length}>
            {value.steps.map((step) => (
              <Timeline.Item
                key={`${step.at}${step.node}`}
                title={`${step.label}: ${words('stepDecision', step.decision)}`}
              >
                <Text size="xs" c="dimmed">
                  <DateTime at={step.at} />
                </Text>
                {step.reasons.map((reason) => (
                  <Text key={reason} size="sm">
                    {reason}
                  </Text>
                ))}
                {step.message === null ? null : (
                  <ScreenLink
                    to="."
                    search={(before) => ({ ...before, run: undefined, message: step.message ?? undefined })}
                  >
                    {t('message.why')}
                  </ScreenLink>
                )}
              </Timeline.Item>
            ))}
          </Timeline>
        </Stack>
      )}
    </Fetch>
  )
}
