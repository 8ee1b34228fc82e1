import { type AnswerOf, api, type Id } from '@einklang/contract'
import { Alert, Button, Drawer, Group, Stack, Text, Textarea, Title } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Difference } from '../../kit/difference.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Approval = AnswerOf<typeof api.governance.approvals>['items'][number]
type Change = AnswerOf<typeof api.governance.approvalChange>

/** What waits for a second pair of eyes, and what was decided. */
export function Approvals(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [filters, change] = useFilters()
  const approvals = usePages(api.governance.approvals, {
    query: { limit: 50, ...(filters.state === undefined ? {} : { state: filters.state as 'requested' }) },
  })
  const columns = useMemo(
    (): Column<Approval>[] => [
      { id: 'title', header: t('approval.title'), sort: (row) => row.title, cell: (row) => row.title },
      { id: 'kind', header: t('approval.kind'), width: 120, cell: (row) => words('approvalKind', row.kind) },
      {
        id: 'state',
        header: t('approval.state'),
        width: 130,
        sort: (row) => row.state,
        cell: (row) => <StateBadge state={row.state} label={words('approvalState', row.state)} />,
      },
      { id: 'by', header: t('approval.requestedBy'), width: 160, cell: (row) => row.requestedBy },
      {
        id: 'at',
        header: t('approval.requestedAt'),
        width: 140,
        sort: (row) => row.requestedAt,
        cell: (row) => <Ago at={row.requestedAt} />,
      },
      { id: 'decider', header: t('approval.decidedBy'), width: 160, cell: (row) => row.decidedBy ?? '–' },
    ],
    [t, words],
  )
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t('approval.hint')}
      </Text>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          {
            name: 'state',
            label: t('approval.state'),
            kind: 'choice',
            options: ['requested', 'approved', 'rejected', 'stale'].map((value) => ({
              value,
              label: words('approvalState', value),
            })),
          },
        ]}
      />
      <Fetch
        of={approvals}
        loading={<Loading rows={4} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('approval.none')} hint={t('approval.noneHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            testid="approvals"
            label={t('settings.approvals')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            selected={filters.approval}
            onOpen={(row) => change({ approval: row.id }, { push: true })}
            more={approvals.more}
            onEnd={approvals.onEnd}
          />
        )}
      </Fetch>
      <Drawer
        opened={filters.approval !== undefined}
        onClose={() => change({ approval: undefined })}
        position="right"
        size="xl"
        title={t('settings.approvals')}
        data-testid="approval-drawer"
      >
        {filters.approval === undefined ? null : (
          <Details approval={filters.approval as Id<'approval'>} onDone={() => change({ approval: undefined })} />
        )}
      </Drawer>
    </Stack>
  )
}

function Details(props: { approval: Id<'approval'>; onDone: () => void }): ReactNode {
  const change = useAnswer(api.governance.approvalChange, { params: { approval: props.approval } })
  return <Fetch of={change}>{(value) => <Whole change={value} onDone={props.onDone} />}</Fetch>
}

function Whole(props: { change: Change; onDone: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const { change } = props
  return (
    <Stack>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div>
          <Title order={2} size="h4">
            {change.title}
          </Title>
          <Text size="sm" c="dimmed">
            {words('approvalKind', change.kind)} · {change.requestedBy} · <DateTime at={change.requestedAt} />
          </Text>
        </div>
        <StateBadge state={change.state} label={words('approvalState', change.state)} />
      </Group>
      {change.decidedBy === null ? null : (
        <Text size="sm">
          {t('approval.decidedBy')}: {change.decidedBy}, <DateTime at={change.decidedAt} />
          {change.comment === null ? '' : ` · ${change.comment}`}
        </Text>
      )}
      <Stack gap="xs" data-testid="approval-changes">
        <Title order={3} size="h5">
          {t('approval.changes')}
        </Title>
        <Parts change={change} />
      </Stack>
      {change.state !== 'requested' ? null : may(api.governance.decideApproval) ? (
        <Decide change={change} onDone={props.onDone} />
      ) : (
        <Text size="sm" c="dimmed">
          {t('approval.others')}
        </Text>
      )}
    </Stack>
  )
}

function Parts(props: { change: Change }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { before, after } = props.change
  if (after === null) return <Alert color="orange">{t('approval.noDocument')}</Alert>
  const parts = [...new Set([...Object.keys(after), ...Object.keys(before ?? {})])].filter(
    (part) => (after[part] ?? '') !== '' || (before?.[part] ?? '') !== '',
  )
  return (
    <>
      {before === null ? (
        <Text size="sm" c="dimmed">
          {t('approval.first')}
        </Text>
      ) : null}
      {parts.map((part) => (
        <div key={part}>
          <Text size="sm" fw={600} mb={4}>
            {words('approvalPart', part)}
          </Text>
          <Difference label={words('approvalPart', part)} before={before?.[part] ?? ''} after={after[part] ?? ''} />
        </div>
      ))}
    </>
  )
}

function Decide(props: { change: Change; onDone: () => void }): ReactNode {
  const { t } = useTranslation()
  const [comment, setComment] = useState('')
  const approve = useDeed(api.governance.decideApproval, { refresh: ['governance'], done: t('approval.approved') })
  const reject = useDeed(api.governance.decideApproval, { refresh: ['governance'], done: t('approval.rejected') })
  const decide = (approved: boolean): void =>
    void (approved ? approve : reject)
      .run({
        params: { approval: props.change.id },
        body: { approve: approved, ...(comment.trim() === '' ? {} : { comment: comment.trim() }) },
      })
      .then((done) => (done === undefined ? undefined : props.onDone()))
  return (
    <Stack gap="xs">
      {props.change.own ? <Alert color="blue">{t('approval.own')}</Alert> : null}
      <Textarea
        label={t('approval.comment')}
        autosize
        minRows={2}
        maxLength={2000}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <Group justify="flex-end">
        <Button
          color="red"
          variant="light"
          loading={reject.pending}
          onClick={() => decide(false)}
          data-testid="approval-reject"
        >
          {t('approval.reject')}
        </Button>
        <Button loading={approve.pending} onClick={() => decide(true)} data-testid="approval-approve">
          {t('approval.approve')}
        </Button>
      </Group>
    </Stack>
  )
}
