import { api, type MessageId } from '@einklang/contract'
import { Anchor, Button, Code, Drawer, Group, List, Stack, Tabs, Text, ThemeIcon, Timeline, Title } from '@mantine/core'
import { IconCheck, IconX } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { PersonLink, ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Paper } from './paper.tsx'

type Message = (typeof api.delivery.message)['answer']['_zod']['output']

/** One message: why she got it, here, now, or why not. Opened by `?message=` on any screen. */
export function MessageDrawer(props: { message: string | undefined; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const opened = props.message !== undefined
  return (
    <Drawer
      opened={opened}
      onClose={props.onClose}
      position="right"
      size="lg"
      title={t('message.title')}
      data-testid="message-drawer"
    >
      {props.message === undefined ? null : <Details message={props.message as MessageId} />}
    </Drawer>
  )
}

function Details(props: { message: MessageId }): ReactNode {
  const message = useAnswer(api.delivery.message, { params: { message: props.message } })
  return <Fetch of={message}>{(value) => <Whole message={value} />}</Fetch>
}

function Whole(props: { message: Message }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { message } = props
  return (
    <Stack gap="md">
      <div>
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Title order={2} size="h4">
            {message.subject ?? message.conceptName ?? words('channel', message.channel)}
          </Title>
          <StateBadge state={message.state} label={words('messageState', message.state)} />
        </Group>
        <Text size="sm" c="dimmed">
          {words('channel', message.channel)} · {words('purpose', message.purpose)} ·{' '}
          <PersonLink person={message.person} name={message.personName ?? t('person.anonymous')} />
          {message.address === null ? '' : ` · ${message.address}`}
        </Text>
      </div>

      <Stack gap="xs" data-testid="explanation" component="section" aria-label={t('message.why')}>
        <Title order={3} size="h5">
          {message.explanation.headline}
        </Title>
        <List spacing={6} size="sm" center>
          {message.explanation.lines.map((line) => (
            <List.Item
              key={line.fact}
              icon={
                <ThemeIcon size={20} radius="xl" variant="light" color={line.ok ? 'teal' : 'orange'}>
                  {line.ok ? (
                    <IconCheck size={13} aria-label={t('kit.yes')} />
                  ) : (
                    <IconX size={13} aria-label={t('kit.no')} />
                  )}
                </ThemeIcon>
              }
            >
              {line.fact}
              {line.at === null ? null : (
                <Text span size="xs" c="dimmed">
                  {' '}
                  <DateTime at={line.at} />
                </Text>
              )}
            </List.Item>
          ))}
        </List>
        <Group gap="md">
          {message.journey === null ? null : (
            <ScreenLink
              to="/decision/$journey"
              params={{ journey: message.journey }}
              search={{ tab: 'runs', run: message.run ?? undefined }}
            >
              {t('message.toJourney', { name: message.journeyName ?? '' })}
            </ScreenLink>
          )}
          {message.concept === null ? null : (
            <ScreenLink to="/content/$concept" params={{ concept: message.concept }}>
              {t('message.toConcept', { name: message.conceptName ?? '' })}
            </ScreenLink>
          )}
        </Group>
      </Stack>

      {message.state === 'unknown' ? <Resolve message={message.id} /> : null}

      <Tabs defaultValue={message.frameUrl === null ? 'history' : 'paper'} keepMounted={false}>
        <Tabs.List mb="sm">
          {message.frameUrl === null ? null : <Tabs.Tab value="paper">{t('message.asSent')}</Tabs.Tab>}
          {message.text === null ? null : <Tabs.Tab value="text">{t('message.asText')}</Tabs.Tab>}
          <Tabs.Tab value="history">{t('message.history')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="paper">
          <Paper url={message.frameUrl} title={message.subject ?? ''} />
        </Tabs.Panel>
        <Tabs.Panel value="text">
          <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {message.text}
          </Text>
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <Timeline bulletSize={12} lineWidth={2} active={message.history.length}>
            {message.history.map((step) => (
              <Timeline.Item key={`${step.at}${step.state}`} title={words('messageState', step.state)}>
                <Text size="xs" c="dimmed">
                  <DateTime at={step.at} />
                  {step.note === null ? '' : ` · ${step.note}`}
                </Text>
              </Timeline.Item>
            ))}
          </Timeline>
          <Text size="xs" c="dimmed" mt="md">
            {t('message.attempts', { count: message.attempts })}
            {message.connector === null ? '' : ` · ${message.connector}`}
            {message.providerId === null ? '' : ` · ${message.providerId}`}
          </Text>
          <Code mt={4}>{message.key}</Code>
        </Tabs.Panel>
      </Tabs>
      {message.fileUrl === null ? null : (
        <Anchor href={message.fileUrl} target="_blank" rel="noopener" size="sm">
          {t('message.letter')}
        </Anchor>
      )}
    </Stack>
  )
}

/** Somebody looked in the provider's own list and knows. */
function Resolve(props: { message: MessageId }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [arrived, setArrived] = useState<boolean | null>(null)
  const resolve = useDeed(api.delivery.resolveUnknown, {
    refresh: ['delivery', 'profile'],
    done: t('message.resolved'),
  })
  if (!may(api.delivery.resolveUnknown)) return null
  return (
    <Group>
      <Button size="xs" variant="light" onClick={() => setArrived(true)}>
        {t('message.didArrive')}
      </Button>
      <Button size="xs" variant="default" onClick={() => setArrived(false)}>
        {t('message.didNotArrive')}
      </Button>
      <Confirm
        opened={arrived !== null}
        title={t(arrived === true ? 'message.didArrive' : 'message.didNotArrive')}
        text={t('message.resolveText')}
        reasonLabel={t('kit.reason')}
        confirm={t('kit.save')}
        pending={resolve.pending}
        onClose={() => setArrived(null)}
        onConfirm={(note) =>
          void resolve
            .run({ params: { message: props.message }, body: { arrived: arrived === true, note } })
            .then(() => setArrived(null))
        }
      />
    </Group>
  )
}
