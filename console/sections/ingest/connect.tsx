import { type AnswerOf, api } from '@einklang/contract'
import { Alert, Button, Code, CopyButton, Group, Loader, PasswordInput, Select, Stack, Text } from '@mantine/core'
import { IconCheck, IconCircleCheck, IconCopy } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Ago } from '../../kit/figures.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { snippets } from './snippets.ts'

type Source = AnswerOf<typeof api.ingest.sources>['items'][number]

/** How a client is pointed at this source, and whether anything has arrived yet. `writeKey` is known only once. */
export function Connect(props: { source: Source; writeKey: string | null }): ReactNode {
  const { t } = useTranslation()
  const { source } = props
  const [chosen, setChosen] = useState(
    () => snippets.find(({ dialect }) => source.dialects.includes(dialect))?.name ?? snippets[0]?.name ?? '',
  )
  const snippet = snippets.find(({ name }) => name === chosen)
  const place = { origin: location.origin, key: props.writeKey ?? 'WRITE_KEY', slug: source.slug }
  return (
    <Stack>
      <Select
        size="sm"
        label={t('source.client')}
        searchable
        allowDeselect={false}
        value={chosen}
        onChange={(value) => setChosen(value ?? chosen)}
        data={snippets.map(({ name }) => name)}
        data-testid="client"
      />
      {snippet === undefined ? null : (
        <>
          <Copyable text={snippet.text(place)} label={t('source.snippet')} />
          {snippet.open && source.keys.every(({ trust }) => trust === 'secret') && source.keys.length > 0 ? (
            <Alert color="orange">{t('source.secretInPage')}</Alert>
          ) : null}
          {source.dialects.includes(snippet.dialect) ? null : <SwitchOn source={source} dialect={snippet.dialect} />}
        </>
      )}
      {snippet?.dialect === 'webhook' && source.dialects.includes('webhook') ? <Signing source={source} /> : null}
      <Arrival source={source} />
    </Stack>
  )
}

const schemes = ['standard', 'shopify', 'woocommerce', 'shopware', 'stripe', 'hmac'] as const

/** Who signs, and with which secret. It is shown by the sender, or ours is shown here once. */
function Signing(props: { source: Source }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const { source } = props
  const [scheme, setScheme] = useState<(typeof schemes)[number]>(source.webhook?.scheme ?? 'standard')
  const [secret, setSecret] = useState('')
  const [ours, setOurs] = useState<string | null>(null)
  const change = useDeed(api.ingest.changeSource, { refresh: ['ingest'] })
  const add = useDeed(api.ingest.addWebhookSecret, { refresh: ['ingest'], done: t('source.secretKept') })
  const params = { source: source.id }
  async function keep(): Promise<void> {
    if ((await change.run({ params, body: { webhook: { ...source.webhook, scheme } } })) === undefined) return
    const given = secret.trim()
    const made = await add.run({ params, body: given === '' ? {} : { secret: given } })
    if (made !== undefined && given === '') setOurs(made.secret)
    setSecret('')
  }
  if (!may(api.ingest.addWebhookSecret)) return null
  return (
    <Stack gap="xs" data-testid="signing">
      <Group align="flex-end" wrap="nowrap">
        <Select
          size="sm"
          label={t('source.signedBy')}
          allowDeselect={false}
          value={scheme}
          onChange={(value) => setScheme((value ?? scheme) as typeof scheme)}
          data={[...schemes]}
        />
        <PasswordInput
          size="sm"
          style={{ flex: 1 }}
          label={t('source.secret')}
          placeholder={t('source.secretOurs')}
          value={secret}
          onChange={(event) => setSecret(event.currentTarget.value)}
          autoComplete="off"
        />
        <Button size="sm" onClick={() => void keep()} loading={change.pending || add.pending}>
          {t('source.keepSecret')}
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        {t('source.secretsLive', { count: source.webhookSecrets })}
      </Text>
      {ours === null ? null : (
        <>
          <Alert color="orange">{t('source.once')}</Alert>
          <Copyable text={ours} label={t('source.secret')} />
        </>
      )}
    </Stack>
  )
}

/** A path that no source speaks does not exist; one press and it does. */
function SwitchOn(props: { source: Source; dialect: Source['dialects'][number] }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const change = useDeed(api.ingest.changeSource, { refresh: ['ingest'], done: t('source.switchedOn') })
  const { source, dialect } = props
  const on = () => change.run({ params: { source: source.id }, body: { dialects: [...source.dialects, dialect] } })
  return (
    <Alert color="yellow" data-testid="dialect-off">
      <Group justify="space-between">
        <Text size="sm">{t('source.dialectOff', { dialect })}</Text>
        {may(api.ingest.changeSource) ? (
          <Button size="xs" onClick={() => void on()} loading={change.pending} data-testid="switch-on">
            {t('source.switchOn')}
          </Button>
        ) : null}
      </Group>
    </Alert>
  )
}

/** Asks again every two seconds until the first item is here. */
function Arrival(props: { source: Source }): ReactNode {
  const { t } = useTranslation()
  const arrival = useAnswer(api.ingest.sourceArrival, { params: { source: props.source.id } }, { every: 2000 })
  if (arrival.failure !== null && arrival.data === undefined)
    return <Alert color="red">{arrival.failure.message}</Alert>
  const { received = 0, quarantined = 0, lastAt = null, names = [] } = arrival.data ?? {}
  if (received === 0) {
    return (
      <Group gap="xs" data-testid="waiting" role="status">
        <Loader size="xs" />
        <Text size="sm">{t('source.waiting')}</Text>
      </Group>
    )
  }
  return (
    <Alert color="green" icon={<IconCircleCheck aria-hidden />} data-testid="received" role="status">
      <Text size="sm">
        {t('source.received', { count: received })} <Ago at={lastAt} />
      </Text>
      {names.length > 0 ? (
        <Text size="xs" c="dimmed">
          {names.join(' · ')}
        </Text>
      ) : null}
      {quarantined > 0 ? <Text size="xs">{t('source.someWait', { count: quarantined })}</Text> : null}
    </Alert>
  )
}

export function Copyable(props: { text: string; label: string }): ReactNode {
  const { t } = useTranslation()
  return (
    <Group align="flex-start" wrap="nowrap" gap="xs">
      <Code block style={{ flex: 1, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }} aria-label={props.label}>
        {props.text}
      </Code>
      <CopyButton value={props.text}>
        {({ copied, copy }) => (
          <Button
            size="xs"
            variant="default"
            onClick={copy}
            leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
          >
            {t(copied ? 'kit.copied' : 'kit.copy')}
          </Button>
        )}
      </CopyButton>
    </Group>
  )
}
