import { type AnswerOf, api, type ImportId, type JsonObject } from '@einklang/contract'
import {
  Alert,
  Button,
  Checkbox,
  Code,
  Drawer,
  Group,
  JsonInput,
  Progress,
  SegmentedControl,
  Stack,
  Text,
} from '@mantine/core'
import { type ReactNode, useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Sparkline } from '../../kit/sparkline.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useReason, useWords } from '../../shell/words.ts'
import { RepairForm, RepairLine } from './repairs.tsx'

type Group_ = AnswerOf<typeof api.ingest.quarantine>['items'][number]
type Detail = AnswerOf<typeof api.ingest.quarantineDetail>
type Item = AnswerOf<typeof api.ingest.quarantineItems>['items'][number]
type Status = 'open' | 'patched' | 'replayed' | 'discarded' | 'expired'

/** What we could not believe: grouped by reason, to be repaired, sent again or given up. */
export function Quarantine(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [filters, change] = useFilters()
  const said = useSentence()
  const status = (filters.status ?? 'open') as Status
  const brought = filters.import as ImportId | undefined
  const groups = useAnswer(
    api.ingest.quarantine,
    { query: { status, ...(brought === undefined ? {} : { import: brought }) } },
    { keep: true },
  )
  const columns = useMemo(
    (): Column<Group_>[] => [
      {
        id: 'reason',
        header: t('quarantine.reason'),
        cell: (row) => (
          <>
            <Text size="sm" fw={550}>
              {row.check === '' || row.check === row.code ? words('quarantine', row.code) : words('check', row.check)}
            </Text>
            <Text size="xs" c="dimmed" lineClamp={2}>
              {said(row)}
            </Text>
            {row.retryAt === null ? null : (
              <Text size="xs" c="blue">
                {t('bench.retry', { at: format.dateTime(row.retryAt) })}
              </Text>
            )}
            {row.expiring === null ? null : (
              <Text size="xs" c="orange">
                {t('bench.expiring', { count: row.expiring.count, at: format.dateTime(row.expiring.at) })}
              </Text>
            )}
          </>
        ),
      },
      {
        id: 'path',
        header: t('quarantine.where'),
        width: 180,
        sort: (row) => row.path,
        cell: (row) => row.path || '–',
      },
      {
        id: 'source',
        header: t('trait.source'),
        width: 180,
        sort: (row) => row.sourceName,
        cell: (row) => row.sourceName,
      },
      {
        id: 'people',
        header: t('bench.people'),
        width: 118,
        align: 'right',
        sort: (row) => row.people,
        cell: (row) => format.count(row.people),
      },
      {
        id: 'turnover',
        header: t('bench.turnover'),
        width: 120,
        align: 'right',
        sort: (row) => row.turnover,
        cell: (row) => (row.turnover === 0 ? '–' : format.money(row.turnover, row.currency)),
      },
      {
        id: 'open',
        header: t('quarantine.items'),
        width: 110,
        align: 'right',
        sort: (row) => row.open,
        cell: (row) => (
          <>
            {format.count(row.open)}
            <Text size="xs" c="dimmed">
              {format.percent(row.share)}
            </Text>
          </>
        ),
      },
      {
        id: 'last',
        header: t('stream.last'),
        width: 140,
        sort: (row) => row.lastAt,
        cell: (row) => <Ago at={row.lastAt} />,
      },
    ],
    [t, format, words, said],
  )
  const open = groups.data?.items.find((group) => group.key === filters.group)
  return (
    <Stack>
      <SegmentedControl
        size="xs"
        style={{ alignSelf: 'flex-start', maxWidth: '100%', overflowX: 'auto' }}
        aria-label={t('quarantine.status')}
        value={status}
        onChange={(value) => change({ status: value === 'open' ? undefined : value, group: undefined })}
        data={(['open', 'patched', 'replayed', 'discarded', 'expired'] as const).map((value) => ({
          value,
          label: words('quarantineStatus', value),
        }))}
      />
      {brought === undefined ? null : (
        <Group gap="xs">
          <Text size="sm">{t('quarantine.ofImport')}</Text>
          <ScreenLink to="/ingest/imports/$import" params={{ import: brought }} size="sm">
            {t('quarantine.toImport')}
          </ScreenLink>
          <Button size="compact-xs" variant="default" onClick={() => change({ import: undefined })}>
            {t('quarantine.ofAll')}
          </Button>
        </Group>
      )}
      <Fetch
        of={groups}
        loading={<Loading rows={5} height={48} />}
        empty={(value) =>
          value.items.length === 0 ? <Empty title={t('quarantine.none')} hint={t('quarantine.noneHint')} /> : null
        }
      >
        {(value) => (
          <DataTable
            testid="quarantine"
            label={t('ingest.quarantine')}
            columns={columns}
            rows={value.items}
            rowKey={(row) => row.key}
            onOpen={(row) => (may(api.ingest.quarantineItems) ? change({ group: row.key }, { push: true }) : undefined)}
          />
        )}
      </Fetch>
      <Drawer
        opened={filters.group !== undefined}
        onClose={() => change({ group: undefined })}
        position="right"
        size="xl"
        title={open === undefined ? t('ingest.quarantine') : words('quarantine', open.code)}
        data-testid="quarantine-drawer"
      >
        {filters.group === undefined ? null : (
          <Bench group={filters.group} status={status} about={open} brought={brought} />
        )}
      </Drawer>
    </Stack>
  )
}

/** What the check says, in the reader's language; a sentence of the server's own where there is none. */
/** What to do about it: some sentences of a reason have an advice of their own. */
function remedy(words: (list: string, value: string) => string, { word, code }: Group_): string {
  const own = word === undefined ? '' : words('remedy', word)
  return own === '' || own === word ? words('remedy', code) : own
}

function useSentence(): (group: Group_) => string {
  const because = useReason()
  return useCallback(({ check, ...reason }) => because({ ...reason, ...(check === '' ? {} : { check }) }), [because])
}

function Bench(props: {
  group: string
  status: Status
  about: Group_ | undefined
  brought: ImportId | undefined
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const said = useSentence()
  const [asking, setAsking] = useState<'discard' | 'restore' | null>(null)
  const discard = useDeed(api.ingest.discard, { refresh: ['ingest'], done: t('quarantine.discarded') })
  const restore = useDeed(api.ingest.restoreGroup, { refresh: ['ingest'], done: t('bench.restored') })
  const detail = useAnswer(
    api.ingest.quarantineDetail,
    { params: { key: props.group }, query: { status: props.status } },
    { keep: true },
  )
  const items = usePages(api.ingest.quarantineItems, {
    query: {
      group: props.group,
      status: props.status,
      limit: 20,
      ...(props.brought === undefined ? {} : { import: props.brought }),
    },
  })
  const waits = props.status === 'open' || props.status === 'patched'
  return (
    <Stack>
      {props.about === undefined ? null : (
        <Alert color="blue" title={said(props.about)}>
          {remedy(words, props.about)}
        </Alert>
      )}
      <Fetch of={detail} loading={<Loading rows={4} height={40} />}>
        {(value) => (
          <>
            <About detail={value} />
            {props.brought === undefined ? null : (
              <Text size="xs" c="dimmed">
                {t('quarantine.wholeGroup')}
              </Text>
            )}
            {waits && may(api.ingest.replayGroup) ? (
              <Repairing group={props.group} place={props.about?.path ?? ''} detail={value} />
            ) : null}
          </>
        )}
      </Fetch>
      <Group>
        {waits && may(api.ingest.discard) ? (
          <Button size="xs" variant="default" color="red" onClick={() => setAsking('discard')}>
            {t('quarantine.discardAll')}
          </Button>
        ) : null}
        {props.status === 'discarded' && may(api.ingest.restoreGroup) ? (
          <Button size="xs" variant="default" onClick={() => setAsking('restore')} data-testid="restore-group">
            {t('bench.restore')}
          </Button>
        ) : null}
      </Group>
      <Fetch of={items} empty={(rows) => (rows.length === 0 ? <Empty title={t('quarantine.none')} /> : null)}>
        {(rows) => (
          <Stack gap="lg">
            <Text size="sm" fw={550}>
              {t('bench.items')}
            </Text>
            {rows.map((item) => (
              <ItemCard key={`${item.id}${item.status}`} item={item} />
            ))}
            <LoadMore of={items} />
          </Stack>
        )}
      </Fetch>
      <Confirm
        opened={asking === 'discard'}
        title={t('quarantine.discardAll')}
        text={t('quarantine.discardText')}
        reasonLabel={t('kit.reason')}
        least={3}
        confirm={t('quarantine.discard')}
        danger
        pending={discard.pending}
        onClose={() => setAsking(null)}
        onConfirm={(reason) => void discard.run({ body: { group: props.group, reason } }).then(() => setAsking(null))}
      />
      <Confirm
        opened={asking === 'restore'}
        title={t('bench.restore')}
        text={t('bench.restoreText')}
        confirm={t('bench.restore')}
        pending={restore.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void restore.run({ params: { key: props.group } }).then(() => setAsking(null))}
      />
    </Stack>
  )
}

/** What the items of a group have in common. */
function About(props: { detail: Detail }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { detail } = props
  const listed = (rows: { label: string; count: number }[]) =>
    rows.map(({ label, count }) => `${label} (${format.count(count)})`).join(' · ')
  return (
    <Stack gap="xs">
      <Group gap="xl" align="start">
        <Stack gap={2}>
          <Text size="xs" c="dimmed">
            {t('bench.trend')}
          </Text>
          <Sparkline values={detail.trend} label={t('bench.trend')} width={160} />
        </Stack>
        <Stack gap={2} flex={1}>
          <Text size="xs" c="dimmed">
            {t('bench.clients')}
          </Text>
          <Text size="sm">
            {listed(detail.clients.map(({ client, count }) => ({ label: client || t('bench.noClient'), count })))}
          </Text>
        </Stack>
      </Group>
      {detail.values.length === 0 ? null : (
        <Stack gap={2}>
          <Text size="xs" c="dimmed">
            {t('bench.values')}
          </Text>
          <Text size="sm" data-testid="group-values">
            {listed(detail.values.slice(0, 8).map(({ value, count }) => ({ label: value || t('bench.empty'), count })))}
          </Text>
        </Stack>
      )}
      <Stack gap={2}>
        <Text size="xs" c="dimmed">
          {t('bench.samples')}
        </Text>
        {detail.samples.map((sample) => (
          <Code
            block
            key={`${sample.receivedAt}${JSON.stringify(sample.payload)}`}
            mah={180}
            style={{ overflow: 'auto' }}
          >
            {JSON.stringify(sample.payload, null, 1)}
          </Code>
        ))}
      </Stack>
    </Stack>
  )
}

/** Repairs, a dry run of them, and the way back into the pipeline. */
function Repairing(props: { group: string; place: string; detail: Detail }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [repairs, setRepairs] = useState<api.ingest.Repair[]>([])
  const [keep, setKeep] = useState(false)
  const dryRun = useDeed(api.ingest.dryRunGroup, { refresh: ['ingest'] })
  const replay = useDeed(api.ingest.replayGroup, { refresh: ['ingest'], done: t('bench.started') })
  const call = { params: { key: props.group } }
  return (
    <Stack gap="xs">
      <Text size="sm" fw={550}>
        {t('bench.repair')}
      </Text>
      <RepairForm
        repairs={repairs}
        place={props.place}
        values={props.detail.values.map(({ value }) => value)}
        onChange={setRepairs}
      />
      {repairs.length > 0 && may(api.ingest.decideChecks) ? (
        <Checkbox
          size="sm"
          label={t('bench.keep')}
          checked={keep}
          onChange={(event) => setKeep(event.currentTarget.checked)}
        />
      ) : null}
      <Group>
        <Button
          size="xs"
          variant="light"
          loading={dryRun.pending}
          onClick={() => void dryRun.run({ ...call, body: { repairs } })}
          data-testid="dry-run"
        >
          {t('bench.dryRun')}
        </Button>
        <Button
          size="xs"
          loading={replay.pending}
          onClick={() => void replay.run({ ...call, body: { repairs, keep: keep && repairs.length > 0 } })}
          data-testid="replay-group"
        >
          {repairs.length === 0 ? t('quarantine.replayAll') : t('bench.replay')}
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        {t('bench.dryRunNote')} {t('bench.original')}
      </Text>
      {props.detail.work.length === 0 ? null : (
        <Stack gap="xs" aria-live="polite">
          <Text size="sm" fw={550}>
            {t('bench.work')}
          </Text>
          {props.detail.work.map((work) => (
            <WorkCard key={work.id} work={work} />
          ))}
        </Stack>
      )}
    </Stack>
  )
}

function WorkCard(props: { work: Detail['work'][number] }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const because = useReason()
  const words = useWords()
  const { work } = props
  const steer = useDeed(api.ingest.steerWork, { refresh: ['ingest'] })
  const going = work.state === 'waiting' || work.state === 'running'
  const button = (to: 'pause' | 'resume' | 'stop') => (
    <Button
      size="compact-xs"
      variant="default"
      loading={steer.pending}
      onClick={() => void steer.run({ params: { work: work.id }, body: { to } })}
    >
      {t(`bench.${to}`)}
    </Button>
  )
  const figures = { passed: format.count(work.passed) }
  return (
    <Stack gap={4} data-testid="work">
      <Group justify="space-between">
        <Text size="sm">
          {words('workKind', work.kind)} ·{' '}
          {t('bench.progress', { done: format.count(work.done), total: format.count(work.total) })}
        </Text>
        <Group gap="xs">
          {going ? button('pause') : null}
          {work.state === 'paused' ? button('resume') : null}
          {going || work.state === 'paused' ? button('stop') : null}
          <StateBadge state={work.state} label={words('workState', work.state)} />
        </Group>
      </Group>
      <Progress
        value={work.total === 0 ? 100 : (work.done / work.total) * 100}
        size="sm"
        aria-label={t('bench.work')}
      />
      {work.done === 0 ? null : (
        <Text size="sm">
          {work.kind === 'dry-run' ? t('bench.passNow', figures) : t('bench.sentAgain', figures)}
          {' · '}
          {t('bench.concerns', {
            people: format.count(work.people),
            orders: format.count(work.orders),
            turnover: format.money(work.turnover, work.currency),
          })}
        </Text>
      )}
      {work.failing.map((one) => (
        <Text size="xs" c="orange" key={`${one.code}${one.path}`}>
          {t('bench.stillFail', {
            count: one.count,
            reason: `${words('quarantine', one.code)} ${one.path}: ${because(one)}`,
          })}
        </Text>
      ))}
      {work.repairs.map((repair) => (
        <RepairLine key={JSON.stringify(repair)} repair={repair} />
      ))}
      <Text size="xs" c="dimmed">
        {t('bench.note', { by: work.by, at: format.dateTime(work.createdAt) })}
      </Text>
    </Stack>
  )
}

function ItemCard(props: { item: Item }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const because = useReason()
  const { item } = props
  const [text, setText] = useState(() => JSON.stringify(item.patched ?? item.payload, null, 2))
  const repair = useDeed(api.ingest.repairItem, { refresh: ['ingest'] })
  const replay = useDeed(api.ingest.replay, { refresh: ['ingest'], done: t('quarantine.replayed') })
  const [verdict, setVerdict] = useState<AnswerOf<typeof api.ingest.repairItem> | null>(null)
  const writable = may(api.ingest.repairItem) && (item.status === 'open' || item.status === 'patched')

  async function mend(dryRun: boolean): Promise<void> {
    let payload: JsonObject
    try {
      payload = JSON.parse(text) as JsonObject
    } catch (error) {
      setVerdict({
        passes: false,
        reasons: [
          {
            code: 'unparsable',
            path: '',
            message: String(error),
            word: 'no_json',
            values: { error: error instanceof Error ? error.message : String(error) },
          },
        ],
      })
      return
    }
    const answer = await repair.run({ params: { item: item.id }, body: { payload, dryRun } })
    if (answer !== undefined) setVerdict(answer)
  }

  return (
    <Stack gap="xs" data-testid="quarantine-item">
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          <DateTime at={item.receivedAt} /> · {item.sourceName} · {t('quarantine.attempts', { count: item.attempts })}
        </Text>
        <StateBadge state={item.status} label={words('quarantineStatus', item.status)} />
      </Group>
      {item.reasons.map((reason) => (
        <Text key={`${reason.code}${reason.path}`} size="sm">
          <b>{reason.path || words('quarantine', reason.code)}</b>: {because(reason)}
        </Text>
      ))}
      <JsonInput
        aria-label={t('quarantine.payload')}
        autosize
        minRows={4}
        maxRows={18}
        readOnly={!writable}
        value={text}
        onChange={setText}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
      />
      {verdict === null ? null : verdict.passes ? (
        <Text size="sm" c="teal" role="status">
          {t('quarantine.passes')}
        </Text>
      ) : (
        <Text size="sm" c="orange" role="status">
          {verdict.reasons.map((reason) => `${reason.path} ${because(reason)}`.trim()).join(' · ')}
        </Text>
      )}
      {writable ? (
        <Group gap="xs">
          <Button size="xs" variant="default" loading={repair.pending} onClick={() => void mend(true)}>
            {t('quarantine.try')}
          </Button>
          <Button size="xs" variant="light" loading={repair.pending} onClick={() => void mend(false)}>
            {t('quarantine.keep')}
          </Button>
          <Button size="xs" loading={replay.pending} onClick={() => void replay.run({ body: { items: [item.id] } })}>
            {t('quarantine.replay')}
          </Button>
        </Group>
      ) : null}
    </Stack>
  )
}
