import { type AnswerOf, api, type Role, roles } from '@einklang/contract'
import { Button, Code, Group, Modal, MultiSelect, NumberInput, Stack, TextInput } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { AddButton } from '../../kit/add-button.tsx'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { ShownOnce } from '../../kit/shown-once.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

type Key = AnswerOf<typeof api.governance.keys>['items'][number]

/** Keys with which other programs call the interface; keys of data sources live with their source. */
export function Keys(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [creating, setCreating] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  const [revoking, setRevoking] = useState<Key | null>(null)
  const keys = useAnswer(api.governance.keys)
  const revoke = useDeed(api.governance.revokeKey, { refresh: ['governance'], done: t('source.revoked') })
  const columns = useMemo(
    (): Column<Key>[] => [
      { id: 'name', header: t('keys.name'), sort: (row) => row.name, cell: (row) => row.name },
      { id: 'start', header: t('keys.start'), width: 140, cell: (row) => <Code>{row.start}…</Code> },
      {
        id: 'roles',
        header: t('settings.roles'),
        cell: (row) => row.roles.map((role) => words('role', role)).join(', '),
      },
      {
        id: 'created',
        header: t('keys.created'),
        width: 172,
        sort: (row) => row.createdAt,
        cell: (row) => <DateTime at={row.createdAt} />,
      },
      {
        id: 'expires',
        header: t('keys.expires'),
        width: 172,
        sort: (row) => row.expiresAt,
        cell: (row) => <DateTime at={row.expiresAt} />,
      },
      {
        id: 'used',
        header: t('keys.used'),
        width: 140,
        sort: (row) => row.lastUsedAt,
        cell: (row) => <Ago at={row.lastUsedAt} />,
      },
      {
        id: 'end',
        header: '',
        width: 110,
        cell: (row) => (
          <Button size="compact-xs" variant="subtle" color="red" onClick={() => setRevoking(row)}>
            {t('source.revoke')}
          </Button>
        ),
      },
    ],
    [t, words],
  )
  const create = <AddButton label={t('keys.new')} testid="new-api-key" onClick={() => setCreating(true)} />
  return (
    <Stack>
      <Group justify="flex-end">{create}</Group>
      <Fetch
        of={keys}
        loading={<Loading rows={4} />}
        empty={(value) =>
          value.items.length === 0 ? <Empty title={t('keys.none')} hint={t('keys.noneHint')} /> : null
        }
      >
        {(value) => (
          <DataTable label={t('settings.keys')} columns={columns} rows={value.items} rowKey={(row) => row.id} />
        )}
      </Fetch>
      {creating ? (
        <Create
          onClose={() => setCreating(false)}
          onMade={(made) => {
            setCreating(false)
            setSecret(made)
          }}
        />
      ) : null}
      <ShownOnce
        title={t('keys.secret')}
        warning={t('source.once')}
        secret={secret}
        testid="generated-key"
        onClose={() => setSecret(null)}
      />
      <Confirm
        opened={revoking !== null}
        title={t('source.revoke')}
        text={t('keys.revokeText', { name: revoking?.name ?? '' })}
        confirm={t('source.revoke')}
        danger
        pending={revoke.pending}
        onClose={() => setRevoking(null)}
        onConfirm={() => {
          if (revoking !== null) void revoke.run({ params: { key: revoking.id } }).then(() => setRevoking(null))
        }}
      />
    </Stack>
  )
}

function Create(props: { onClose: () => void; onMade: (secret: string) => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<string[]>(['analyst'])
  const [days, setDays] = useState<number | string>(365)
  const create = useDeed(api.governance.createKey, { refresh: ['governance'] })
  async function make(): Promise<void> {
    const made = await create.run({
      body: { name: name.trim(), roles: chosen as Role[], ...(days === '' ? {} : { days: Math.round(Number(days)) }) },
    })
    if (made !== undefined) props.onMade(made.secret)
  }
  return (
    <Modal opened onClose={props.onClose} title={t('keys.new')}>
      <Stack gap="sm">
        <TextInput
          label={t('keys.name')}
          required
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <MultiSelect
          label={t('settings.roles')}
          value={chosen}
          onChange={setChosen}
          data={roles.map((value) => ({ value, label: words('role', value) }))}
        />
        <NumberInput label={t('keys.days')} min={1} max={730} value={days} onChange={setDays} />
        <DialogActions
          confirm={t('kit.create')}
          disabled={name.trim() === '' || chosen.length === 0}
          pending={create.pending}
          onClose={props.onClose}
          onConfirm={() => void make()}
        />
      </Stack>
    </Modal>
  )
}
