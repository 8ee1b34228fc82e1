import { api } from '@einklang/contract'
import {
  Alert,
  Box,
  Button,
  Card,
  Center,
  Group,
  Image,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import icon from '../icon.svg'
import { client, queries, useDeed } from './api.ts'
import { LanguageChoice, SchemeChoice } from './preferences.tsx'

function Entrance(props: { title: string; hint: string; children: ReactNode }): ReactNode {
  return (
    <Center mih="100dvh" p="md" component="main">
      <Box w="100%" maw={400}>
        <Group justify="center" mb="lg" gap="xs">
          <Image src={icon} w={36} h={36} alt="" />
          <Text fz={26} fw={650}>
            Einklang
          </Text>
        </Group>
        <Card withBorder padding="xl" radius="lg">
          <Title order={1} size="h4">
            {props.title}
          </Title>
          <Text size="sm" c="dimmed" mb="md">
            {props.hint}
          </Text>
          {props.children}
        </Card>
        <Group justify="center" mt="md">
          <LanguageChoice />
          <SchemeChoice />
        </Group>
      </Box>
    </Center>
  )
}

export function SignIn(props: { brand: string }): ReactNode {
  const { t } = useTranslation()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const enter = useDeed(api.governance.signIn, { quiet: true, refresh: [] })

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault()
    const me = await enter.run({ body: { email, password } })
    if (me !== undefined) queries.setQueryData(['governance', 'me', null], me)
  }

  return (
    <Entrance title={t('signIn.title')} hint={t('signIn.hint', { brand: props.brand })}>
      <form onSubmit={(event) => void submit(event)} data-testid="sign-in">
        <Stack gap="sm">
          {enter.failure === null ? null : (
            <Alert color="red" role="alert" data-testid="sign-in-failed">
              {enter.failure.message}
            </Alert>
          )}
          <TextInput
            label={t('signIn.email')}
            type="email"
            name="email"
            autoComplete="username"
            required
            withAsterisk={false}
            data-autofocus
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <PasswordInput
            label={t('signIn.password')}
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" loading={enter.pending} mt="xs">
            {t('signIn.enter')}
          </Button>
        </Stack>
      </form>
    </Entrance>
  )
}

/** The form behind the first sign-in and the one in the user menu. */
export function PasswordForm(props: { onDone: () => void }): ReactNode {
  const { t } = useTranslation()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const change = useDeed(api.governance.changePassword, { quiet: true })
  const short = next !== '' && next.length < 12
  const differs = again !== '' && again !== next

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (next.length < 12 || again !== next) return
    const done = await change.run({ body: { current, next } })
    if (done === undefined) return
    notifications.show({ message: t('signIn.changed'), color: 'teal' })
    props.onDone()
  }

  return (
    <form onSubmit={(event) => void submit(event)} data-testid="new-password">
      <Stack gap="sm">
        {change.failure === null ? null : (
          <Alert color="red" role="alert">
            {change.failure.message}
          </Alert>
        )}
        <PasswordInput
          label={t('signIn.current')}
          name="current"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput
          label={t('signIn.next')}
          description={t('signIn.rule')}
          name="next"
          autoComplete="new-password"
          required
          withAsterisk={false}
          error={short ? t('signIn.short') : null}
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        <PasswordInput
          label={t('signIn.again')}
          name="again"
          autoComplete="new-password"
          required
          withAsterisk={false}
          error={differs ? t('signIn.differs') : null}
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
        />
        <Button type="submit" loading={change.pending} disabled={next.length < 12 || again !== next} mt="xs">
          {t('signIn.change')}
        </Button>
      </Stack>
    </form>
  )
}

export function NewPassword(props: { forced: boolean }): ReactNode {
  const { t } = useTranslation()
  return (
    <Entrance title={t('signIn.newTitle')} hint={t('signIn.newHint')}>
      <PasswordForm onDone={() => void queries.invalidateQueries()} />
      {props.forced ? (
        <Button variant="subtle" mt="sm" fullWidth onClick={() => void signOut()}>
          {t('shell.signOut')}
        </Button>
      ) : null}
    </Entrance>
  )
}

/** Nothing of what was seen stays in memory. */
export async function signOut(): Promise<void> {
  await client.call(api.governance.signOut).catch(() => undefined)
  queries.clear()
  location.assign('/')
}
