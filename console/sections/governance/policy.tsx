import { type AnswerOf, api, channels } from '@einklang/contract'
import { ActionIcon, Button, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../kit/page.tsx'
import { Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type ContactPolicy = AnswerOf<typeof api.decision.policy>

/** How often, at which hours, and who is never contacted so that we can measure. */
export function Policy(): ReactNode {
  const policy = useAnswer(api.decision.policy)
  return <Fetch of={policy}>{(value) => <Form key={JSON.stringify(value)} policy={value} />}</Fetch>
}

function Form(props: { policy: ContactPolicy }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [policy, setPolicy] = useState(props.policy)
  const save = useDeed(api.decision.savePolicy, { refresh: ['decision'], done: t('kit.saved') })
  const writable = may(api.decision.savePolicy)
  const changed = JSON.stringify(policy) !== JSON.stringify(props.policy)
  const scopes = [
    { value: 'all', label: t('consent.allChannels') },
    ...channels.map((value) => ({ value, label: words('channel', value) })),
  ]
  const free = channels.filter((channel) => !policy.hours.some((line) => line.channel === channel))
  return (
    <fieldset disabled={!writable} style={{ border: 0, margin: 0, padding: 0 }} data-testid="policy">
      <Stack>
        <Panel title={t('policy.caps')} definition={t('policy.capsMeaning')}>
          <Stack gap="xs">
            {policy.caps.map((cap, index) => {
              const put = (changedCap: typeof cap): void =>
                setPolicy({
                  ...policy,
                  caps: policy.caps.map((other, place) => (place === index ? changedCap : other)),
                })
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: a line has nothing but its place
                <Group key={index} gap="xs" align="center">
                  <Select
                    size="sm"
                    w={180}
                    aria-label={t('message.channel')}
                    allowDeselect={false}
                    value={cap.scope}
                    onChange={(scope) => put({ ...cap, scope: (scope ?? cap.scope) as typeof cap.scope })}
                    data={scopes}
                  />
                  <Text size="sm">{t('policy.atMost')}</Text>
                  <NumberInput
                    size="sm"
                    w={90}
                    min={0}
                    max={1000}
                    aria-label={t('policy.limit')}
                    value={cap.limit}
                    onChange={(value) => put({ ...cap, limit: Math.round(Number(value)) })}
                  />
                  <Text size="sm">{t('policy.messagesIn')}</Text>
                  <NumberInput
                    size="sm"
                    w={90}
                    min={1}
                    max={365}
                    aria-label={t('builder.days')}
                    value={cap.days}
                    onChange={(value) => put({ ...cap, days: Math.max(1, Math.round(Number(value))) })}
                  />
                  <Text size="sm">{t('builder.days')}</Text>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    aria-label={t('policy.removeLine')}
                    onClick={() => setPolicy({ ...policy, caps: policy.caps.filter((_, place) => place !== index) })}
                  >
                    <IconTrash size={16} aria-hidden />
                  </ActionIcon>
                </Group>
              )
            })}
            <Button
              size="xs"
              variant="subtle"
              style={{ alignSelf: 'flex-start' }}
              leftSection={<IconPlus size={14} aria-hidden />}
              onClick={() => setPolicy({ ...policy, caps: [...policy.caps, { scope: 'all', limit: 3, days: 7 }] })}
            >
              {t('policy.addCap')}
            </Button>
          </Stack>
        </Panel>
        <Panel title={t('policy.hours')} definition={t('policy.hoursMeaning')}>
          <Stack gap="xs">
            {policy.hours.map((line) => {
              const put = (changedLine: typeof line): void =>
                setPolicy({
                  ...policy,
                  hours: policy.hours.map((other) => (other.channel === line.channel ? changedLine : other)),
                })
              return (
                <Group key={line.channel} gap="xs">
                  <Text size="sm" w={120}>
                    {words('channel', line.channel)}
                  </Text>
                  <TextInput
                    size="sm"
                    type="time"
                    aria-label={t('policy.from')}
                    value={line.allowedFrom}
                    onChange={(event) => put({ ...line, allowedFrom: event.currentTarget.value })}
                  />
                  <Text size="sm">–</Text>
                  <TextInput
                    size="sm"
                    type="time"
                    aria-label={t('policy.until')}
                    value={line.allowedUntil}
                    onChange={(event) => put({ ...line, allowedUntil: event.currentTarget.value })}
                  />
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    aria-label={t('policy.removeLine')}
                    onClick={() =>
                      setPolicy({ ...policy, hours: policy.hours.filter((other) => other.channel !== line.channel) })
                    }
                  >
                    <IconTrash size={16} aria-hidden />
                  </ActionIcon>
                </Group>
              )
            })}
            {free[0] === undefined ? null : (
              <Select
                size="sm"
                w={260}
                placeholder={t('policy.addHours')}
                aria-label={t('policy.addHours')}
                value={null}
                onChange={(channel) =>
                  channel === null
                    ? undefined
                    : setPolicy({
                        ...policy,
                        hours: [
                          ...policy.hours,
                          { channel: channel as (typeof free)[number], allowedFrom: '08:00', allowedUntil: '20:00' },
                        ],
                      })
                }
                data={free.map((value) => ({ value, label: words('channel', value) }))}
              />
            )}
            <TextInput
              size="sm"
              w={260}
              label={t('policy.timeZone')}
              value={policy.timeZone}
              onChange={(event) => setPolicy({ ...policy, timeZone: event.currentTarget.value })}
            />
          </Stack>
        </Panel>
        <Panel title={t('policy.global')} definition={t('policy.globalMeaning')}>
          <NumberInput
            size="sm"
            w={140}
            min={0}
            max={20}
            suffix=" %"
            aria-label={t('policy.global')}
            value={Math.round(policy.globalHoldout * 1000) / 10}
            onChange={(value) =>
              setPolicy({ ...policy, globalHoldout: Math.min(0.2, Math.max(0, Number(value) / 100)) })
            }
          />
        </Panel>
        {writable ? (
          <Group justify="flex-end">
            <Button
              disabled={!changed}
              loading={save.pending}
              onClick={() => void save.run({ body: policy })}
              data-testid="save-policy"
            >
              {t('kit.save')}
            </Button>
          </Group>
        ) : null}
      </Stack>
    </fieldset>
  )
}
