import { type AnswerOf, api, importKinds, isVendorKind } from '@einklang/contract'
import {
  Button,
  FileInput,
  Group,
  Modal,
  Progress,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Table,
  Text,
} from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Failed, type Failure, Fetch, Loading } from '../../kit/states.tsx'
import { client, failureOf, queries, useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Feeds } from './feeds.tsx'
import { headOf, sendFile, sha256Of } from './upload.ts'

type Job = AnswerOf<typeof api.ingest.imports>['items'][number]
type Kind = keyof typeof importKinds
type Detected = AnswerOf<typeof api.ingest.detectColumns>

export function Imports(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const navigate = useNavigate()
  const [sending, setSending] = useState(false)
  const imports = usePages(api.ingest.imports, { query: { limit: 50 } })
  const columns = useMemo(
    (): Column<Job>[] => [
      {
        id: 'at',
        header: t('import.at'),
        width: 172,
        sort: (row) => row.createdAt,
        cell: (row) => <DateTime at={row.createdAt} />,
      },
      {
        id: 'file',
        header: t('import.file'),
        sort: (row) => row.fileName,
        cell: (row) => (
          <>
            <Text size="sm">{row.fileName}</Text>
            <Text size="xs" c="dimmed">
              {words('importKind', row.kind)} · {row.sourceName}
              {row.dryRun ? ` · ${t('import.dryRun')}` : ''}
            </Text>
          </>
        ),
      },
      {
        id: 'state',
        header: t('message.state'),
        width: 140,
        sort: (row) => row.state,
        cell: (row) => (
          <Stack gap={2}>
            <StateBadge state={row.state} label={words('importState', row.state)} />
            {row.state === 'running' || row.state === 'uploading' ? (
              <Progress
                size="sm"
                value={(row.state === 'uploading' ? row.uploaded / row.size : row.progress) * 100}
                aria-label={t('import.progress')}
              />
            ) : null}
          </Stack>
        ),
      },
      {
        id: 'rows',
        header: t('import.rows'),
        width: 118,
        align: 'right',
        sort: (row) => row.rowsRead,
        cell: (row) => format.count(row.rowsRead),
      },
      {
        id: 'accepted',
        header: t('import.accepted'),
        width: 140,
        align: 'right',
        sort: (row) => row.accepted,
        cell: (row) => format.count(row.accepted),
      },
      {
        id: 'duplicates',
        header: t('import.duplicates'),
        width: 118,
        align: 'right',
        sort: (row) => row.duplicates,
        cell: (row) => format.count(row.duplicates),
      },
      {
        id: 'waiting',
        header: t('import.waiting'),
        width: 112,
        align: 'right',
        sort: (row) => row.waiting,
        cell: (row) =>
          row.waiting === 0 || row.dryRun || !may(api.ingest.quarantine) ? (
            format.count(row.waiting)
          ) : (
            <ScreenLink to="/ingest" search={{ tab: 'quarantine', import: row.id }} size="sm">
              {format.count(row.waiting)}
            </ScreenLink>
          ),
      },
      {
        id: 'rejected',
        header: t('import.rejected'),
        width: 128,
        align: 'right',
        sort: (row) => row.rejected,
        cell: (row) => format.count(row.rejected),
      },
    ],
    [t, format, words, may],
  )
  const start = may(api.ingest.createImport) ? (
    <Button
      leftSection={<IconUpload size={16} aria-hidden />}
      onClick={() => setSending(true)}
      data-testid="new-import"
    >
      {t('import.new')}
    </Button>
  ) : null
  return (
    <Stack>
      <Feeds />
      <Group justify="flex-end">{start}</Group>
      <Fetch
        of={imports}
        loading={<Loading rows={6} height={44} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('import.none')} hint={t('import.noneHint')} action={start} /> : null
        }
      >
        {(rows) => (
          <DataTable
            testid="imports"
            label={t('ingest.imports')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            onOpen={(row) => void navigate({ to: '/ingest/imports/$import', params: { import: row.id } })}
            more={imports.more}
            onEnd={imports.onEnd}
          />
        )}
      </Fetch>
      {sending ? <Send onClose={() => setSending(false)} /> : null}
    </Stack>
  )
}

/** Choose, see what we would read, send in parts with progress. */
function Send(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const navigate = useNavigate()
  const [file, setFile] = useState<File | null>(null)
  const [kind, setKind] = useState<Kind>('customers')
  const [source, setSource] = useState<string | null>(null)
  const [dryRun, setDryRun] = useState(true)
  const [progress, setProgress] = useState<number | null>(null)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [detected, setDetected] = useState<Detected | null>(null)
  const sources = useAnswer(api.ingest.sources)
  const detect = useDeed(api.ingest.detectColumns, { refresh: [], quiet: true })

  async function look(chosen: File | null, as: Kind): Promise<void> {
    setFile(chosen)
    setKind(as)
    setDetected(null)
    setFailure(null)
    if (chosen === null) return
    const answer = await detect.run({ body: { kind: as, fileName: chosen.name, head: await headOf(chosen) } })
    if (answer !== undefined) setDetected(answer)
  }

  async function send(): Promise<void> {
    if (file === null || source === null) return
    setFailure(null)
    setProgress(0)
    try {
      const job = await client.call(api.ingest.createImport, {
        body: {
          kind,
          source,
          fileName: file.name,
          size: file.size,
          sha256: await sha256Of(file),
          dryRun,
          // The columns of an archive are known only when it is here.
          ...(detected === null || detected.format === 'xlsx' ? {} : { mapping: detected.mapping }),
        },
      })
      if (job.uploadPath !== null) await sendFile(job.uploadPath, file, job.uploaded, setProgress)
      void queries.invalidateQueries({ queryKey: ['ingest'] })
      void navigate({ to: '/ingest/imports/$import', params: { import: job.id } })
    } catch (error) {
      setFailure(failureOf(error, t('kit.offline')))
      setProgress(null)
    }
  }

  return (
    <Modal opened onClose={props.onClose} size="xl" title={t('import.new')}>
      <Stack gap="sm">
        <FileInput
          label={t('import.file')}
          placeholder={t('import.choose')}
          accept=".csv,.txt,.tsv,.xlsx,.ndjson,.jsonl,.json,.zip"
          value={file}
          onChange={(chosen) => void look(chosen, kind)}
          clearable
        />
        <Group grow>
          <Select
            label={t('import.kind')}
            allowDeselect={false}
            value={kind}
            onChange={(value) => void look(file, (value ?? kind) as Kind)}
            data={Object.keys(importKinds).map((value) => ({ value, label: words('importKind', value) }))}
          />
          <Select
            label={t('trait.source')}
            required
            searchable
            value={source}
            onChange={setSource}
            data={(sources.data?.items ?? []).map((one) => ({ value: one.id, label: one.name }))}
          />
        </Group>
        {detect.failure === null ? null : <Failed failure={detect.failure} />}
        {detected === null ? null : (
          <Found
            kind={kind}
            detected={detected}
            onMap={(fields) => setDetected({ ...detected, mapping: { ...detected.mapping, fields } })}
          />
        )}
        <Switch
          label={t('import.dryRun')}
          description={t('import.dryRunMeaning')}
          checked={dryRun}
          onChange={(event) => setDryRun(event.currentTarget.checked)}
        />
        {failure === null ? null : <Failed failure={failure} />}
        {progress === null ? null : <Progress value={progress * 100} animated aria-label={t('import.progress')} />}
        <DialogActions
          confirm={t(dryRun ? 'import.try' : 'import.start')}
          disabled={file === null || source === null}
          pending={progress !== null}
          testid="send-import"
          onClose={props.onClose}
          onConfirm={() => void send()}
        />
      </Stack>
    </Modal>
  )
}

function Found(props: {
  kind: Kind
  detected: Detected
  onMap: (fields: Detected['mapping']['fields']) => void
}): ReactNode {
  const { t } = useTranslation()
  const [editing, setEditing] = useState(false)
  const { mapping, sample, columns, format } = props.detected
  const missing = props.detected.missing.filter((field) => mapping.fields[field] === undefined)
  if (format === 'xlsx')
    return (
      <Text size="sm" c="dimmed">
        {t('import.archive')}
      </Text>
    )
  const used = new Set(Object.values(mapping.fields))
  const unused = isVendorKind(props.kind) ? [] : columns.filter((column) => column !== '' && !used.has(column))
  // The sample stands in our words; the reader looks for the columns of the file.
  const read = Object.entries(mapping.fields)
  const shown: [field: string, title: string][] =
    read.length > 0 ? read.map(([field, column]) => [field, column]) : columns.map((column) => [column, column])
  return (
    <Stack gap="xs">
      {props.detected.saved === null ? null : (
        <Text size="sm">
          {t('import.saved')}: {props.detected.saved}
        </Text>
      )}
      <Text size="sm">
        {t('import.mapped', { count: Object.keys(mapping.fields).length })}{' '}
        {Object.entries(mapping.fields)
          .map(([field, column]) => `${column} → ${field}`)
          .join(' · ')}
      </Text>
      {editing ? (
        <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} data-testid="mapping">
          {importKinds[props.kind].map((field) => (
            <Select
              key={field}
              size="xs"
              label={field}
              clearable
              placeholder={t('import.noColumn')}
              value={mapping.fields[field] ?? null}
              data={columns}
              onChange={(column) => {
                const { [field]: _, ...others } = mapping.fields
                props.onMap(column === null ? others : { ...others, [field]: column })
              }}
            />
          ))}
        </SimpleGrid>
      ) : (
        <Button
          size="compact-xs"
          variant="light"
          style={{ alignSelf: 'flex-start' }}
          onClick={() => setEditing(true)}
          data-testid="edit-mapping"
        >
          {t('import.editMapping')}
        </Button>
      )}
      {unused.length === 0 ? null : (
        <Text size="sm" c="dimmed">
          {t('import.unused', { columns: unused.join(' · ') })}
        </Text>
      )}
      {missing.length === 0 ? null : (
        <Text size="sm" c="orange">
          {t('import.missing', { fields: missing.join(', ') })}
        </Text>
      )}
      <Table.ScrollContainer minWidth={400} mah={180}>
        <Table fz="xs" withTableBorder aria-label={t('import.sample')}>
          <Table.Thead>
            <Table.Tr>
              {shown.map(([field, title]) => (
                <Table.Th key={field}>{title}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sample.slice(0, 4).map((row, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows of a file have no name
              <Table.Tr key={index}>
                {shown.map(([field]) => (
                  <Table.Td key={field}>{row[field]}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  )
}
