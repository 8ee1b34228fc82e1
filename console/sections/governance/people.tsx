import { type AnswerOf, api, type Role, roles } from '@einklang/contract'
import { Badge, Button, Group, Menu, Modal, MultiSelect, Stack, Text, TextInput } from '@mantine/core'
import { IconDots, IconUserPlus } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { ShownOnce } from '../../kit/shown-once.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useDeed, usePages } from '../../shell/api.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Colleague = AnswerOf<typeof api.governance.people>['items'][number]

export function People(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [inviting, setInviting] = useState(false)
  const [password, setPassword] = useState<{ name: string; password: string } | null>(null)
  const people = usePages(api.governance.people, { query: { limit: 200 } })
  const columns = useMemo(
    (): Column<Colleague>[] => [
      {
        id: 'name',
        header: t('person.name'),
        sort: (row) => row.name.toLowerCase(),
        cell: (row) => (
          <>
            <Text size="sm" fw={550}>
              {row.name}
            </Text>
            <Text size="xs" c="dimmed">
              {row.email}
            </Text>
          </>
        ),
      },
      {
        id: 'roles',
        header: t('settings.roles'),
        cell: (row) => (
          <Group gap={4}>
            {row.roles.map((role) => (
              <Badge key={role} variant="light" tt="none">
                {words('role', role)}
              </Badge>
            ))}
          </Group>
        ),
      },
      {
        id: 'state',
        header: t('message.state'),
        width: 130,
        sort: (row) => row.state,
        cell: (row) => <StateBadge state={row.state} label={words('colleagueState', row.state)} />,
      },
      {
        id: 'since',
        header: t('settings.since'),
        width: 130,
        sort: (row) => row.createdAt,
        cell: (row) => <DateTime at={row.createdAt} day />,
      },
      {
        id: 'last',
        header: t('settings.lastSignIn'),
        width: 172,
        sort: (row) => row.lastSignInAt,
        cell: (row) => <Ago at={row.lastSignInAt} />,
      },
      { id: 'deeds', header: '', width: 70, cell: (row) => <Deeds colleague={row} onPassword={setPassword} /> },
    ],
    [t, words],
  )
  return (
    <Stack>
      {may(api.governance.invite) ? (
        <Group justify="flex-end">
          <Button
            leftSection={<IconUserPlus size={16} aria-hidden />}
            onClick={() => setInviting(true)}
            data-testid="invite"
          >
            {t('settings.invite')}
          </Button>
        </Group>
      ) : null}
      <Fetch
        of={people}
        loading={<Loading rows={5} height={44} />}
        empty={(rows) => (rows.length === 0 ? <Empty title={t('settings.noPeople')} /> : null)}
      >
        {(rows) => (
          <DataTable
            testid="people"
            label={t('settings.people')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            more={people.more}
            onEnd={people.onEnd}
          />
        )}
      </Fetch>
      {inviting ? (
        <Invite
          onClose={() => setInviting(false)}
          onMade={(made) => {
            setInviting(false)
            setPassword(made)
          }}
        />
      ) : null}
      <ShownOnce
        title={t('settings.passwordTitle', { name: password?.name ?? '' })}
        warning={t('settings.passwordOnce')}
        secret={password?.password ?? null}
        testid="generated-password"
        onClose={() => setPassword(null)}
      />
    </Stack>
  )
}

function Deeds(props: {
  colleague: Colleague
  onPassword: (made: { name: string; password: string }) => void
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const { user } = useSession()
  const { colleague } = props
  const [asking, setAsking] = useState<'suspend' | 'password' | 'roles' | null>(null)
  const [chosen, setChosen] = useState<string[]>(colleague.roles)
  const change = useDeed(api.governance.changeColleague, { refresh: ['governance'], done: t('kit.saved') })
  const reset = useDeed(api.governance.resetPassword, { refresh: ['governance'] })
  if (!may(api.governance.changeColleague)) return null
  const params = { user: colleague.id }
  const suspended = colleague.state === 'suspended'
  const self = colleague.id === user.id
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            aria-label={t('settings.deeds', { name: colleague.name })}
          >
            <IconDots size={16} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsking('roles')}>{t('settings.changeRoles')}</Menu.Item>
          <Menu.Item onClick={() => setAsking('password')}>{t('settings.resetPassword')}</Menu.Item>
          <Menu.Item color="red" disabled={self} onClick={() => setAsking('suspend')}>
            {t(suspended ? 'settings.bringBack' : 'settings.suspend')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asking === 'suspend'}
        title={t(suspended ? 'settings.bringBack' : 'settings.suspend')}
        text={t(suspended ? 'settings.bringBackText' : 'settings.suspendText', { name: colleague.name })}
        confirm={t(suspended ? 'settings.bringBack' : 'settings.suspend')}
        danger={!suspended}
        pending={change.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void change.run({ params, body: { suspended: !suspended } }).then(() => setAsking(null))}
      />
      <Confirm
        opened={asking === 'password'}
        title={t('settings.resetPassword')}
        text={t('settings.resetPasswordText', { name: colleague.name })}
        confirm={t('settings.resetPassword')}
        pending={reset.pending}
        onClose={() => setAsking(null)}
        onConfirm={() =>
          void reset.run({ params }).then((made) => {
            setAsking(null)
            if (made !== undefined) props.onPassword({ name: colleague.name, password: made.password })
          })
        }
      />
      <Modal opened={asking === 'roles'} onClose={() => setAsking(null)} title={t('settings.changeRoles')}>
        <Stack>
          <MultiSelect
            label={t('settings.roles')}
            value={chosen}
            onChange={setChosen}
            data={roles.map((value) => ({ value, label: words('role', value) }))}
          />
          <Group justify="flex-end">
            <Button
              disabled={chosen.length === 0}
              loading={change.pending}
              onClick={() => void change.run({ params, body: { roles: chosen as Role[] } }).then(() => setAsking(null))}
            >
              {t('kit.save')}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}

function Invite(props: { onClose: () => void; onMade: (made: { name: string; password: string }) => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const [chosen, setChosen] = useState<string[]>(['marketer'])
  const invite = useDeed(api.governance.invite, { refresh: ['governance'] })
  async function make(): Promise<void> {
    const made = await invite.run({ body: { name: name.trim(), email: email.trim(), roles: chosen as Role[] } })
    if (made !== undefined) props.onMade({ name: made.colleague.name, password: made.password })
  }
  return (
    <Modal opened onClose={props.onClose} title={t('settings.invite')}>
      <Stack gap="sm">
        <TextInput
          label={t('person.name')}
          required
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label={t('person.email')}
          type="email"
          required
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <MultiSelect
          label={t('settings.roles')}
          required
          value={chosen}
          onChange={setChosen}
          data={roles.map((value) => ({ value, label: words('role', value) }))}
        />
        <DialogActions
          confirm={t('settings.invite')}
          disabled={name.trim() === '' || email.trim() === '' || chosen.length === 0}
          pending={invite.pending}
          onClose={props.onClose}
          onConfirm={() => void make()}
        />
      </Stack>
    </Modal>
  )
}
