import { type AnswerOf, api } from '@einklang/contract'
import { Button, Group, Progress, Select, Stack, Text } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { useFormat } from '../../kit/format.ts'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { useViolationColumns } from './violation-columns.tsx'

type Detail = AnswerOf<typeof api.ingest.planOf>
type Run = NonNullable<AnswerOf<typeof api.ingest.dryRunOf>>
type Violation = Run['violations'][number]

/** What this version would have found lately; nothing is changed by looking. */
export function PlanDryRun(props: { plan: Detail }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const { plan } = props
  const params = { plan: plan.id }
  const [days, setDays] = useState('7')
  const [going, setGoing] = useState(plan.dryRun?.state === 'running' || plan.dryRun?.state === 'waiting')
  const run = useAnswer(api.ingest.dryRunOf, { params }, going ? { every: 1000 } : {})
  const start = useDeed(api.ingest.startDryRun, { refresh: ['ingest'] })
  const cancel = useDeed(api.ingest.cancelDryRun, { refresh: ['ingest'] })
  const busy = run.data?.state === 'running' || run.data?.state === 'waiting'
  if (going !== busy && run.data !== undefined && !start.pending) setGoing(busy)
  return (
    <Stack>
      <Group align="flex-end">
        <Select
          size="sm"
          w={180}
          label={t('plans.period')}
          data={['1', '7', '30', '90', '400'].map((value) => ({
            value,
            label: t('plans.days', { count: Number(value) }),
          }))}
          value={days}
          allowDeselect={false}
          onChange={(value) => setDays(value ?? '7')}
        />
        {may(api.ingest.startDryRun) ? (
          busy ? (
            <Button size="sm" variant="default" loading={cancel.pending} onClick={() => void cancel.run({ params })}>
              {t('plans.stop')}
            </Button>
          ) : (
            <Button
              size="sm"
              loading={start.pending}
              onClick={() => void start.run({ params, body: { days: Number(days) } }).then(() => setGoing(true))}
              data-testid="start-dry-run"
            >
              {t('plans.run')}
            </Button>
          )
        ) : null}
      </Group>
      <Fetch
        of={run}
        loading={<Loading rows={4} height={44} />}
        empty={(value) => (value === null ? <Empty title={t('plans.noRun')} hint={t('plans.noRunHint')} /> : null)}
      >
        {(value) => (value === null ? null : <Result run={value} stale={value.hash !== plan.hash} />)}
      </Fetch>
    </Stack>
  )
}

function Result(props: { run: Run; stale: boolean }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { run } = props
  if (run.state === 'waiting' || run.state === 'running')
    return <Progress value={run.progress * 100} animated aria-label={t('plans.progress')} />
  if (run.state === 'failed')
    return (
      <Text size="sm" c="red" role="alert">
        {run.error}
      </Text>
    )
  if (run.state === 'cancelled')
    return (
      <Text size="sm" c="dimmed">
        {t('plans.cancelled')}
      </Text>
    )
  return (
    <Stack data-testid="dry-run-result">
      <Text size="sm">
        {t('plans.result', {
          violating: format.count(run.violating),
          events: format.count(run.events),
          share: format.percent(run.events === 0 ? 0 : run.violating / run.events),
        })}
        {props.stale ? ` ${t('plans.staleRun')}` : ''}
      </Text>
      {run.violations.length === 0 ? (
        <Empty title={run.events === 0 ? t('plans.nothingCame') : t('plans.allFits')} />
      ) : (
        <ViolationTable rows={run.violations} />
      )}
    </Stack>
  )
}

function ViolationTable(props: { rows: Violation[] }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const shared = useViolationColumns<Violation>()
  const columns = useMemo(
    (): Column<Violation>[] => [
      {
        id: 'event',
        header: t('stream.event'),
        width: 190,
        sort: (row) => row.event,
        cell: (row) => row.event || words('eventKind', row.kind),
      },
      shared.what((row) => words('violation', row.code)),
      shared.found((row) => row.samples.map(({ found }) => found)),
      shared.clients,
      shared.count((row) => format.percent(row.share)),
      shared.last,
    ],
    [t, format, words, shared],
  )
  return (
    <DataTable
      testid="dry-run-violations"
      label={t('plans.violations')}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => `${row.kind}${row.event}${row.code}${row.path}`}
      sorted={{ id: 'count', desc: true }}
    />
  )
}
