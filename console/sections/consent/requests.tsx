import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { Button, Card, Group, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { IconSearch } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { saveFile } from '../../kit/csv.ts'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { nameOf } from '../../kit/person.ts'
import { Empty, Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { UndecidedJoin } from '../profile/undecided-join.tsx'

type Found = AnswerOf<typeof api.profile.search>['items'][number]

/** What a person may ask of us: to see, to change, to be forgotten. */
export function Requests(): ReactNode {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const [wanted] = useDebouncedValue(text.trim(), 200)
  const found = useAnswer(
    api.profile.search,
    { query: { q: wanted, limit: 10, kind: 'all' } },
    { enabled: wanted.length >= 2, keep: true },
  )
  return (
    <Panel title={t('consent.requests')} definition={t('consent.requestsMeaning')} testid="requests">
      <Stack>
        <TextInput
          type="search"
          label={t('consent.findPerson')}
          placeholder={t('person.search')}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-testid="request-search"
        />
        {wanted.length < 2 ? (
          <Text size="sm" c="dimmed">
            {t('consent.requestHint')}
          </Text>
        ) : (
          <Fetch
            of={found}
            empty={(value) => (value.items.length === 0 ? <Empty title={t('person.noMatch', { q: wanted })} /> : null)}
          >
            {(value) => (
              <Stack gap="xs">
                {value.items.map((person) => (
                  <PersonRequests key={person.person} person={person} />
                ))}
              </Stack>
            )}
          </Fetch>
        )}
      </Stack>
    </Panel>
  )
}

function PersonRequests(props: { person: Found }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const may = useMay()
  const { person } = props
  const [erasing, setErasing] = useState(false)
  const erase = useDeed(api.consent.erase, {
    refresh: ['profile', 'consent', 'identity', 'audience', 'commerce', 'delivery', 'decision'],
  })
  const exported = useDeed(api.profile.exportPerson, { refresh: [], done: t('person.exported') })
  const link = useDeed(api.consent.preferenceLink, { refresh: [] })
  const undecided = [erase.failure, exported.failure].some((failure) => failure?.code === 'only_probable')
  const params = { person: person.person as PersonId }
  const name = nameOf(person, t('person.anonymous'))

  async function access(): Promise<void> {
    const document = await exported.run({ params })
    if (document === undefined) return
    saveFile(
      `einklang-${person.person}.json`,
      new Blob([JSON.stringify(document, null, 2)], { type: 'application/json' }),
    )
  }
  async function open(): Promise<void> {
    const answer = await link.run({ params })
    if (answer !== undefined) window.open(answer.url, '_blank', 'noopener')
  }

  return (
    <Card withBorder padding="sm" data-testid="request-person">
      <Group justify="space-between" wrap="wrap">
        <div>
          <PersonLink person={person.person} name={name} />
          <Text size="xs" c="dimmed">
            {[person.email, person.phone, person.city, person.loyaltyCard].filter(Boolean).join(' · ')}
          </Text>
        </div>
        <Group gap="xs">
          {may(api.consent.preferenceLink) ? (
            <Button size="xs" variant="default" loading={link.pending} onClick={() => void open()}>
              {t('person.preferencePage')}
            </Button>
          ) : null}
          {may(api.profile.exportPerson) ? (
            <Button size="xs" variant="default" loading={exported.pending} onClick={() => void access()}>
              {t('person.export')}
            </Button>
          ) : null}
          {may(api.consent.erase) ? (
            <Button size="xs" color="red" variant="light" onClick={() => setErasing(true)} data-testid="erase">
              {t('consent.erase')}
            </Button>
          ) : null}
        </Group>
      </Group>
      {undecided ? <UndecidedJoin person={person.person as PersonId} /> : null}
      <Confirm
        opened={erasing}
        title={t('consent.erase')}
        text={t('consent.eraseText', { name })}
        reasonLabel={t('consent.eraseReason')}
        least={3}
        confirm={t('consent.eraseYes')}
        danger
        pending={erase.pending}
        onClose={() => setErasing(false)}
        onConfirm={(reason) =>
          void erase.run({ params, body: { reason } }).then((answer) => {
            setErasing(false)
            // The person leaves the list with the answer, so the list cannot be the one to say that it is done.
            if (answer !== undefined)
              notifications.show({
                message: t('consent.eraseDone', { rows: format.count(answer.rows) }),
                color: 'teal',
              })
          })
        }
      />
    </Card>
  )
}
