import { type AnswerOf, api } from '@einklang/contract'
import {
  Alert,
  Badge,
  Button,
  Card,
  Code,
  Group,
  Menu,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { AddButton } from '../../kit/add-button.tsx'
import { Chart } from '../../kit/chart.tsx'
import { Confirm } from '../../kit/confirm.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { Ago } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Connect, Copyable } from './connect.tsx'

type Source = AnswerOf<typeof api.ingest.sources>['items'][number]
type Key = Source['keys'][number]
/** A source with its key, which is shown exactly once; without one, only how to connect. */
type Shown = { key: string | null; source: Source }

const sourceKinds = [
  'web',
  'app',
  'till',
  'shop',
  'newsletter',
  'crm',
  'loyalty',
  'ads',
  'print',
  'sms',
  'social',
  'service',
  'erp',
] as const

export function Sources(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [creating, setCreating] = useState(false)
  const [shown, setShown] = useState<Shown | null>(null)
  const sources = useAnswer(api.ingest.sources)
  const create = may(api.ingest.createSource) ? (
    <AddButton label={t('source.new')} testid="new-source" onClick={() => setCreating(true)} />
  ) : null
  return (
    <Stack>
      <Flow />
      <Group justify="flex-end">{create}</Group>
      <Fetch
        of={sources}
        loading={<Loading rows={4} height={110} />}
        empty={(value) =>
          value.items.length === 0 ? (
            <Empty title={t('source.none')} hint={t('source.noneHint')} action={create} />
          ) : null
        }
      >
        {(value) => (
          <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }} data-testid="sources">
            {value.items.map((source) => (
              <SourceCard key={source.id} source={source} onKey={setShown} />
            ))}
          </SimpleGrid>
        )}
      </Fetch>
      {creating ? (
        <Create
          onClose={() => setCreating(false)}
          onMade={(made) => {
            setCreating(false)
            setShown(made)
          }}
        />
      ) : null}
      <Modal
        opened={shown !== null}
        onClose={() => setShown(null)}
        size="lg"
        title={t(shown?.key === null ? 'source.connectTitle' : 'source.keyTitle', { name: shown?.source.name ?? '' })}
        closeOnClickOutside={false}
        data-testid="new-key"
      >
        {shown === null ? null : (
          <Stack>
            {shown.key === null ? null : <KeyOnce value={shown.key} />}
            <Connect
              source={sources.data?.items.find(({ id }) => id === shown.source.id) ?? shown.source}
              writeKey={shown.key}
            />
          </Stack>
        )}
      </Modal>
    </Stack>
  )
}

function Flow(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const counters = useAnswer(api.ingest.counters, { query: { hours: 48 } })
  return (
    <Panel title={t('ingest.flow')} definition={t('ingest.flowMeaning')} testid="flow">
      <Fetch of={counters} empty={(value) => (value.items.length === 0 ? <Empty title={t('ingest.noFlow')} /> : null)}>
        {(value) => {
          const hours = [...new Set(value.items.map((row) => row.hour))].sort()
          const sum = (hour: string, field: 'accepted' | 'duplicates' | 'quarantined'): number =>
            value.items.filter((row) => row.hour === hour).reduce((total, row) => total + row[field], 0)
          return (
            <>
              <Chart
                label={t('ingest.flow')}
                fileName="einklang-flow"
                height={180}
                categories={hours.map((hour) => format.dateTime(hour))}
                format={format.count}
                formatAxis={format.short}
                series={(['accepted', 'duplicates', 'quarantined'] as const).map((field) => ({
                  name: words('counter', field),
                  kind: 'bar',
                  stack: 'flow',
                  values: hours.map((hour) => sum(hour, field)),
                }))}
              />
              <Text size="xs" c="dimmed">
                {value.lag.rows === 0
                  ? t('ingest.noLag')
                  : t('today.lag', { rows: format.count(value.lag.rows), age: format.duration(value.lag.seconds) })}
              </Text>
            </>
          )
        }}
      </Fetch>
    </Panel>
  )
}

function SourceCard(props: { source: Source; onKey: (shown: Shown) => void }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const { source } = props
  const add = useDeed(api.ingest.createKey, { refresh: ['ingest'] })
  const day: [string, number][] = [
    [words('counter', 'accepted'), source.day.accepted],
    [words('counter', 'duplicates'), source.day.duplicates],
    [words('counter', 'quarantined'), source.day.quarantined],
  ]
  return (
    <Card withBorder radius="md" component="article" aria-label={source.name} data-testid={`source-${source.slug}`}>
      <Stack gap="xs">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <div>
            <Title order={3} size="h5">
              {source.name}
            </Title>
            <Text size="xs" c="dimmed">
              {words('sourceKind', source.kind)} · {words('channel', source.channel)} · {source.slug}
            </Text>
          </div>
          <StateBadge state={source.state} label={words('sourceState', source.state)} />
        </Group>
        <Group gap="lg">
          {day.map(([label, value]) => (
            <div key={label}>
              <Text size="xs" c="dimmed">
                {label}
              </Text>
              <Text size="sm" fw={600}>
                {format.count(value)}
              </Text>
            </div>
          ))}
          <div>
            <Text size="xs" c="dimmed">
              {t('source.last')}
            </Text>
            <Text size="sm">
              <Ago at={source.lastEventAt} />
            </Text>
          </div>
        </Group>
        {source.keys.map((key) => (
          <KeyLine key={key.id} source={source} keyOf={key} onKey={props.onKey} />
        ))}
        <Group gap="md">
          {may(api.ingest.createKey) ? (
            <Menu>
              <Menu.Target>
                <Button size="compact-xs" variant="subtle" loading={add.pending}>
                  {t('source.addKey')}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {(['publishable', 'secret'] as const).map((trust) => (
                  <Menu.Item
                    key={trust}
                    onClick={() =>
                      void add
                        .run({ params: { source: source.id }, body: { trust } })
                        .then((made) => (made === undefined ? undefined : props.onKey({ key: made.key, source })))
                    }
                  >
                    {words('keyTrust', trust)}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          ) : null}
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={() => props.onKey({ key: null, source })}
            data-testid={`connect-${source.slug}`}
          >
            {t('source.connect')}
          </Button>
          <ScreenLink to="/ingest" search={{ tab: 'stream', source: source.id }} size="xs">
            {t('source.events')}
          </ScreenLink>
        </Group>
      </Stack>
    </Card>
  )
}

function KeyLine(props: { source: Source; keyOf: Key; onKey: (shown: Shown) => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [asking, setAsking] = useState<'rotate' | 'revoke' | null>(null)
  const rotate = useDeed(api.ingest.rotateKey, { refresh: ['ingest'] })
  const revoke = useDeed(api.ingest.revokeKey, { refresh: ['ingest'], done: t('source.revoked') })
  const { source, keyOf } = props
  const params = { source: source.id, key: keyOf.id }
  return (
    <Group justify="space-between" wrap="nowrap" gap="xs">
      <Group gap={6} wrap="nowrap">
        <Code>{keyOf.hint}</Code>
        <Badge size="sm" variant="light" color={keyOf.trust === 'secret' ? 'grape' : 'gray'} tt="none">
          {words('keyTrust', keyOf.trust)}
        </Badge>
        {keyOf.state === 'live' ? null : <StateBadge state={keyOf.state} label={words('keyState', keyOf.state)} />}
      </Group>
      {may(api.ingest.revokeKey) && keyOf.state !== 'ended' ? (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button size="compact-xs" variant="subtle" color="gray" aria-label={t('source.keyDeeds')}>
              <IconDots size={14} aria-hidden />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setAsking('rotate')}>{t('source.rotate')}</Menu.Item>
            <Menu.Item color="red" onClick={() => setAsking('revoke')}>
              {t('source.revoke')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      ) : null}
      <Confirm
        opened={asking === 'rotate'}
        title={t('source.rotate')}
        text={t('source.rotateText')}
        confirm={t('source.rotate')}
        pending={rotate.pending}
        onClose={() => setAsking(null)}
        onConfirm={() =>
          void rotate.run({ params, body: {} }).then((made) => {
            setAsking(null)
            if (made !== undefined) props.onKey({ key: made.key, source })
          })
        }
      />
      <Confirm
        opened={asking === 'revoke'}
        title={t('source.revoke')}
        text={t('source.revokeText', { name: source.name })}
        confirm={t('source.revoke')}
        danger
        pending={revoke.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void revoke.run({ params }).then(() => setAsking(null))}
      />
    </Group>
  )
}

function Create(props: { onClose: () => void; onMade: (shown: Shown) => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [name, setName] = useState('')
  const [kind, setKind] = useState<(typeof sourceKinds)[number]>('web')
  const create = useDeed(api.ingest.createSource, { refresh: ['ingest'] })
  async function make(): Promise<void> {
    const made = await create.run({ body: { name: name.trim(), kind } })
    if (made !== undefined) props.onMade({ key: made.key, source: made.source })
  }
  return (
    <Modal opened onClose={props.onClose} title={t('source.new')}>
      <Stack gap="sm">
        <TextInput
          label={t('source.name')}
          required
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && name.trim() !== '' && !create.pending) void make()
          }}
          data-testid="source-name"
        />
        <Select
          label={t('source.kind')}
          allowDeselect={false}
          value={kind}
          onChange={(value) => setKind((value ?? 'web') as typeof kind)}
          data={sourceKinds.map((value) => ({ value, label: words('sourceKind', value) }))}
        />
        <DialogActions
          confirm={t('kit.create')}
          disabled={name.trim() === ''}
          pending={create.pending}
          testid="create-source"
          onClose={props.onClose}
          onConfirm={() => void make()}
        />
      </Stack>
    </Modal>
  )
}

function KeyOnce(props: { value: string }): ReactNode {
  const { t } = useTranslation()
  return (
    <>
      <Alert color="orange">{t('source.once')}</Alert>
      <Copyable text={props.value} label={t('source.key')} />
    </>
  )
}
