import { type AnswerOf, api, type Purpose, purposes } from '@einklang/contract'
import { Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { AddButton } from '../../kit/add-button.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { firstGraph } from './graph.ts'

type Row = AnswerOf<typeof api.decision.journeys>['items'][number]

export function Journeys(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const navigate = useNavigate()
  const [creating, setCreating] = useState(false)
  const journeys = useAnswer(api.decision.journeys)
  useLiveAnswers(['decision', 'delivery'])
  const columns = useMemo((): Column<Row>[] => {
    const number = (id: keyof Row['counts'], header: string): Column<Row> => ({
      id,
      header,
      width: 118,
      align: 'right',
      sort: (row) => row.counts[id],
      cell: (row) => format.count(row.counts[id]),
    })
    return [
      {
        id: 'name',
        header: t('journey.name'),
        sort: (row) => row.name.toLowerCase(),
        cell: (row) => (
          <Stack gap={0} py={2}>
            <ScreenLink to="/decision/$journey" params={{ journey: row.id }} fw={550}>
              {row.name}
            </ScreenLink>
            <Text size="xs" c="dimmed" lineClamp={1}>
              {row.description}
            </Text>
          </Stack>
        ),
      },
      {
        id: 'state',
        header: t('journey.state'),
        width: 110,
        sort: (row) => row.state,
        cell: (row) => (
          <Group gap={4}>
            <StateBadge state={row.state} label={words('journeyState', row.state)} />
            {row.hasDraft && row.state !== 'draft' ? <StateBadge state="draft" label={t('journey.changed')} /> : null}
          </Group>
        ),
      },
      number('entered', t('journey.entered')),
      number('waiting', t('journey.waiting')),
      number('goal', t('journey.goal')),
      number('heldOut', t('journey.heldOut')),
      number('messages', t('journey.messages')),
      {
        id: 'updated',
        header: t('audience.updated'),
        width: 172,
        sort: (row) => row.updatedAt,
        cell: (row) => <DateTime at={row.updatedAt} />,
      },
    ]
  }, [t, format, words])
  const create = may(api.decision.createJourney) ? (
    <AddButton label={t('journey.new')} testid="new-journey" onClick={() => setCreating(true)} />
  ) : null
  return (
    <Page title={t('nav.decision')} hint={t('hint.decision')} actions={create}>
      <Fetch
        of={journeys}
        loading={<Loading rows={6} height={48} />}
        empty={(value) =>
          value.items.length === 0 ? (
            <Empty title={t('journey.none')} hint={t('journey.noneHint')} action={create} />
          ) : null
        }
      >
        {(value) => (
          <DataTable
            testid="journeys"
            label={t('nav.decision')}
            columns={columns}
            rows={value.items}
            rowKey={(row) => row.id}
            onOpen={(row) => void navigate({ to: '/decision/$journey', params: { journey: row.id } })}
          />
        )}
      </Fetch>
      {creating ? <Create onClose={() => setCreating(false)} /> : null}
    </Page>
  )
}

function Create(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [purpose, setPurpose] = useState<Purpose>('offers_profiled')
  const [event, setEvent] = useState<string | null>(null)
  const vocabulary = useAnswer(api.audience.vocabulary)
  const create = useDeed(api.decision.createJourney, { refresh: ['decision'] })
  async function make(): Promise<void> {
    if (event === null) return
    const made = await create.run({ body: { name: name.trim(), purpose, graph: firstGraph(event) } })
    if (made !== undefined) void navigate({ to: '/decision/$journey', params: { journey: made.id } })
  }
  return (
    <Modal opened onClose={props.onClose} title={t('journey.new')}>
      <Stack gap="sm">
        <TextInput
          label={t('journey.name')}
          data-autofocus
          required
          value={name}
          onChange={(change) => setName(change.currentTarget.value)}
          data-testid="journey-name"
        />
        <Select
          label={t('journey.starts')}
          searchable
          required
          value={event}
          onChange={setEvent}
          data={(vocabulary.data?.events ?? []).map((known) => ({
            value: known.name,
            label: words('event', known.name),
          }))}
        />
        <Select
          label={t('consent.purpose')}
          allowDeselect={false}
          value={purpose}
          onChange={(value) => setPurpose((value ?? purpose) as Purpose)}
          data={purposes.map((value) => ({ value, label: words('purpose', value) }))}
        />
        <DialogActions
          confirm={t('kit.create')}
          disabled={name.trim() === '' || event === null}
          pending={create.pending}
          testid="create-journey"
          onClose={props.onClose}
          onConfirm={() => void make()}
        />
      </Stack>
    </Modal>
  )
}
