import { type AnswerOf, api, type Channel, type ConceptId, channels, type PersonId } from '@einklang/contract'
import {
  Alert,
  Badge,
  Button,
  Grid,
  Group,
  List,
  Menu,
  Select,
  Stack,
  Tabs,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { useBlocker, useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { Page, Panel } from '../../kit/page.tsx'
import { nameOf } from '../../kit/person.ts'
import { Empty, Failed, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Paper } from '../delivery/paper.tsx'
import { VariantApproval } from './approval.tsx'

type Concept = AnswerOf<typeof api.content.concept>
type Variant = Concept['variants'][number]
type Content = Variant['content']
type Finding = Variant['findings'][number]

/** Words of one message on every channel, with the eyes of a real customer beside them. */
export function ConceptPage(): ReactNode {
  const { t } = useTranslation()
  const { concept } = useParams({ strict: false }) as { concept: ConceptId }
  const answer = useAnswer(api.content.concept, { params: { concept } })
  return (
    <Fetch
      of={answer}
      loading={
        <Page title={t('content.title')}>
          <Loading rows={10} />
        </Page>
      }
    >
      {(value) => <Whole concept={value} />}
    </Fetch>
  )
}

function blankContent(channel: Channel): Content {
  switch (channel) {
    case 'email':
      return {
        channel,
        subject: '',
        preheader: '',
        mjml: '<mjml>\n  <mj-body>\n    <mj-section>\n      <mj-column>\n        <mj-text></mj-text>\n      </mj-column>\n    </mj-section>\n  </mj-body>\n</mjml>\n',
      }
    case 'sms':
      return { channel, text: '' }
    case 'push':
      return { channel, title: '', text: '', link: '' }
    case 'letter':
      return { channel, subject: '', text: '' }
    case 'phone':
      return { channel, text: '' }
  }
}

function Whole(props: { concept: Concept }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const { concept } = props
  const [filters, change] = useFilters()
  const [added, setAdded] = useState<{ channel: Channel; language: string }[]>([])
  const tabs = [
    ...concept.variants.map((variant) => ({ channel: variant.channel, language: variant.language })),
    ...added.filter(
      (one) =>
        !concept.variants.some((variant) => variant.channel === one.channel && variant.language === one.language),
    ),
  ]
  const keyOfTab = (tab: { channel: string; language: string }): string => `${tab.channel}-${tab.language}`
  const open = tabs.find((tab) => keyOfTab(tab) === filters.variant) ?? tabs[0]
  const variant =
    open === undefined
      ? undefined
      : concept.variants.find((one) => one.channel === open.channel && one.language === open.language)
  const languages = ['de', 'en']

  return (
    <Page
      title={concept.name}
      hint={concept.description}
      above={
        <ScreenLink to="/content" size="xs">
          {t('nav.content')}
        </ScreenLink>
      }
      actions={
        <>
          <Badge variant="light" tt="none">
            {words('purpose', concept.purpose)}
          </Badge>
          {may(api.content.saveVariant) ? (
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} data-testid="add-variant">
                  {t('content.addVariant')}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {channels.flatMap((channel) =>
                  languages
                    .filter((language) => !tabs.some((tab) => tab.channel === channel && tab.language === language))
                    .map((language) => (
                      <Menu.Item
                        key={`${channel}${language}`}
                        onClick={() => {
                          setAdded([...added, { channel, language }])
                          change({ variant: `${channel}-${language}` })
                        }}
                      >
                        {words('channel', channel)} · {words('language', language)}
                      </Menu.Item>
                    )),
                )}
              </Menu.Dropdown>
            </Menu>
          ) : null}
        </>
      }
    >
      {open === undefined ? (
        <Empty title={t('content.noVariants')} hint={t('content.noVariantsHint')} />
      ) : (
        <Tabs
          value={keyOfTab(open)}
          onChange={(value) => change({ variant: value ?? undefined })}
          keepMounted={false}
          activateTabWithKeyboard={false}
        >
          <Tabs.List mb="md">
            {tabs.map((tab) => (
              <Tabs.Tab key={keyOfTab(tab)} value={keyOfTab(tab)} data-testid={`variant-${keyOfTab(tab)}`}>
                {words('channel', tab.channel)} · {tab.language}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value={keyOfTab(open)}>
            <VariantEditor
              key={`${keyOfTab(open)} ${variant?.version ?? 0}`}
              concept={concept}
              channel={open.channel}
              language={open.language}
              variant={variant}
            />
          </Tabs.Panel>
        </Tabs>
      )}
    </Page>
  )
}

function VariantEditor(props: {
  concept: Concept
  channel: Channel
  language: string
  variant: Variant | undefined
}): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const words = useWords()
  const { concept, variant } = props
  const before = variant?.content ?? blankContent(props.channel)
  const [content, setContent] = useState<Content>(before)
  const [asked] = useDebouncedValue(content, 500)
  const writable = may(api.content.saveVariant)
  const changed = JSON.stringify(content) !== JSON.stringify(before)
  const check = useAnswer(
    api.content.check,
    { body: { language: props.language, content: asked } },
    { enabled: changed && may(api.content.check), keep: true },
  )
  const save = useDeed(api.content.saveVariant, { refresh: ['content', 'decision'], done: t('kit.saved') })
  useBlocker({ shouldBlockFn: () => changed && !window.confirm(t('kit.leave')), enableBeforeUnload: () => changed })
  const findings = changed ? (check.data?.findings ?? []) : (variant?.findings ?? [])

  return (
    <Grid>
      <Grid.Col span={{ base: 12, lg: 6 }}>
        <Stack>
          <Panel
            title={t('content.words')}
            actions={
              writable ? (
                <Button
                  size="xs"
                  disabled={!changed}
                  loading={save.pending}
                  onClick={() =>
                    void save.run({
                      params: { concept: concept.id, channel: props.channel, language: props.language },
                      body: { version: variant?.version ?? null, content },
                    })
                  }
                  data-testid="save-variant"
                >
                  {t('kit.save')}
                </Button>
              ) : null
            }
          >
            <Fields content={content} writable={writable} onChange={setContent} />
            {variant === undefined ? null : (
              <Text size="xs" c="dimmed" mt="xs">
                {t('content.savedBy', { version: variant.version, name: variant.updatedBy })}{' '}
                <DateTime at={variant.updatedAt} />
              </Text>
            )}
            {variant === undefined || changed ? null : (
              <VariantApproval
                variant={variant}
                title={`${concept.name} · ${words('channel', variant.channel)} · ${variant.language}`}
              />
            )}
            {changed && check.data?.sms != null ? (
              <Text size="xs" c="dimmed">
                {t('content.sms', {
                  length: check.data.sms.length,
                  count: check.data.sms.segments,
                  encoding: check.data.sms.encoding,
                })}
              </Text>
            ) : null}
          </Panel>
          <Findings findings={findings} />
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 6 }}>
        <PreviewPanel
          concept={concept.id}
          channel={props.channel}
          language={props.language}
          content={changed ? asked : null}
        />
      </Grid.Col>
    </Grid>
  )
}

function Fields(props: { content: Content; writable: boolean; onChange: (content: Content) => void }): ReactNode {
  const { t } = useTranslation()
  const { content, onChange } = props
  const readOnly = !props.writable
  const mono = { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }
  const body = (label: string, value: string, put: (text: string) => void, code: boolean): ReactNode => (
    <Textarea
      label={label}
      autosize
      minRows={code ? 18 : 6}
      maxRows={code ? 30 : 20}
      readOnly={readOnly}
      spellCheck={!code}
      styles={code ? mono : {}}
      value={value}
      onChange={(event) => put(event.currentTarget.value)}
      data-testid="variant-body"
    />
  )
  const line = (label: string, value: string, put: (text: string) => void, hint?: string): ReactNode => (
    <TextInput
      label={label}
      description={hint}
      readOnly={readOnly}
      value={value}
      onChange={(event) => put(event.currentTarget.value)}
    />
  )
  return (
    <Stack gap="sm">
      {content.channel === 'email' ? (
        <>
          {line(t('content.subject'), content.subject, (subject) => onChange({ ...content, subject }))}
          {line(
            t('content.preheader'),
            content.preheader ?? '',
            (preheader) => onChange({ ...content, preheader }),
            t('content.preheaderMeaning'),
          )}
          {body('MJML', content.mjml, (mjml) => onChange({ ...content, mjml }), true)}
        </>
      ) : null}
      {content.channel === 'sms' || content.channel === 'phone'
        ? body(t('content.text'), content.text, (text) => onChange({ ...content, text }), false)
        : null}
      {content.channel === 'push' ? (
        <>
          {line(t('content.pushTitle'), content.title, (title) => onChange({ ...content, title }))}
          {body(t('content.text'), content.text, (text) => onChange({ ...content, text }), false)}
          {line(t('content.link'), content.link ?? '', (link) => onChange({ ...content, link }))}
        </>
      ) : null}
      {content.channel === 'letter' ? (
        <>
          {line(t('content.subject'), content.subject, (subject) => onChange({ ...content, subject }))}
          {body(t('content.text'), content.text, (text) => onChange({ ...content, text }), false)}
        </>
      ) : null}
      <Text size="xs" c="dimmed">
        {t('content.liquid')}
      </Text>
    </Stack>
  )
}

const findingColours = { block: 'red', warn: 'orange', hint: 'blue' }

function Findings(props: { findings: Finding[] }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  if (props.findings.length === 0) return null
  return (
    <Panel title={t('content.findings')} definition={t('content.findingsMeaning')} testid="findings">
      <List size="sm" spacing="xs" listStyleType="none">
        {props.findings.map((finding) => (
          <List.Item key={`${finding.rule}${finding.field}${finding.line ?? ''}${finding.message}`}>
            <Badge size="sm" variant="light" color={findingColours[finding.level]} tt="none" mr={6}>
              {words('finding', finding.level)}
            </Badge>
            {finding.message}
            {finding.line === null ? '' : ` (${t('content.line', { line: finding.line })})`}
            {finding.doInstead === null ? null : (
              <Text size="xs" c="dimmed">
                {finding.doInstead}
              </Text>
            )}
          </List.Item>
        ))}
      </List>
    </Panel>
  )
}

function PreviewPanel(props: {
  concept: ConceptId
  channel: Channel
  language: string
  content: Content | null
}): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [filters, change] = useFilters()
  const person = (filters.person ?? null) as PersonId | null
  const preview = useAnswer(
    api.content.preview,
    {
      params: { concept: props.concept },
      body: { channel: props.channel, language: props.language, person, content: props.content },
    },
    { enabled: may(api.content.preview), keep: true },
  )
  return (
    <Panel
      title={t('content.preview')}
      definition={t('content.previewMeaning')}
      testid="preview"
      actions={<TestSend concept={props.concept} channel={props.channel} language={props.language} person={person} />}
    >
      <Stack gap="sm">
        <PersonChoice person={person} onChange={(chosen) => change({ person: chosen ?? undefined })} />
        {preview.failure !== null ? (
          <Failed failure={preview.failure} onRetry={preview.retry} />
        ) : preview.data === undefined ? (
          <Loading rows={8} />
        ) : preview.data.refused !== null ? (
          <Alert color="orange" title={t('content.refused')}>
            {preview.data.refused}
          </Alert>
        ) : (
          <Shown preview={preview.data} />
        )}
      </Stack>
    </Panel>
  )
}

function Shown(props: { preview: AnswerOf<typeof api.content.preview> }): ReactNode {
  const { t } = useTranslation()
  const { preview } = props
  const { rendering } = preview
  if (rendering === null) return null
  return (
    <Stack gap="xs">
      {rendering.subject === null ? null : (
        <div>
          <Text fw={600} data-testid="preview-subject">
            {rendering.subject}
          </Text>
          <Text size="xs" c="dimmed">
            {rendering.preheader}
          </Text>
        </div>
      )}
      {preview.frameUrl === null ? (
        <Text
          size="sm"
          p="md"
          style={{
            whiteSpace: 'pre-wrap',
            overflowWrap: 'anywhere',
            border: '1px solid var(--mantine-color-default-border)',
            borderRadius: 8,
          }}
        >
          {rendering.text}
        </Text>
      ) : (
        <Paper url={preview.frameUrl} title={rendering.subject ?? t('content.preview')} />
      )}
      {rendering.references.length === 0 ? null : (
        <Text size="xs" c="dimmed">
          {t('content.references')}{' '}
          {rendering.references.map((reference) => `${reference.name} = ${reference.value}`).join(' · ')}
        </Text>
      )}
      <Text size="xs" c="dimmed">
        {t('content.asOf')} <DateTime at={preview.asOf} />
      </Text>
    </Stack>
  )
}

/** A real customer by name, mail or number; without one the preview uses invented data. */
function PersonChoice(props: { person: PersonId | null; onChange: (person: string | null) => void }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [typed, setTyped] = useState('')
  const [opened, setOpened] = useState(false)
  const [wanted] = useDebouncedValue(typed, 200)
  const found = useAnswer(
    api.profile.search,
    { query: { q: wanted, limit: 10 } },
    { enabled: opened && may(api.profile.search), keep: true },
  )
  const chosen = useAnswer(
    api.profile.view,
    { params: { person: props.person ?? '' } },
    { enabled: props.person !== null && may(api.profile.view) },
  )
  const known = (found.data?.items ?? []).map((person) => ({
    value: person.person as string,
    label: [nameOf(person, t('person.anonymous')), person.email, person.city].filter(Boolean).join(' · '),
  }))
  if (chosen.data !== undefined && !known.some((one) => one.value === chosen.data?.person)) {
    known.unshift({ value: chosen.data.person, label: nameOf(chosen.data.summary, t('person.anonymous')) })
  }
  return (
    <Select
      size="sm"
      label={t('content.asWhom')}
      placeholder={t('content.sample')}
      searchable
      clearable
      value={props.person}
      onChange={props.onChange}
      onDropdownOpen={() => setOpened(true)}
      onSearchChange={setTyped}
      filter={({ options }) => options}
      nothingFoundMessage={t('palette.nothing')}
      data={known}
      data-testid="preview-person"
    />
  )
}

function TestSend(props: {
  concept: ConceptId
  channel: Channel
  language: string
  person: PersonId | null
}): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const { user } = useSession()
  const [opened, setOpened] = useState(false)
  const [address, setAddress] = useState(props.channel === 'email' ? user.email : '')
  const send = useDeed(api.delivery.testSend, { refresh: ['delivery'] })
  const [result, setResult] = useState<string | null>(null)
  if (!may(api.delivery.testSend) || props.channel === 'phone') return null
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-end" closeOnItemClick={false} trapFocus>
      <Menu.Target>
        <Button size="xs" variant="default" data-testid="test-send">
          {t('content.test')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown p="sm" w={300}>
        <Stack gap="xs">
          <TextInput
            size="sm"
            label={t('content.testTo')}
            value={address}
            onChange={(event) => setAddress(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button
              size="xs"
              loading={send.pending}
              disabled={address.trim().length < 3}
              onClick={() =>
                void send
                  .run({
                    body: {
                      concept: props.concept,
                      channel: props.channel,
                      language: props.language,
                      address: address.trim(),
                      person: props.person,
                    },
                  })
                  .then((answer) => setResult(answer === undefined ? null : answer.note))
              }
            >
              {t('content.send')}
            </Button>
          </Group>
          {result === null ? null : (
            <Text size="xs" role="status">
              {result}
            </Text>
          )}
        </Stack>
      </Menu.Dropdown>
    </Menu>
  )
}
