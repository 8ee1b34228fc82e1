import { type AnswerOf, api, type TrackingPlanId } from '@einklang/contract'
import { Alert, Anchor, Button, Group, NavLink, Select, Stack, Tabs, Text, Textarea, TextInput } from '@mantine/core'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { saveFile } from '../../kit/csv.ts'
import { Difference } from '../../kit/difference.tsx'
import { useFormat } from '../../kit/format.ts'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { AddName } from './add-name.tsx'
import { PlanDryRun } from './plans-dry-run.tsx'
import { PlanProperties } from './plans-properties.tsx'

type Detail = AnswerOf<typeof api.ingest.planOf>
type Document_ = api.ingest.PlanDocument
type Call = api.ingest.PlannedCall

/** One version of a plan: its events, its text, its dry run, its way to being live. */
export function PlanEditor(props: { plan: string }): ReactNode {
  const { t } = useTranslation()
  const [, change] = useFilters()
  const plan = useAnswer(api.ingest.planOf, { params: { plan: props.plan as TrackingPlanId } })
  return (
    <Stack>
      <Anchor
        component="button"
        type="button"
        size="sm"
        ta="left"
        onClick={() => change({ plan: undefined, view: undefined })}
      >
        ← {t('plans.back')}
      </Anchor>
      <Fetch of={plan} loading={<Loading rows={6} height={44} />}>
        {(value) => <Version key={`${value.id}${value.hash}`} plan={value} />}
      </Fetch>
    </Stack>
  )
}

function Version(props: { plan: Detail }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const { plan } = props
  const [document, setDocument] = useState(plan.document as Document_)
  const [text, setText] = useState(plan.text)
  const [tab, setTab] = useState('events')
  const save = useDeed(api.ingest.changePlan, { refresh: ['ingest', 'governance'], done: t('plans.saved') })
  const writable = may(api.ingest.changePlan) && (plan.state === 'draft' || plan.state === 'review')
  const changed = document !== plan.document
  const retyped = text !== plan.text
  const body = retyped && tab === 'text' ? { text } : { document }

  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <Group gap="sm">
          <Text fw={600} size="lg">
            {plan.sourceName}
          </Text>
          <Text c="dimmed">{t('plans.versionOf', { version: plan.version })}</Text>
          <StateBadge state={plan.state} label={words('planState', plan.state)} />
        </Group>
        <Steps plan={plan} dirty={changed || retyped} />
      </Group>
      {plan.state === 'live' && plan.waiting > 0 ? <Waiting plan={plan} /> : null}
      <Tabs value={tab} onChange={(value) => setTab(value ?? 'events')} keepMounted={false}>
        <Tabs.List>
          {(['events', 'text', 'dryRun', 'versions'] as const).map((name) => (
            <Tabs.Tab key={name} value={name} data-testid={`plan-tab-${name}`}>
              {t(`plans.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="events" pt="md">
          <Calls document={document} writable={writable} onChange={setDocument} />
        </Tabs.Panel>
        <Tabs.Panel value="text" pt="md">
          <Textarea
            aria-label={t('plans.text')}
            autosize
            minRows={12}
            maxRows={30}
            readOnly={!writable || changed}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
            data-testid="plan-text"
          />
        </Tabs.Panel>
        <Tabs.Panel value="dryRun" pt="md">
          <PlanDryRun plan={plan} />
        </Tabs.Panel>
        <Tabs.Panel value="versions" pt="md">
          <Versions plan={plan} />
        </Tabs.Panel>
      </Tabs>
      {writable && (tab === 'events' ? changed : tab === 'text' && retyped) ? (
        <Group>
          <Button
            size="sm"
            loading={save.pending}
            onClick={() => void save.run({ params: { plan: plan.id }, body: { ...body, basedOn: plan.hash } })}
            data-testid="save-plan"
          >
            {t('plans.save')}
          </Button>
          <Button
            size="sm"
            variant="default"
            onClick={() => {
              setDocument(plan.document as Document_)
              setText(plan.text)
            }}
          >
            {t('plans.undo')}
          </Button>
        </Group>
      ) : null}
    </Stack>
  )
}

/** Draft → in review → live → retired, and the files for programs. */
function Steps(props: { plan: Detail; dirty: boolean }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const { plan } = props
  const [, change] = useFilters()
  const [asking, setAsking] = useState<'publish' | 'retire' | 'drop' | null>(null)
  const refresh = ['ingest', 'governance']
  const submit = useDeed(api.ingest.submitPlan, { refresh, done: t('plans.submitted') })
  const publish = useDeed(api.ingest.publishPlan, { refresh, done: t('plans.published') })
  const retire = useDeed(api.ingest.retirePlan, { refresh, done: t('plans.retired') })
  const drop = useDeed(api.ingest.dropPlan, { refresh })
  const next = useDeed(api.ingest.createPlan, { refresh, done: t('plans.created') })
  const params = { plan: plan.id }
  const open = plan.versions.find(({ state }) => state === 'draft' || state === 'review')
  const writer = may(api.ingest.changePlan)
  return (
    <Group gap="xs">
      <Button
        component="a"
        size="xs"
        variant="default"
        href={`/api/ingest/plans/${plan.id}/types.ts`}
        download
        data-testid="plan-types"
      >
        {t('plans.types')}
      </Button>
      <Button
        size="xs"
        variant="default"
        onClick={() => saveFile(`plan-${plan.version}.yaml`, new Blob([plan.text], { type: 'application/yaml' }))}
      >
        {t('plans.export')}
      </Button>
      {writer && plan.state === 'draft' ? (
        <Button
          size="xs"
          disabled={props.dirty}
          loading={submit.pending}
          onClick={() => void submit.run({ params })}
          data-testid="submit-plan"
        >
          {t('plans.submit')}
        </Button>
      ) : null}
      {plan.state === 'review' && !plan.approved ? (
        <ScreenLink to="/governance" search={{ tab: 'approvals' } as never} size="xs" data-testid="plan-approval">
          {t('plans.waitsForApproval')}
        </ScreenLink>
      ) : null}
      {writer && plan.state === 'review' && plan.approved ? (
        <Button size="xs" disabled={props.dirty} onClick={() => setAsking('publish')} data-testid="publish-plan">
          {t('plans.publish')}
        </Button>
      ) : null}
      {writer && (plan.state === 'live' || plan.state === 'retired') && open === undefined ? (
        <Button
          size="xs"
          variant="light"
          loading={next.pending}
          onClick={() =>
            void next
              .run({ body: { source: plan.source, document: plan.document } })
              .then((made) => (made === undefined ? undefined : change({ plan: made.id })))
          }
          data-testid="next-plan"
        >
          {t('plans.next')}
        </Button>
      ) : null}
      {open !== undefined && open.id !== plan.id ? (
        <Button size="xs" variant="light" onClick={() => change({ plan: open.id })}>
          {t('plans.toDraft')}
        </Button>
      ) : null}
      {writer && plan.state === 'live' ? (
        <Button size="xs" variant="default" color="red" onClick={() => setAsking('retire')}>
          {t('plans.retire')}
        </Button>
      ) : null}
      {writer && (plan.state === 'draft' || plan.state === 'review') ? (
        <Button size="xs" variant="subtle" color="red" onClick={() => setAsking('drop')}>
          {t('plans.drop')}
        </Button>
      ) : null}
      <Confirm
        opened={asking === 'publish'}
        title={t('plans.publish')}
        text={t('plans.publishText')}
        confirm={t('plans.publish')}
        pending={publish.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void publish.run({ params }).then(() => setAsking(null))}
      />
      <Confirm
        opened={asking === 'retire'}
        title={t('plans.retire')}
        text={t('plans.retireText')}
        confirm={t('plans.retire')}
        danger
        pending={retire.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void retire.run({ params }).then(() => setAsking(null))}
      />
      <Confirm
        opened={asking === 'drop'}
        title={t('plans.drop')}
        text={t('plans.dropText')}
        confirm={t('plans.drop')}
        danger
        pending={drop.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void drop.run({ params }).then(() => change({ plan: undefined }))}
      />
    </Group>
  )
}

/** What an earlier version kept out and this one would take. */
function Waiting(props: { plan: Detail }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [found, setFound] = useState<AnswerOf<typeof api.ingest.replayByPlan> | null>(null)
  const replay = useDeed(api.ingest.replayByPlan, { refresh: ['ingest'] })
  const run = async (dryRun: boolean): Promise<void> => {
    const answer = await replay.run({ params: { plan: props.plan.id }, body: { dryRun } })
    if (answer !== undefined) setFound(answer)
  }
  return (
    <Alert color="blue" title={t('plans.waiting', { count: props.plan.waiting })}>
      <Group>
        <Text size="sm">
          {found === null
            ? t('plans.waitingHint')
            : found.replayed > 0
              ? t('plans.replayed', { count: found.replayed })
              : t('plans.accepted', { count: found.accepted })}
        </Text>
        {may(api.ingest.replayByPlan) ? (
          <>
            <Button size="xs" variant="default" loading={replay.pending} onClick={() => void run(true)}>
              {t('plans.look')}
            </Button>
            {found !== null && found.accepted > 0 && found.replayed === 0 ? (
              <Button size="xs" loading={replay.pending} onClick={() => void run(false)}>
                {t('plans.replay')}
              </Button>
            ) : null}
          </>
        ) : null}
      </Group>
    </Alert>
  )
}

const parts = ['traits', 'groups', 'pages', 'screens'] as const
type Chosen = { part: 'events'; name: string } | { part: (typeof parts)[number] }

/** Events on the left, the properties of the chosen one on the right. */
function Calls(props: { document: Document_; writable: boolean; onChange: (document: Document_) => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const { document, writable } = props
  const events = useMemo(() => Object.keys(document.events ?? {}).sort(), [document])
  const first = events[0]
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState<Chosen | null>(first === undefined ? null : { part: 'events', name: first })
  const shown = events.filter((one) => one.toLowerCase().includes(search.toLowerCase()))
  const call: Call | undefined =
    chosen === null ? undefined : chosen.part === 'events' ? document.events?.[chosen.name] : document[chosen.part]

  function put(next: Call | undefined): void {
    if (chosen === null) return
    if (chosen.part === 'events') {
      const entries = Object.entries(document.events ?? {}).filter(([one]) => one !== chosen.name)
      props.onChange({ ...document, events: Object.fromEntries(next ? [...entries, [chosen.name, next]] : entries) })
      if (!next) setChosen(null)
    } else if (next) props.onChange({ ...document, [chosen.part]: next })
  }
  function add(name: string): boolean {
    if (events.includes(name)) return false
    props.onChange({ ...document, events: { ...document.events, [name]: { properties: {} } } })
    setChosen({ part: 'events', name })
    return true
  }

  return (
    <Group align="flex-start" wrap="nowrap" gap="lg">
      <Stack w={260} gap="xs" style={{ flexShrink: 0 }}>
        <TextInput
          size="xs"
          type="search"
          aria-label={t('plans.search')}
          placeholder={t('plans.search')}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Stack gap={0} mah={520} style={{ overflowY: 'auto' }} data-testid="plan-events">
          {shown.map((one) => (
            <NavLink
              key={one}
              component="button"
              label={one}
              description={t('plans.propertyCount', {
                count: Object.keys(document.events?.[one]?.properties ?? {}).length,
              })}
              active={chosen?.part === 'events' && chosen.name === one}
              onClick={() => setChosen({ part: 'events', name: one })}
            />
          ))}
          {parts
            .filter((part) => document[part] !== undefined || writable)
            .map((part) => (
              <NavLink
                key={part}
                component="button"
                label={words('planPart', part)}
                description={
                  document[part] === undefined
                    ? t('plans.notJudged')
                    : format.count(Object.keys(document[part]?.properties ?? {}).length)
                }
                active={chosen?.part === part}
                onClick={() => {
                  if (document[part] === undefined) props.onChange({ ...document, [part]: { properties: {} } })
                  setChosen({ part })
                }}
              />
            ))}
        </Stack>
        {writable ? <AddName label={t('plans.eventName')} onAdd={add} /> : null}
      </Stack>
      <Stack style={{ flex: 1, minWidth: 0 }}>
        {call === undefined || chosen === null ? (
          <Empty title={t('plans.noEvent')} hint={t('plans.noEventHint')} />
        ) : (
          <PlanProperties
            key={chosen.part === 'events' ? chosen.name : chosen.part}
            name={chosen.part === 'events' ? chosen.name : words('planPart', chosen.part)}
            call={call}
            isEvent={chosen.part === 'events'}
            writable={writable}
            onChange={put}
          />
        )}
      </Stack>
    </Group>
  )
}

/** What is different between two versions of one source. */
function Versions(props: { plan: Detail }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { plan } = props
  const others = plan.versions.filter(({ id }) => id !== plan.id)
  const [other, setOther] = useState<string | null>(null)
  useEffect(
    () => setOther(others.find(({ version }) => version < plan.version)?.id ?? others[0]?.id ?? null),
    [plan.id],
  )
  const before = useAnswer(
    api.ingest.planOf,
    { params: { plan: (other ?? plan.id) as TrackingPlanId } },
    { enabled: other !== null },
  )
  if (others.length === 0) return <Empty title={t('plans.oneVersion')} hint={t('plans.oneVersionHint')} />
  return (
    <Stack>
      <Select
        size="sm"
        w={320}
        label={t('plans.compareWith')}
        data={others.map(({ id, version, state }) => ({
          value: id,
          label: `${t('plans.versionOf', { version })} · ${words('planState', state)}`,
        }))}
        value={other}
        onChange={setOther}
        allowDeselect={false}
      />
      <Fetch of={before} loading={<Loading rows={6} height={20} />}>
        {(value) => <Difference label={t('plans.difference')} before={value.text} after={plan.text} />}
      </Fetch>
    </Stack>
  )
}
