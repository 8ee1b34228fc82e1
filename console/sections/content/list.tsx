import { type AnswerOf, api, type Purpose, purposes } from '@einklang/contract'
import { Badge, Group, Modal, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { AddButton } from '../../kit/add-button.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { Page } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Row = AnswerOf<typeof api.content.concepts>['items'][number]

export function Concepts(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const navigate = useNavigate()
  const [creating, setCreating] = useState(false)
  const concepts = useAnswer(api.content.concepts)
  useLiveAnswers(['content'])
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'name',
        header: t('content.name'),
        sort: (row) => row.name.toLowerCase(),
        cell: (row) => (
          <Stack gap={0} py={2}>
            <ScreenLink to="/content/$concept" params={{ concept: row.id }} fw={550}>
              {row.name}
            </ScreenLink>
            <Text size="xs" c="dimmed" lineClamp={1}>
              {row.description}
            </Text>
          </Stack>
        ),
      },
      {
        id: 'variants',
        header: t('content.variants'),
        cell: (row) => (
          <Group gap={4}>
            {row.variants.map((variant) => (
              <Badge
                key={`${variant.channel}${variant.language}`}
                variant="light"
                color={variant.blocked ? 'red' : 'teal'}
                tt="none"
              >
                {words('channel', variant.channel)} {variant.language}
                {variant.blocked ? ` · ${t('content.blocked')}` : ''}
              </Badge>
            ))}
          </Group>
        ),
      },
      {
        id: 'purpose',
        header: t('consent.purpose'),
        width: 190,
        sort: (row) => row.purpose,
        cell: (row) => words('purpose', row.purpose),
      },
      {
        id: 'updated',
        header: t('audience.updated'),
        width: 172,
        sort: (row) => row.updatedAt,
        cell: (row) => <DateTime at={row.updatedAt} />,
      },
    ],
    [t, words],
  )
  const create = may(api.content.createConcept) ? (
    <AddButton label={t('content.new')} testid="new-concept" onClick={() => setCreating(true)} />
  ) : null
  return (
    <Page title={t('nav.content')} hint={t('hint.content')} actions={create}>
      <Fetch
        of={concepts}
        loading={<Loading rows={6} height={48} />}
        empty={(value) =>
          value.items.length === 0 ? (
            <Empty title={t('content.none')} hint={t('content.noneHint')} action={create} />
          ) : null
        }
      >
        {(value) => (
          <DataTable
            testid="concepts"
            label={t('nav.content')}
            columns={columns}
            rows={value.items}
            rowKey={(row) => row.id}
            onOpen={(row) => void navigate({ to: '/content/$concept', params: { concept: row.id } })}
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
  const { brand } = useSession()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const [purpose, setPurpose] = useState<Purpose>('offers_profiled')
  const create = useDeed(api.content.createConcept, { refresh: ['content'] })
  async function make(): Promise<void> {
    const made = await create.run({
      body: { name: name.trim(), description: description.trim(), purpose, language: brand.language },
    })
    if (made !== undefined) void navigate({ to: '/content/$concept', params: { concept: made.id } })
  }
  return (
    <Modal opened onClose={props.onClose} title={t('content.new')}>
      <Stack gap="sm">
        <TextInput
          label={t('content.name')}
          data-autofocus
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label={t('audience.description')}
          autosize
          minRows={2}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <Select
          label={t('consent.purpose')}
          description={t('content.purposeMeaning')}
          allowDeselect={false}
          value={purpose}
          onChange={(value) => setPurpose((value ?? purpose) as Purpose)}
          data={purposes.map((value) => ({ value, label: words('purpose', value) }))}
        />
        <DialogActions
          confirm={t('kit.create')}
          disabled={name.trim() === ''}
          pending={create.pending}
          onClose={props.onClose}
          onConfirm={() => void make()}
        />
      </Stack>
    </Modal>
  )
}
