import {
  type AnswerOf,
  type AudienceId,
  api,
  type CallOf,
  type Predicate,
  type Purpose,
  purposes,
} from '@einklang/contract'
import { Button, Grid, Group, Select, Stack, Table, Text, Textarea, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useBlocker, useNavigate, useParams } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page, Panel } from '../../kit/page.tsx'
import { Empty, Failed, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed, useEarly, usePages } from '../../shell/api.ts'
import { PersonLink, ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useSaid, useWords } from '../../shell/words.ts'
import { Builder } from './builder.tsx'
import { unfinished } from './tree.ts'

type Audience = AnswerOf<typeof api.audience.read>
type Member = AnswerOf<typeof api.audience.members>['items'][number]

export function AudiencePage(): ReactNode {
  const { t } = useTranslation()
  const { audience } = useParams({ strict: false }) as { audience: string }
  return audience === 'new' ? (
    <Editor key="new" audience={null} />
  ) : (
    <Existing key={audience} audience={audience as AudienceId} title={t('audience.title')} />
  )
}

function Existing(props: { audience: AudienceId; title: string }): ReactNode {
  const may = useMay()
  const read = useAnswer(api.audience.read, { params: { audience: props.audience } })
  useEarly(api.audience.vocabulary)
  useEarly(api.audience.members, membersQuestion(props.audience), { pages: true, enabled: may(api.audience.members) })
  return (
    <Fetch
      of={read}
      loading={
        <Page title={props.title}>
          <Loading rows={10} />
        </Page>
      }
    >
      {(value) => <Editor audience={value} />}
    </Fetch>
  )
}

type Draft = { name: string; description: string; purpose: Purpose; predicate: Predicate }

function draftOf(audience: Audience | null): Draft {
  return {
    name: audience?.name ?? '',
    description: audience?.description ?? '',
    purpose: audience?.purpose ?? 'profiling',
    predicate: audience?.predicate ?? { all: [] },
  }
}

function Editor(props: { audience: Audience | null }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const navigate = useNavigate()
  const { audience } = props
  const [draft, setDraft] = useState<Draft>(() => draftOf(audience))
  const [saved, setSaved] = useState(() => JSON.stringify(draftOf(audience)))
  const [deleting, setDeleting] = useState(false)
  const vocabulary = useAnswer(api.audience.vocabulary)
  const create = useDeed(api.audience.create, { refresh: ['audience'], done: t('kit.saved') })
  const update = useDeed(api.audience.update, { refresh: ['audience'], done: t('kit.saved') })
  const remove = useDeed(api.audience.remove, { refresh: ['audience'], done: t('audience.removed') })
  const writable = may(api.audience.update)
  const changed = JSON.stringify(draft) !== saved
  const complete = draft.name.trim() !== '' && unfinished(draft.predicate) === null
  useBlocker({ shouldBlockFn: () => changed && !window.confirm(t('kit.leave')), enableBeforeUnload: () => changed })

  async function save(): Promise<void> {
    const body = {
      name: draft.name.trim(),
      description: draft.description.trim() === '' ? null : draft.description.trim(),
      purpose: draft.purpose,
      predicate: draft.predicate,
    }
    if (audience === null) {
      const made = await create.run({ body })
      if (made === undefined) return
      setSaved(JSON.stringify(draft))
      // The guard reads the state of the next drawing, so leaving waits for it.
      setTimeout(() => void navigate({ to: '/audience/$audience', params: { audience: made.audience }, replace: true }))
    } else {
      const made = await update.run({
        params: { audience: audience.audience },
        body: { ...body, version: audience.version },
      })
      if (made !== undefined) setSaved(JSON.stringify(draft))
    }
  }

  async function erase(): Promise<void> {
    if (audience === null) return
    const done = await remove.run({ params: { audience: audience.audience } })
    setDeleting(false)
    if (done !== undefined) void navigate({ to: '/audience' })
  }

  return (
    <Page
      title={audience?.name ?? t('audience.new')}
      above={
        <ScreenLink to="/audience" size="xs">
          {t('nav.audience')}
        </ScreenLink>
      }
      actions={
        writable ? (
          <>
            {audience === null ? null : (
              <Button variant="subtle" color="red" onClick={() => setDeleting(true)}>
                {t('kit.delete')}
              </Button>
            )}
            <Button
              onClick={() => void save()}
              disabled={!changed || !complete}
              loading={create.pending || update.pending}
              data-testid="save-audience"
            >
              {t('kit.save')}
            </Button>
          </>
        ) : null
      }
    >
      <Grid>
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Stack>
            <Panel title={t('audience.definition')}>
              <Stack gap="sm">
                <Group grow align="flex-start">
                  <TextInput
                    label={t('audience.name')}
                    required
                    readOnly={!writable}
                    value={draft.name}
                    onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
                    data-testid="audience-name"
                  />
                  <Select
                    label={t('consent.purpose')}
                    description={t('audience.purposeMeaning')}
                    inputWrapperOrder={['label', 'input', 'description']}
                    allowDeselect={false}
                    readOnly={!writable}
                    value={draft.purpose}
                    onChange={(purpose) => setDraft({ ...draft, purpose: (purpose ?? 'profiling') as Purpose })}
                    data={purposes.map((value) => ({ value, label: words('purpose', value) }))}
                  />
                </Group>
                <Textarea
                  label={t('audience.description')}
                  autosize
                  minRows={1}
                  readOnly={!writable}
                  value={draft.description}
                  onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })}
                />
                <Fetch of={vocabulary}>
                  {(words) => (
                    <Builder
                      tree={draft.predicate}
                      vocabulary={words}
                      disabled={!writable}
                      onChange={(predicate) => setDraft((now) => ({ ...now, predicate }))}
                    />
                  )}
                </Fetch>
              </Stack>
            </Panel>
            {audience === null ? null : <Members audience={audience.audience} />}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Stack>
            <Size predicate={draft.predicate} />
            {audience === null ? null : <Reach audience={audience} />}
            {audience === null ? null : <History audience={audience} />}
            {audience === null ? null : <Overlap audience={audience.audience} />}
          </Stack>
        </Grid.Col>
      </Grid>
      <Confirm
        opened={deleting}
        title={t('audience.remove')}
        text={t('audience.removeText', { name: audience?.name ?? '' })}
        confirm={t('kit.delete')}
        danger
        pending={remove.pending}
        onClose={() => setDeleting(false)}
        onConfirm={() => void erase()}
      />
    </Page>
  )
}

/** How many fit while the condition is being written. */
function Size(props: { predicate: Predicate }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const said = useSaid()
  const [asked] = useDebouncedValue(props.predicate, 350)
  const complete = unfinished(asked) === null
  const preview = useAnswer(api.audience.preview, { body: { predicate: asked } }, { enabled: complete, keep: true })
  return (
    <Panel title={t('audience.fits')} definition={t('audience.fitsMeaning')} testid="live-size">
      {!complete ? (
        <Text size="sm" c="dimmed">
          {t('audience.incomplete')}
        </Text>
      ) : preview.failure !== null ? (
        <Failed failure={preview.failure} onRetry={preview.retry} />
      ) : preview.data === undefined ? (
        <Loading rows={2} />
      ) : (
        <Stack gap={4} aria-live="polite">
          <Text fz={34} fw={650} lh={1.1} data-testid="live-size-value" style={{ opacity: preview.fetching ? 0.5 : 1 }}>
            {format.count(preview.data.size)}
          </Text>
          <Text size="sm" c="dimmed">
            {t('audience.ofAll', {
              share: format.percent(preview.data.persons === 0 ? 0 : preview.data.size / preview.data.persons),
              persons: format.count(preview.data.persons),
            })}
          </Text>
          <Text size="sm">{said(preview.data.sentence)}</Text>
        </Stack>
      )}
    </Panel>
  )
}

function Reach(props: { audience: Audience }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  return (
    <Panel title={t('audience.reach')} definition={t('audience.reachMeaning')} testid="reach">
      <Table fz="sm" aria-label={t('audience.reach')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('message.channel')}</Table.Th>
            <Table.Th ta="right">{t('audience.withAddress')}</Table.Th>
            <Table.Th ta="right">{t('audience.permitted')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.audience.reach.map((row) => (
            <Table.Tr key={`${row.channel}${row.purpose}`}>
              <Table.Td>
                {words('channel', row.channel)}
                <Text size="xs" c="dimmed">
                  {words('purpose', row.purpose)}
                </Text>
              </Table.Td>
              <Table.Td ta="right">{format.count(row.withAddress)}</Table.Td>
              <Table.Td ta="right">{format.count(row.permitted)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Panel>
  )
}

function History(props: { audience: Audience }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { history } = props.audience
  if (history.length < 2) return null
  return (
    <Panel title={t('audience.history')} definition={t('audience.historyMeaning')}>
      <Chart
        label={t('audience.history')}
        height={160}
        fileName="einklang-audience"
        categories={history.map((point) => format.date(point.day))}
        format={format.count}
        formatAxis={format.short}
        series={[{ name: t('audience.size'), kind: 'area', values: history.map((point) => point.size) }]}
      />
    </Panel>
  )
}

function Overlap(props: { audience: AudienceId }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const [other, setOther] = useState<string | null>(null)
  const [opened, setOpened] = useState(false)
  const list = useAnswer(api.audience.list, undefined, { enabled: opened })
  const overlap = useAnswer(
    api.audience.overlap,
    { query: { first: props.audience, second: other ?? '' } },
    { enabled: other !== null, keep: true },
  )
  return (
    <Panel title={t('audience.overlap')} definition={t('audience.overlapMeaning')}>
      <Select
        size="sm"
        searchable
        aria-label={t('audience.other')}
        placeholder={t('audience.other')}
        value={other}
        onChange={setOther}
        onDropdownOpen={() => setOpened(true)}
        data={(list.data?.items ?? [])
          .filter((audience) => audience.audience !== props.audience)
          .map((audience) => ({ value: audience.audience, label: audience.name }))}
      />
      {overlap.data === undefined || other === null ? null : (
        <Text size="sm" mt="xs">
          {t('audience.both', {
            both: format.count(overlap.data.both),
            share: format.percent(overlap.data.first === 0 ? 0 : overlap.data.both / overlap.data.first),
          })}
        </Text>
      )}
    </Panel>
  )
}

function membersQuestion(audience: AudienceId): CallOf<typeof api.audience.members> {
  return { params: { audience }, query: { limit: 100 } }
}

function Members(props: { audience: AudienceId }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const navigate = useNavigate()
  const members = usePages(api.audience.members, membersQuestion(props.audience), {
    enabled: may(api.audience.members),
  })
  const columns = useMemo(
    (): Column<Member>[] => [
      {
        id: 'name',
        header: t('person.name'),
        sort: (row) => row.name,
        cell: (row) => <PersonLink person={row.person} name={row.name ?? row.email ?? t('person.anonymous')} />,
      },
      { id: 'email', header: t('person.email'), sort: (row) => row.email, cell: (row) => row.email ?? '–' },
      { id: 'city', header: t('person.city'), width: 140, sort: (row) => row.city, cell: (row) => row.city ?? '–' },
      {
        id: 'seen',
        header: t('person.lastSeen'),
        width: 140,
        sort: (row) => row.lastSeen,
        cell: (row) => <Ago at={row.lastSeen} />,
      },
      {
        id: 'since',
        header: t('audience.since'),
        width: 172,
        sort: (row) => row.since,
        cell: (row) => <DateTime at={row.since} />,
      },
    ],
    [t],
  )
  if (!may(api.audience.members)) return null
  return (
    <Panel title={t('audience.members')} testid="members">
      <Fetch
        of={members}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('audience.noMembers')} hint={t('audience.noMembersHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            label={t('audience.members')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.person}
            onOpen={(row) => void navigate({ to: '/profile/$person', params: { person: row.person } })}
            more={members.more}
            onEnd={members.onEnd}
            height={460}
          />
        )}
      </Fetch>
    </Panel>
  )
}
