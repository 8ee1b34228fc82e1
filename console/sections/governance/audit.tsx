import { type AnswerOf, api } from '@einklang/contract'
import { Alert, Button, Code, Drawer, Group, Stack, Text } from '@mantine/core'
import { IconShieldCheck } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Entry = AnswerOf<typeof api.governance.audit>['items'][number]

export function Audit(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [filters, change] = useFilters()
  const [open, setOpen] = useState<Entry | null>(null)
  const entries = usePages(api.governance.audit, {
    query: {
      limit: 100,
      ...(filters.action === undefined ? {} : { action: filters.action }),
      ...(filters.result === undefined ? {} : { result: filters.result as 'ok' }),
      ...(filters.objectId === undefined ? {} : { objectId: filters.objectId }),
      ...(filters.from === undefined ? {} : { from: `${filters.from}T00:00:00Z` }),
      ...(filters.to === undefined ? {} : { to: `${filters.to}T23:59:59Z` }),
    },
  })
  const columns = useMemo(
    (): Column<Entry>[] => [
      { id: 'at', header: t('message.at'), width: 172, cell: (row) => <DateTime at={row.at} /> },
      {
        id: 'actor',
        header: t('audit.actor'),
        width: 200,
        sort: (row) => row.actor.name,
        cell: (row) => row.actor.name || words('actor', row.actor.kind),
      },
      {
        id: 'action',
        header: t('audit.action'),
        width: 230,
        sort: (row) => row.action,
        cell: (row) => words('audit', row.action),
      },
      {
        id: 'object',
        header: t('audit.object'),
        cell: (row) =>
          row.object.kind === 'person' ? (
            <PersonLink
              person={row.object.id}
              name={`${words('object', row.object.kind)} …${row.object.id.slice(-6)}`}
            />
          ) : (
            <Text size="sm" truncate title={row.object.id}>
              {words('object', row.object.kind)} {row.object.id}
            </Text>
          ),
      },
      {
        id: 'result',
        header: t('audit.result'),
        width: 130,
        sort: (row) => row.result,
        cell: (row) => <StateBadge state={row.result} label={words('auditResult', row.result)} />,
      },
      { id: 'reason', header: t('kit.reason'), width: 220, cell: (row) => row.reason ?? row.purpose ?? '–' },
    ],
    [t, words],
  )
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          { name: 'action', label: t('audit.action'), kind: 'text', width: 200 },
          { name: 'objectId', label: t('audit.objectId'), kind: 'text', width: 200 },
          {
            name: 'result',
            label: t('audit.result'),
            kind: 'choice',
            width: 140,
            options: ['ok', 'refused'].map((value) => ({ value, label: words('auditResult', value) })),
          },
          { name: 'from', label: t('measurement.from'), kind: 'day' },
          { name: 'to', label: t('measurement.to'), kind: 'day' },
        ]}
        end={<Verify />}
      />
      <Fetch
        of={entries}
        loading={<Loading rows={10} />}
        empty={(rows) => (rows.length === 0 ? <Empty title={t('audit.none')} /> : null)}
      >
        {(rows) => (
          <DataTable
            testid="audit"
            label={t('settings.audit')}
            columns={columns}
            rows={rows}
            rowKey={(row) => String(row.sequence)}
            onOpen={setOpen}
            more={entries.more}
            onEnd={entries.onEnd}
          />
        )}
      </Fetch>
      <Drawer opened={open !== null} onClose={() => setOpen(null)} position="right" size="lg" title={open?.action}>
        {open === null ? null : (
          <Stack>
            <Text size="sm">
              #{format.count(open.sequence)} · {format.dateTime(open.at)} · {open.actor.name} · {open.object.kind}{' '}
              {open.object.id}
            </Text>
            <Code block>{JSON.stringify(open.details, null, 2)}</Code>
            <Text size="xs" ff="monospace" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {open.hash}
            </Text>
          </Stack>
        )}
      </Drawer>
    </Stack>
  )
}

function Verify(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const verify = useDeed(api.governance.verifyAudit, { refresh: [] })
  const [verdict, setVerdict] = useState<AnswerOf<typeof api.governance.verifyAudit> | null>(null)
  return (
    <Group gap="xs">
      <Button
        variant="default"
        leftSection={<IconShieldCheck size={16} aria-hidden />}
        loading={verify.pending}
        onClick={() => void verify.run({}).then((answer) => setVerdict(answer ?? null))}
        data-testid="verify-audit"
      >
        {t('audit.verify')}
      </Button>
      {verdict === null ? null : (
        <Alert p={6} color={verdict.valid ? 'teal' : 'red'} role="status">
          {verdict.valid
            ? t('audit.valid', { shown: format.count(verdict.entries) })
            : t('audit.invalid', { line: verdict.firstBad?.sequence ?? 0, reason: verdict.firstBad?.reason ?? '' })}
        </Alert>
      )}
    </Group>
  )
}
