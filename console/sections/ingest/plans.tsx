import { type AnswerOf, api, type SourceId } from '@einklang/contract'
import { Button, Group, Menu, SegmentedControl, Stack, Text } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { PlanEditor } from './plans-editor.tsx'
import { PlanViolations } from './plans-violations.tsx'

type Row = AnswerOf<typeof api.ingest.plans>['items'][number]

/** What each source is expected to send, and what it sends against that. */
export function Plans(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  if (filters['plan'] !== undefined) return <PlanEditor plan={filters['plan']} />
  return (
    <Stack>
      <SegmentedControl
        size="xs"
        style={{ alignSelf: 'flex-start' }}
        aria-label={t('plans.view')}
        value={filters['view'] ?? 'plans'}
        onChange={(view) => change({ view: view === 'plans' ? undefined : view })}
        data={[
          { value: 'plans', label: t('plans.title') },
          { value: 'violations', label: t('plans.violations') },
        ]}
      />
      {filters['view'] === 'violations' ? <PlanViolations /> : <PlanList />}
    </Stack>
  )
}

function PlanList(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [, change] = useFilters()
  const plans = useAnswer(api.ingest.plans)
  const columns = useMemo(
    (): Column<Row>[] => [
      { id: 'source', header: t('trait.source'), sort: (row) => row.sourceName, cell: (row) => row.sourceName },
      {
        id: 'state',
        header: t('plans.state'),
        width: 130,
        sort: (row) => row.state,
        cell: (row) => <StateBadge state={row.state} label={words('planState', row.state)} />,
      },
      {
        id: 'version',
        header: t('plans.version'),
        width: 100,
        align: 'right',
        sort: (row) => row.version,
        cell: (row) => format.count(row.version),
      },
      {
        id: 'events',
        header: t('plans.events'),
        width: 120,
        align: 'right',
        sort: (row) => row.events,
        cell: (row) => format.count(row.events),
      },
      {
        id: 'properties',
        header: t('plans.properties'),
        width: 130,
        align: 'right',
        sort: (row) => row.properties,
        cell: (row) => format.count(row.properties),
      },
      {
        id: 'changed',
        header: t('plans.changed'),
        width: 190,
        sort: (row) => row.changedAt,
        cell: (row) => (
          <>
            <Ago at={row.changedAt} />
            <Text size="xs" c="dimmed" truncate>
              {row.createdBy}
            </Text>
          </>
        ),
      },
    ],
    [t, format, words],
  )
  return (
    <Fetch of={plans} loading={<Loading rows={5} height={44} />}>
      {(value) => (
        <Stack>
          <Group justify="space-between" align="flex-start">
            <Text size="sm" c="dimmed" maw={720}>
              {t('plans.meaning')}
            </Text>
            {may(api.ingest.createPlan) ? <NewPlan of={value} /> : null}
          </Group>
          {value.items.length === 0 ? (
            <Empty title={t('plans.none')} hint={t('plans.noneHint')} />
          ) : (
            <DataTable
              testid="plans"
              label={t('plans.title')}
              columns={columns}
              rows={value.items}
              rowKey={(row) => row.id}
              onOpen={(row) => change({ plan: row.id }, { push: true })}
            />
          )}
        </Stack>
      )}
    </Fetch>
  )
}

/** A new version of a source: learned from what it sent, from the live version, or empty. */
function NewPlan(props: { of: AnswerOf<typeof api.ingest.plans> }): ReactNode {
  const { t } = useTranslation()
  const [, change] = useFilters()
  const [busy, setBusy] = useState(false)
  const learn = useDeed(api.ingest.learnPlan)
  const create = useDeed(api.ingest.createPlan, { refresh: ['ingest'], done: t('plans.created') })
  const open = new Set(
    props.of.items.filter(({ state }) => state === 'draft' || state === 'review').map((row) => row.source),
  )
  const sources = [
    ...props.of.unplanned.map(({ source, sourceName }) => ({ source, sourceName })),
    ...props.of.items.filter(({ source }) => !open.has(source)),
  ].filter((one, at, all) => all.findIndex(({ source }) => source === one.source) === at)

  async function begin(source: SourceId, learned: boolean): Promise<void> {
    setBusy(true)
    const proposal = learned ? await learn.run({ body: { source, days: 30 } }) : null
    if (proposal !== undefined) {
      const made = await create.run({ body: { source, ...(proposal ? { document: proposal.document } : {}) } })
      if (made !== undefined) change({ plan: made.id }, { push: true })
    }
    setBusy(false)
  }

  return (
    <Menu position="bottom-end" width={280} disabled={sources.length === 0}>
      <Menu.Target>
        <Button
          size="sm"
          loading={busy}
          disabled={sources.length === 0}
          rightSection={<IconChevronDown size={16} aria-hidden />}
          data-testid="new-plan"
        >
          {t('plans.new')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        {sources.map(({ source, sourceName }) => (
          <div key={source}>
            <Menu.Label>{sourceName}</Menu.Label>
            <Menu.Item onClick={() => void begin(source, true)}>{t('plans.learn')}</Menu.Item>
            <Menu.Item onClick={() => void begin(source, false)}>{t('plans.fromLive')}</Menu.Item>
          </div>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
