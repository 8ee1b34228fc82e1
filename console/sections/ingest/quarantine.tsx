import { type AnswerOf, api, type JsonObject } from '@einklang/contract'
import { Alert, Button, Drawer, Group, JsonInput, SegmentedControl, Stack, Text } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Group_ = AnswerOf<typeof api.ingest.quarantine>['items'][number]
type Item = AnswerOf<typeof api.ingest.quarantineItems>['items'][number]
type Status = 'open' | 'patched' | 'replayed' | 'discarded'

/** What we could not believe: grouped by reason, to be repaired, sent again or given up. */
export function Quarantine(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [filters, change] = useFilters()
  const status = (filters.status ?? 'open') as Status
  const groups = useAnswer(api.ingest.quarantine, { query: { status } }, { keep: true })
  const columns = useMemo(
    (): Column<Group_>[] => [
      {
        id: 'reason',
        header: t('quarantine.reason'),
        cell: (row) => (
          <>
            <Text size="sm" fw={550}>
              {words('quarantine', row.code)}
            </Text>
            <Text size="xs" c="dimmed" lineClamp={2}>
              {row.message}
            </Text>
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
    [t, format, words],
  )
  const open = groups.data?.items.find((group) => group.key === filters.group)
  return (
    <Stack>
      <SegmentedControl
        size="xs"
        style={{ alignSelf: 'flex-start' }}
        aria-label={t('quarantine.status')}
        value={status}
        onChange={(value) => change({ status: value === 'open' ? undefined : value, group: undefined })}
        data={(['open', 'patched', 'replayed', 'discarded'] as const).map((value) => ({
          value,
          label: words('quarantineStatus', value),
        }))}
      />
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
            sorted={{ id: 'open', desc: true }}
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
        {filters.group === undefined ? null : <Bench group={filters.group} status={status} about={open} />}
      </Drawer>
    </Stack>
  )
}

function Bench(props: { group: string; status: Status; about: Group_ | undefined }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [asking, setAsking] = useState<'replay' | 'discard' | null>(null)
  const replay = useDeed(api.ingest.replay, { refresh: ['ingest'], done: t('quarantine.replayed') })
  const discard = useDeed(api.ingest.discard, { refresh: ['ingest'], done: t('quarantine.discarded') })
  const items = usePages(api.ingest.quarantineItems, {
    query: { group: props.group, status: props.status, limit: 20 },
  })
  const body = { group: props.group }
  return (
    <Stack>
      {props.about === undefined ? null : (
        <Alert color="blue" title={props.about.message}>
          {props.about.doInstead}
        </Alert>
      )}
      <Group>
        {may(api.ingest.replay) ? (
          <Button size="xs" onClick={() => setAsking('replay')} data-testid="replay-group">
            {t('quarantine.replayAll')}
          </Button>
        ) : null}
        {may(api.ingest.discard) ? (
          <Button size="xs" variant="default" color="red" onClick={() => setAsking('discard')}>
            {t('quarantine.discardAll')}
          </Button>
        ) : null}
      </Group>
      <Fetch of={items} empty={(rows) => (rows.length === 0 ? <Empty title={t('quarantine.none')} /> : null)}>
        {(rows) => (
          <Stack gap="lg">
            {rows.map((item) => (
              <ItemCard key={`${item.id}${item.status}`} item={item} />
            ))}
            <LoadMore of={items} />
          </Stack>
        )}
      </Fetch>
      <Confirm
        opened={asking === 'replay'}
        title={t('quarantine.replayAll')}
        text={t('quarantine.replayText')}
        confirm={t('quarantine.replay')}
        pending={replay.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void replay.run({ body }).then(() => setAsking(null))}
      />
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
        onConfirm={(reason) => void discard.run({ body: { ...body, reason } }).then(() => setAsking(null))}
      />
    </Stack>
  )
}

function ItemCard(props: { item: Item }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
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
        reasons: [{ code: 'unparsable', path: '', message: error instanceof Error ? error.message : String(error) }],
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
          <b>{reason.path || words('quarantine', reason.code)}</b>: {reason.message}
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
          {verdict.reasons.map((reason) => `${reason.path} ${reason.message}`).join(' · ')}
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
