import { type AnswerOf, api, type ImportId, isVendorKind, type Json } from '@einklang/contract'
import { Alert, Anchor, Button, Code, Group, Progress, SimpleGrid, Stack, Table, Text, TextInput } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Page, Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { useFindingName } from './finding-name.ts'

type Job = AnswerOf<typeof api.ingest.importOf>

const moving = new Set(['uploading', 'waiting', 'running'])

/** One import: how far, what fits, what did not, and how to go on. */
export function ImportPage(): ReactNode {
  const { t } = useTranslation()
  const { import: id } = useParams({ strict: false }) as { import: ImportId }
  useLiveAnswers(['ingest'])
  const first = useAnswer(api.ingest.importOf, { params: { import: id } })
  const running = first.data !== undefined && moving.has(first.data.state)
  // While it runs, the numbers move even when no hint comes through.
  useAnswer(api.ingest.importOf, { params: { import: id } }, { enabled: running, every: 1_000 })
  return (
    <Fetch
      of={first}
      loading={
        <Page title={t('ingest.imports')}>
          <Loading rows={8} />
        </Page>
      }
    >
      {(value) => <Whole job={value} />}
    </Fetch>
  )
}

function Whole(props: { job: Job }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const { job } = props
  const params = { import: job.id }
  const start = useDeed(api.ingest.startImport, { refresh: ['ingest'] })
  const cancel = useDeed(api.ingest.cancelImport, { refresh: ['ingest'] })
  const resume = useDeed(api.ingest.resumeImport, { refresh: ['ingest'] })
  const writable = may(api.ingest.startImport)
  const used = new Set(Object.values(job.mapping.fields))
  // Columns of other products are all used; of ours those that the mapping names.
  const unused = isVendorKind(job.kind) ? [] : job.columns.filter((column) => column !== '' && !used.has(column))
  const figures: [string, number, string][] = [
    [t('import.rows'), job.rowsRead, t('import.rowsMeaning')],
    [t('import.accepted'), job.accepted, t('import.acceptedMeaning')],
    [t('import.duplicates'), job.duplicates, t('import.duplicatesMeaning')],
    [t('import.waiting'), job.waiting, t('import.waitingMeaning')],
    [t('import.rejected'), job.rejected, t('import.rejectedMeaning')],
  ]
  return (
    <Page
      title={job.fileName}
      hint={`${words('importKind', job.kind)} · ${job.sourceName}${job.dryRun ? ` · ${t('import.dryRun')}` : ''}`}
      above={
        <ScreenLink to="/ingest" search={{ tab: 'imports' }} size="xs">
          {t('ingest.imports')}
        </ScreenLink>
      }
      actions={
        <>
          <StateBadge state={job.state} label={words('importState', job.state)} />
          {writable && job.dryRun && job.state === 'done' ? (
            <Button
              loading={start.pending}
              onClick={() => void start.run({ params, body: { dryRun: false } })}
              data-testid="start-import"
            >
              {t('import.start')}
            </Button>
          ) : null}
          {writable && job.state === 'running' ? (
            <Button variant="default" loading={cancel.pending} onClick={() => void cancel.run({ params })}>
              {t('import.cancel')}
            </Button>
          ) : null}
          {writable && (job.state === 'cancelled' || job.state === 'failed') ? (
            <Button loading={resume.pending} onClick={() => void resume.run({ params })}>
              {t('import.resume')}
            </Button>
          ) : null}
        </>
      }
    >
      {job.error === null ? null : <Alert color="red">{job.error}</Alert>}
      {moving.has(job.state) ? (
        <Progress
          size="lg"
          animated
          value={(job.state === 'uploading' ? job.uploaded / job.size : job.progress) * 100}
          aria-label={t('import.progress')}
        />
      ) : null}
      <SimpleGrid cols={{ base: 2, md: 3, xl: 5 }}>
        {figures.map(([label, value, meaning]) => (
          <StatCard
            key={label}
            label={label}
            value={format.count(value)}
            definition={meaning}
            since={format.dateTime(job.finishedAt ?? job.createdAt)}
          />
        ))}
      </SimpleGrid>
      {job.stillWaiting === 0 || !may(api.ingest.quarantine) ? null : (
        <Alert color="orange" variant="outline" data-testid="import-waiting">
          <Group justify="space-between" gap="xs">
            <Text size="sm">{t('import.stillWaiting', { count: job.stillWaiting })}</Text>
            <ScreenLink to="/ingest" search={{ tab: 'quarantine', import: job.id }} size="sm">
              {t('import.toQuarantine')}
            </ScreenLink>
          </Group>
        </Alert>
      )}
      <Panel title={t('import.mapping')}>
        <Stack gap="xs">
          <Text size="sm">
            {Object.entries(job.mapping.fields)
              .map(([field, column]) => `${column} → ${field}`)
              .join(' · ')}
          </Text>
          {unused.length === 0 ? null : (
            <Text size="sm" c="dimmed" data-testid="unused-columns">
              {t('import.unused', { columns: unused.join(' · ') })}
            </Text>
          )}
          {job.detected === null ? null : (
            <Text size="xs" c="dimmed">
              {job.detected.encoding} · {job.detected.delimiter}
            </Text>
          )}
          {may(api.ingest.saveMapping) && Object.keys(job.mapping.fields).length > 0 ? <Keep job={job} /> : null}
          {job.preview.length === 0 ? null : <Preview rows={job.preview} />}
        </Stack>
      </Panel>
      {job.state === 'done' || job.findings.length > 0 ? <Found job={job} /> : null}
      {job.findings.some(({ action }) => action !== 'repair') && may(api.ingest.importNotes) ? (
        <Notes job={job} />
      ) : null}
      {job.rejected > 0 && may(api.ingest.rejects) ? <Rejects job={job} /> : null}
    </Page>
  )
}

/** The mapping of this file for all that come after it with the same columns. */
function Keep(props: { job: Job }): ReactNode {
  const { t } = useTranslation()
  const [name, setName] = useState('')
  const save = useDeed(api.ingest.saveMapping, { refresh: ['ingest'], done: t('import.kept') })
  const { kind, mapping, columns } = props.job
  return (
    <Group gap="xs" align="end">
      <TextInput
        size="xs"
        label={t('import.saveAs')}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="mapping-name"
      />
      <Button
        size="xs"
        variant="default"
        disabled={name.trim() === ''}
        loading={save.pending}
        onClick={() => void save.run({ params: { name: name.trim() }, body: { kind, mapping, columns } })}
        data-testid="keep-mapping"
      >
        {t('import.keep')}
      </Button>
    </Group>
  )
}

/** What the checks found on its rows, or would find before anything is written. */
function Found(props: { job: Job }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const nameOf = useFindingName()
  const { findings, dryRun, rejectsPath } = props.job
  return (
    <Panel
      title={t(dryRun ? 'import.found' : 'import.foundReal')}
      actions={
        rejectsPath === null ? null : (
          <Anchor href={rejectsPath} size="sm" download>
            {t('import.everything')}
          </Anchor>
        )
      }
    >
      {findings.length === 0 ? (
        <Text size="sm">{t('import.nothingFound')}</Text>
      ) : (
        <Table.ScrollContainer minWidth={500}>
          <Table aria-label={t('import.found')} data-testid="import-findings">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('checks.check')}</Table.Th>
                <Table.Th>{t('checks.decision')}</Table.Th>
                <Table.Th ta="right">{t('quality.items')}</Table.Th>
                <Table.Th>{t('import.firstRows')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {findings.map((row) => (
                <Table.Tr key={row.code + row.path + row.action}>
                  <Table.Td>
                    <Text size="sm">{nameOf(row.code)}</Text>
                    <Text size="xs" c="dimmed" ff="monospace">
                      {row.path === '*' ? t('checks.otherPlaces') : columnAt(props.job, row.path)}
                    </Text>
                  </Table.Td>
                  <Table.Td>{words('checkAction', row.action)}</Table.Td>
                  <Table.Td ta="right">{format.count(row.count)}</Table.Td>
                  <Table.Td>{row.rows.map((one) => format.count(one)).join(', ')}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Panel>
  )
}

/** The column of the file behind a place, where the mapping names one. */
function columnAt({ mapping }: Job, path: string): string {
  return mapping.fields[path.split('.').at(-1) ?? ''] ?? path
}

/** Row by row, what was not used of it or is doubted. */
function Notes(props: { job: Job }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const nameOf = useFindingName()
  const notes = usePages(api.ingest.importNotes, { params: { import: props.job.id }, query: { limit: 50 } })
  return (
    <Panel title={t('import.notes')} definition={t('import.notesHint')} testid="import-notes">
      <Fetch of={notes}>
        {(rows) => (
          <Table.ScrollContainer minWidth={500}>
            <Table fz="xs" aria-label={t('import.notes')}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th ta="right">{t('import.rowNumber')}</Table.Th>
                  <Table.Th>{t('checks.check')}</Table.Th>
                  <Table.Th>{t('quarantine.where')}</Table.Th>
                  <Table.Th>{t('import.value')}</Table.Th>
                  <Table.Th>{t('checks.decision')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={`${row.row}${row.code}${row.path}${row.action}`}>
                    <Table.Td ta="right">{format.count(row.row)}</Table.Td>
                    <Table.Td>{nameOf(row.code)}</Table.Td>
                    <Table.Td>{columnAt(props.job, row.path)}</Table.Td>
                    <Table.Td>{row.given}</Table.Td>
                    <Table.Td>{words('checkAction', row.action)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
            <Group justify="center">
              <LoadMore of={notes} />
            </Group>
          </Table.ScrollContainer>
        )}
      </Fetch>
    </Panel>
  )
}

/** Columns of a preview in the order in which one reads them. */
const first = ['row', 'event', 'at', 'identifiers', 'traits', 'properties']

/** A value of a preview in one line. */
function shown(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map(shown).join(' · ')
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([name, inner]) => `${name}: ${shown(inner)}`)
    .join(' · ')
}

function Preview(props: { rows: Job['preview'] }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const filled = new Set(props.rows.flatMap((row) => Object.keys(row).filter((name) => shown(row[name]) !== '')))
  const columns = [...new Set([...first.filter((name) => filled.has(name)), ...filled])].slice(0, 12)
  return (
    <Table.ScrollContainer minWidth={500}>
      <Table fz="xs" aria-label={t('import.sample')}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column}>{words('previewColumn', column)}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a file have no name
            <Table.Tr key={index}>
              {columns.map((column) => (
                <Table.Td key={column}>
                  {column === 'at' && typeof row.at === 'string'
                    ? format.dateTime(row.at)
                    : column === 'event'
                      ? words('event', words('eventKind', String(row.event)))
                      : shown(row[column])}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Rejects(props: { job: Job }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const rejects = usePages(api.ingest.rejects, { params: { import: props.job.id }, query: { limit: 50 } })
  return (
    <Panel
      title={t('import.rejects')}
      testid="rejects"
      actions={
        props.job.rejectsPath === null ? null : (
          <Anchor href={props.job.rejectsPath} size="sm" download>
            {t('import.rejectsFile')}
          </Anchor>
        )
      }
    >
      <Fetch of={rejects} empty={(rows) => (rows.length === 0 ? <Empty title={t('import.noRejects')} /> : null)}>
        {(rows) => (
          <Stack gap="sm">
            {rows.map((row) => (
              <div key={row.row}>
                <Text size="sm">
                  {t('import.row', { row: format.count(row.row) })}: {row.reason}
                </Text>
                <Code block fz={11}>
                  {row.raw}
                </Code>
              </div>
            ))}
            <Group justify="center">
              <LoadMore of={rejects} />
            </Group>
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}
