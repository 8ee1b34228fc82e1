import { type AnswerOf, api, importKinds } from '@einklang/contract'
import {
  Alert,
  Button,
  Card,
  Code,
  Group,
  Modal,
  NumberInput,
  PasswordInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { Ago } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Failed, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Feed = AnswerOf<typeof api.ingest.feeds>['items'][number]
type Tried = AnswerOf<typeof api.ingest.testFeed>
type Kind = keyof typeof importKinds
const ways = ['folder', 'sftp', 'ftp', 'postgres', 'mysql'] as const
type Way = (typeof ways)[number]

/** What is fetched without anybody's hand: how it goes, and what to do when it does not. */
export function Feeds(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [adding, setAdding] = useState(false)
  const feeds = useAnswer(api.ingest.feeds, {})
  const add = may(api.ingest.createFeed) ? (
    <Button
      variant="default"
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setAdding(true)}
      data-testid="new-feed"
    >
      {t('feed.new')}
    </Button>
  ) : null
  return (
    <Panel title={t('feed.title')} definition={t('feed.hint')} testid="feeds" actions={add}>
      <Fetch
        of={feeds}
        loading={<Loading rows={2} height={90} />}
        empty={(value) =>
          value.items.length === 0 ? <Empty title={t('feed.none')} hint={t('feed.noneHint')} /> : null
        }
      >
        {(value) => (
          <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }}>
            {value.items.map((feed) => (
              <FeedCard key={feed.id} feed={feed} />
            ))}
          </SimpleGrid>
        )}
      </Fetch>
      {adding ? <Add onClose={() => setAdding(false)} /> : null}
    </Panel>
  )
}

function placeOf({ settings }: Feed): string {
  const of = (name: string) => (settings[name] === undefined ? '' : String(settings[name]))
  if (of('table') !== '') return `${of('host')} · ${of('database')} · ${of('table')}`
  return [of('host'), of('folder') || '/', of('pattern')].filter((text) => text !== '').join(' · ')
}

function FeedCard({ feed }: { feed: Feed }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [ending, setEnding] = useState(false)
  const run = useDeed(api.ingest.runFeed, { refresh: ['ingest'], done: t('feed.started') })
  const change = useDeed(api.ingest.changeFeed, { refresh: ['ingest'] })
  const drop = useDeed(api.ingest.dropFeed, { refresh: ['ingest'] })
  const params = { feed: feed.id }
  return (
    <Card withBorder padding="sm" data-testid="feed">
      <Stack gap={6}>
        <Group justify="space-between" wrap="nowrap">
          <Text fw={600} truncate>
            {feed.name}
          </Text>
          <StateBadge state={feed.state} label={words('feedState', feed.state)} />
        </Group>
        <Text size="xs" c="dimmed">
          {words('feedWay', String(feed.settings.way))} · {words('importKind', feed.kind)} · {feed.sourceName}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {placeOf(feed)}
        </Text>
        <Group gap="lg">
          <Text size="xs">
            {t('feed.last')}: {feed.lastAt === null ? '–' : <Ago at={feed.lastAt} />}
          </Text>
          <Text size="xs">
            {t('feed.next')}: {feed.nextAt === null ? '–' : format.dateTime(feed.nextAt)}
          </Text>
        </Group>
        <Text size="xs">
          {t('feed.brought')}:{' '}
          {t('feed.broughtValue', { files: format.count(feed.imports.files), count: feed.imports.rows })}
          {feed.imports.waiting === 0 ? '' : ` · ${t('feed.waiting', { count: feed.imports.waiting })}`}
          {feed.imports.rejected === 0 ? '' : ` · ${t('feed.rejected', { count: feed.imports.rejected })}`}
        </Text>
        {feed.lastError === null ? null : (
          <Alert color="red" p="xs">
            <Text size="xs">{feed.lastError}</Text>
          </Alert>
        )}
        <Group gap="xs">
          {may(api.ingest.runFeed) ? (
            <Button size="compact-xs" loading={run.pending} onClick={() => void run.run({ params })}>
              {t('feed.run')}
            </Button>
          ) : null}
          {may(api.ingest.changeFeed) ? (
            <>
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => void change.run({ params, body: { paused: !feed.paused } })}
              >
                {t(feed.paused ? 'feed.go' : 'feed.pause')}
              </Button>
              <Button size="compact-xs" variant="subtle" color="red" onClick={() => setEnding(true)}>
                {t('feed.drop')}
              </Button>
            </>
          ) : null}
        </Group>
      </Stack>
      <Confirm
        opened={ending}
        danger
        title={t('feed.dropTitle', { name: feed.name })}
        text={t('feed.dropText')}
        confirm={t('feed.drop')}
        onClose={() => setEnding(false)}
        onConfirm={() => {
          setEnding(false)
          void drop.run({ params })
        }}
      />
    </Card>
  )
}

type Fields = { [field: string]: string }
const start: Fields = { folder: '', pattern: '*.csv', every: '15', port: '' }

function Add(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [way, setWay] = useState<Way>('folder')
  const [fields, setFields] = useState<Fields>(start)
  const [tls, setTls] = useState(true)
  const [kind, setKind] = useState<Kind>('customers')
  const [source, setSource] = useState<string | null>(null)
  const [tried, setTried] = useState<Tried | null>(null)
  const sources = useAnswer(api.ingest.sources)
  const test = useDeed(api.ingest.testFeed, { refresh: [], quiet: true })
  const create = useDeed(api.ingest.createFeed, { refresh: ['ingest'] })
  const remote = way !== 'folder'
  const database = way === 'postgres' || way === 'mysql'
  const set = (field: string) => (value: string) => {
    setFields((known) => ({ ...known, [field]: value }))
    setTried(null)
  }
  const input = (field: string, more: { label?: string; placeholder?: string } = {}) => (
    <TextInput
      key={field}
      label={t(`feed.${more.label ?? field}`)}
      value={fields[field] ?? ''}
      placeholder={more.placeholder}
      onChange={(event) => set(field)(event.currentTarget.value)}
      data-testid={`feed-${field}`}
    />
  )
  const text = (field: string) => (fields[field] ?? '').trim()
  const body = () => {
    const port = text('port') === '' ? {} : { port: Number(text('port')) }
    const files = { folder: text('folder'), pattern: text('pattern') || '*' }
    const settings = database
      ? {
          way,
          host: text('host'),
          ...port,
          user: text('user'),
          database: text('database'),
          table: text('table'),
          cursorColumn: text('cursorColumn'),
          keyColumn: text('keyColumn'),
          tls,
        }
      : way === 'folder'
        ? { way, ...files }
        : way === 'sftp'
          ? { way, host: text('host'), ...port, user: text('user'), ...files }
          : { way, host: text('host'), ...port, ...(text('user') === '' ? {} : { user: text('user') }), ...files, tls }
    const password = fields.password ?? ''
    const privateKey = way === 'sftp' ? text('privateKey') : ''
    const secret =
      password === '' && privateKey === ''
        ? {}
        : { secret: { ...(password === '' ? {} : { password }), ...(privateKey === '' ? {} : { privateKey }) } }
    return { settings: settings as never, ...secret }
  }
  const complete =
    source !== null && text('name') !== '' && (!remote || text('host') !== '') && (!database || text('table') !== '')
  return (
    <Modal opened onClose={props.onClose} size="lg" title={t('feed.new')}>
      <Stack gap="sm">
        <Group grow>
          {input('name')}
          <Select
            label={t('feed.way')}
            allowDeselect={false}
            value={way}
            onChange={(value) => {
              setWay((value ?? way) as Way)
              setTried(null)
            }}
            data={ways.map((value) => ({ value, label: words('feedWay', value) }))}
            data-testid="feed-way"
          />
        </Group>
        <Group grow>
          <Select
            label={t('import.kind')}
            allowDeselect={false}
            value={kind}
            onChange={(value) => setKind((value ?? kind) as Kind)}
            data={Object.keys(importKinds).map((value) => ({ value, label: words('importKind', value) }))}
          />
          <Select
            label={t('trait.source')}
            searchable
            value={source}
            onChange={setSource}
            data={(sources.data?.items ?? []).map((one) => ({ value: one.id, label: one.name }))}
          />
        </Group>
        {remote ? (
          <>
            <Text size="xs" c="dimmed">
              {t('feed.inHouse')}
            </Text>
            <Group grow>
              {input('host')}
              {input('port')}
            </Group>
            <Group grow>
              {input('user')}
              <PasswordInput
                label={t('feed.password')}
                value={fields.password ?? ''}
                onChange={(event) => set('password')(event.currentTarget.value)}
                autoComplete="off"
              />
            </Group>
          </>
        ) : null}
        {way === 'sftp' ? (
          <Textarea
            label={t('feed.privateKey')}
            autosize
            minRows={2}
            maxRows={4}
            value={fields.privateKey ?? ''}
            onChange={(event) => set('privateKey')(event.currentTarget.value)}
          />
        ) : null}
        {database ? (
          <>
            <Group grow>
              {input('database')}
              {input('table', { placeholder: 'erp.customer' })}
            </Group>
            <Group grow>
              {input('cursorColumn', { placeholder: 'changed_at' })}
              {input('keyColumn', { placeholder: 'id' })}
            </Group>
          </>
        ) : (
          <Group grow>
            {input('folder', { label: remote ? 'folder' : 'folderLocal' })}
            {input('pattern')}
          </Group>
        )}
        <Group justify="space-between">
          <NumberInput
            label={t('feed.every')}
            min={1}
            max={10_080}
            value={Number(fields.every)}
            onChange={(value) => set('every')(String(value))}
          />
          {way === 'ftp' || database ? (
            <Switch label={t('feed.tls')} checked={tls} onChange={(event) => setTls(event.currentTarget.checked)} />
          ) : null}
        </Group>
        {test.failure === null ? null : <Failed failure={test.failure} />}
        {tried === null ? null : <Result tried={tried} />}
        <Group justify="flex-end">
          <Button
            variant="default"
            loading={test.pending}
            onClick={() => void test.run({ body: body() }).then((answer) => setTried(answer ?? null))}
            data-testid="test-feed"
          >
            {t('feed.test')}
          </Button>
          <Button
            disabled={!complete}
            loading={create.pending}
            data-testid="save-feed"
            onClick={() =>
              void create
                .run({
                  body: {
                    ...body(),
                    name: text('name'),
                    kind,
                    source: source as never,
                    everyMinutes: Number(fields.every) || 15,
                  },
                })
                .then((made) => (made === undefined ? undefined : props.onClose()))
            }
          >
            {t('feed.save')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

function Result({ tried }: { tried: Tried }): ReactNode {
  const { t } = useTranslation()
  const lines = [
    ...tried.files.map((file) => `${file.path}  ${file.size}`),
    ...tried.rows.map((row) => JSON.stringify(row)),
  ].slice(0, 6)
  return (
    <Alert color={tried.ok ? 'teal' : 'red'} data-testid="feed-tried">
      <Text size="sm">{tried.ok ? t('feed.tested', { message: tried.message }) : tried.message}</Text>
      {lines.length === 0 ? null : (
        <Code block fz={11}>
          {lines.join('\n')}
        </Code>
      )}
    </Alert>
  )
}
