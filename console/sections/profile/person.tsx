import { api, type PersonId } from '@einklang/contract'
import { Alert, Avatar, Badge, Box, Button, Card, DataList, Grid, Group, Menu, Stack, Text } from '@mantine/core'
import { IconChevronDown, IconHandStop, IconInfoCircle } from '@tabler/icons-react'
import { useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { saveFile } from '../../kit/csv.ts'
import { Ago, DateTime, MoneyText } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page, Panel } from '../../kit/page.tsx'
import { nameOf } from '../../kit/person.ts'
import { Fetch, Loading } from '../../kit/states.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useAnswer, useDeed, useEarly } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { MessageDrawer } from '../delivery/drawer.tsx'
import { ConsentTab } from './consent-tab.tsx'
import { IdentityTab } from './identity-tab.tsx'
import { ConversationsTab, MessagesTab, RunsTab } from './messages-tab.tsx'
import { OrdersTab } from './orders-tab.tsx'
import { PathTab } from './path-tab.tsx'
import { ReachPanel } from './reach-panel.tsx'
import { TimelineTab, useTimelineQuestion } from './timeline-tab.tsx'
import { TraitsTab } from './traits-tab.tsx'
import { UndecidedJoin } from './undecided-join.tsx'
import { HouseholdPanel } from './why-panel.tsx'

export type PersonView = (typeof api.profile.view)['answer']['_zod']['output']

/** Everything about one customer. */
export function PersonPage(): ReactNode {
  const { t } = useTranslation()
  const { person } = useParams({ strict: false }) as { person: PersonId }
  const view = useAnswer(api.profile.view, { params: { person } })
  useLiveAnswers(['ingest', 'identity', 'consent', 'audience', 'decision', 'delivery'])
  const may = useMay()
  const [{ tab }] = useFilters()
  const timeline = useTimelineQuestion(person)
  useEarly(api.profile.timeline, timeline, { pages: true, enabled: tab === undefined })
  useEarly(api.profile.reach, { params: { person } }, { enabled: may(api.profile.reach) })
  useEarly(api.identity.household, { params: { person } }, { enabled: may(api.identity.household) })
  return (
    <Fetch
      of={view}
      loading={
        <Page title={t('person.title')}>
          <Loading rows={10} height={42} />
        </Page>
      }
    >
      {(value) => <Whole view={value} />}
    </Fetch>
  )
}

function Whole(props: { view: PersonView }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const format = useFormat()
  const [filters, change] = useFilters()
  const { view } = props
  const name = nameOf(view.summary, t('person.anonymous'))
  return (
    <Page
      title={name}
      above={
        <Text size="xs" c="dimmed">
          <ScreenLink to="/profile" size="xs">
            {t('nav.profile')}
          </ScreenLink>
        </Text>
      }
      actions={<Deeds view={view} name={name} />}
    >
      {view.askedFor === null || view.askedFor === view.person ? null : (
        <Alert icon={<IconInfoCircle />} color="blue" data-testid="merged-into">
          {t('person.mergedInto', { name })}
        </Alert>
      )}
      <UndecidedJoin person={view.person} here={filters.tab === 'identity'} />
      {view.hold === null ? null : (
        <Alert icon={<IconHandStop />} color="orange" data-testid="on-hold">
          {t(view.hold.until === null ? 'person.onHold' : 'person.onHoldUntil', {
            since: format.date(view.hold.since),
            until: view.hold.until === null ? '' : format.dateTime(view.hold.until),
            reason: view.hold.reason,
          })}
        </Alert>
      )}
      <Head view={view} name={name} />
      <Grid>
        <Grid.Col span={{ base: 12, lg: 8.5 }}>
          <ScreenTabs
            value={filters.tab}
            onChange={(tab) => change({ tab, channels: undefined })}
            tabs={[
              { value: 'timeline', label: t('person.tab.timeline'), panel: () => <TimelineTab person={view.person} /> },
              {
                value: 'messages',
                label: t('person.tab.messages'),
                panel: () => <MessagesTab person={view.person} fallback={view.messages} />,
              },
              { value: 'orders', label: t('person.tab.orders'), panel: () => <OrdersTab view={view} /> },
              { value: 'consent', label: t('person.tab.consent'), panel: () => <ConsentTab person={view.person} /> },
              { value: 'identity', label: t('person.tab.identity'), panel: () => <IdentityTab person={view.person} /> },
              { value: 'traits', label: t('person.tab.traits'), panel: () => <TraitsTab traits={view.traits} /> },
              ...(may(api.measurement.personJourney)
                ? [{ value: 'path', label: t('person.tab.path'), panel: () => <PathTab person={view.person} /> }]
                : []),
              { value: 'journeys', label: t('person.tab.journeys'), panel: () => <RunsTab person={view.person} /> },
              {
                value: 'conversations',
                label: t('person.tab.conversations'),
                panel: () => <ConversationsTab person={view.person} />,
              },
            ]}
          />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 3.5 }}>
          <Side view={view} />
        </Grid.Col>
      </Grid>
      <MessageDrawer message={filters.message} onClose={() => change({ message: undefined })} />
    </Page>
  )
}

function Head(props: { view: PersonView; name: string }): ReactNode {
  const { t } = useTranslation()
  const { summary, totals, aliases } = props.view
  const spent = totals.spent
  return (
    <Card withBorder radius="md" padding="md" data-testid="person-head">
      <Group gap="lg" wrap="nowrap" align="center">
        <Avatar size={56} radius="xl" name={props.name} color="initials" alt="" visibleFrom="sm" />
        <Group wrap="wrap" style={{ columnGap: 28, rowGap: 8 }}>
          <Fact label={t('person.email')} value={summary.email} />
          <Fact label={t('person.phone')} value={summary.phone} />
          <Fact label={t('person.city')} value={[summary.postalCode, summary.city].filter(Boolean).join(' ') || null} />
          <Fact label={t('person.card')} value={summary.loyaltyCard} />
          <Fact
            label={t('person.spent')}
            value={spent.length === 0 ? null : spent.map((sum) => <MoneyText key={sum.currency} {...sum} />)}
          />
          <Fact label={t('person.orders')} value={String(totals.orders)} />
          <Fact label={t('person.lastOrder')} value={<Ago at={totals.lastOrderAt} />} />
          <Fact label={t('person.lastSeen')} value={<Ago at={summary.lastSeen} />} />
          <Fact label={t('person.records')} value={String(aliases.length)} />
        </Group>
      </Group>
    </Card>
  )
}

function Fact(props: { label: string; value: ReactNode }): ReactNode {
  return (
    <Box>
      <Text size="xs" c="dimmed">
        {props.label}
      </Text>
      <Text size="sm" fw={550} component="div">
        {props.value ?? '–'}
      </Text>
    </Box>
  )
}

const linesShown = 12

function Side(props: { view: PersonView }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { view } = props
  const { summary, cart } = view
  const plain: [string, string | null][] = [
    [t('person.firstSeen'), format.date(summary.firstSeen)],
    [t('person.birthday'), summary.birthday === null ? null : format.date(summary.birthday)],
    [t('person.language'), summary.language],
    [t('person.street'), summary.street],
    [t('person.country'), summary.country],
  ]
  return (
    <Stack>
      {cart === null || cart.state !== 'open' ? null : (
        <Panel title={t('person.cart')} definition={t('person.cartMeaning')} testid="open-cart">
          <Stack gap={6}>
            {cart.lines.slice(0, linesShown).map((line) => (
              <Group key={line.sku} justify="space-between" wrap="nowrap" gap="xs">
                <Text size="sm" lineClamp={2}>
                  {line.quantity} × {line.name}
                </Text>
                <Text size="sm" style={{ whiteSpace: 'nowrap' }}>
                  {line.price === null ? '–' : format.money(line.price * line.quantity, cart.currency)}
                </Text>
              </Group>
            ))}
            {cart.lines.length > linesShown ? (
              <Text size="xs" c="dimmed">
                {t('person.cartMore', {
                  count: cart.lines.length - linesShown,
                  shown: format.count(cart.lines.length - linesShown),
                })}
              </Text>
            ) : null}
            <Group justify="space-between">
              <Text size="xs" c="dimmed">
                <Ago at={cart.updatedAt} />
              </Text>
              <Text size="sm" fw={650}>
                {format.money(cart.value, cart.currency)}
              </Text>
            </Group>
          </Stack>
        </Panel>
      )}
      <Panel title={t('person.reachable')} definition={t('person.reachableMeaning')}>
        {view.reachable.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t('person.notReachable')}
          </Text>
        ) : (
          <Stack gap={6}>
            {view.reachable.map((way) => (
              <Group key={`${way.channel} ${way.address}`} gap={8} wrap="nowrap">
                <ChannelIcon channel={way.channel} />
                <Text size="sm" truncate title={way.address}>
                  {way.address}
                </Text>
                <Text size="xs" c="dimmed" ml="auto" style={{ whiteSpace: 'nowrap' }}>
                  {t('person.contacts', {
                    count: view.contacts30Days.find((contact) => contact.channel === way.channel)?.messages ?? 0,
                  })}
                </Text>
              </Group>
            ))}
          </Stack>
        )}
      </Panel>
      <ReachPanel person={view.person} />
      <HouseholdPanel person={view.person} />
      <Panel title={t('nav.audience')}>
        {view.audiences.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t('person.noAudiences')}
          </Text>
        ) : (
          <Stack gap={4}>
            {view.audiences.map((audience) => (
              <Group key={audience.audience} justify="space-between" wrap="nowrap">
                <ScreenLink to="/audience/$audience" params={{ audience: audience.audience }}>
                  {audience.name}
                </ScreenLink>
                <Text size="xs" c="dimmed">
                  <DateTime at={audience.since} day />
                </Text>
              </Group>
            ))}
          </Stack>
        )}
      </Panel>
      {view.scores.length === 0 ? null : (
        <Panel title={t('person.scores')} definition={t('person.scoresMeaning')}>
          <Stack gap={4}>
            {view.scores.map((score) => (
              <Group key={score.name} justify="space-between" wrap="nowrap">
                <Text size="sm">{words('score', score.name)}</Text>
                <Text size="sm" title={format.dateTime(score.asOf)}>
                  {format.decimal(score.value)}
                  {score.low === null || score.high === null
                    ? ''
                    : ` (${format.decimal(score.low)} … ${format.decimal(score.high)})`}
                </Text>
              </Group>
            ))}
          </Stack>
        </Panel>
      )}
      <Panel title={t('person.activity')} definition={t('person.activityMeaning')}>
        {view.activity90Days.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t('person.noActivity')}
          </Text>
        ) : (
          <Stack gap={4}>
            {view.activity90Days.slice(0, 8).map((row) => (
              <Group key={row.name} justify="space-between" wrap="nowrap">
                <Text size="sm" truncate>
                  {words('event', row.name)}
                </Text>
                <Badge variant="light" color="gray">
                  {format.count(row.times)}
                </Badge>
              </Group>
            ))}
          </Stack>
        )}
      </Panel>
      <Panel title={t('person.master')}>
        <DataList size="sm" labelWidth="110px" gap={4}>
          {plain.map(([label, value]) => (
            <DataList.Item key={label}>
              <DataList.ItemLabel>{label}</DataList.ItemLabel>
              <DataList.ItemValue>{value ?? '–'}</DataList.ItemValue>
            </DataList.Item>
          ))}
        </DataList>
      </Panel>
    </Stack>
  )
}

function Deeds(props: { view: PersonView; name: string }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [asking, setAsking] = useState<'hold' | 'lift' | null>(null)
  const hold = useDeed(api.decision.hold, { refresh: ['decision', 'delivery', 'profile'], done: t('person.held') })
  const lift = useDeed(api.decision.liftHold, {
    refresh: ['decision', 'delivery', 'profile'],
    done: t('person.lifted'),
  })
  const link = useDeed(api.consent.preferenceLink, { refresh: [] })
  const exported = useDeed(api.profile.exportPerson, { refresh: [], done: t('person.exported') })
  const params = { person: props.view.person }

  async function save(): Promise<void> {
    const document = await exported.run({ params })
    if (document === undefined) return
    saveFile(
      `einklang-${props.view.person}.json`,
      new Blob([JSON.stringify(document, null, 2)], { type: 'application/json' }),
    )
  }
  async function openPreferences(): Promise<void> {
    const answer = await link.run({ params })
    if (answer !== undefined) window.open(answer.url, '_blank', 'noopener')
  }

  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />} data-testid="person-deeds">
            {t('person.deeds')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {may(api.consent.preferenceLink) ? (
            <Menu.Item onClick={() => void openPreferences()}>{t('person.preferencePage')}</Menu.Item>
          ) : null}
          {may(api.decision.hold) ? (
            props.view.hold === null ? (
              <Menu.Item onClick={() => setAsking('hold')} data-testid="hold">
                {t('person.hold')}
              </Menu.Item>
            ) : (
              <Menu.Item onClick={() => setAsking('lift')} data-testid="lift-hold">
                {t('person.lift')}
              </Menu.Item>
            )
          ) : null}
          {may(api.profile.exportPerson) ? (
            <Menu.Item onClick={() => void save()} data-testid="export-person">
              {t('person.export')}
            </Menu.Item>
          ) : null}
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asking === 'hold'}
        title={t('person.hold')}
        text={t('person.holdText', { name: props.name })}
        reasonLabel={t('kit.reason')}
        confirm={t('person.hold')}
        pending={hold.pending}
        onClose={() => setAsking(null)}
        onConfirm={(reason) => void hold.run({ params, body: { reason } }).then(() => setAsking(null))}
      />
      <Confirm
        opened={asking === 'lift'}
        title={t('person.lift')}
        text={t('person.liftText', { name: props.name })}
        confirm={t('person.lift')}
        pending={lift.pending}
        onClose={() => setAsking(null)}
        onConfirm={() => void lift.run({ params }).then(() => setAsking(null))}
      />
    </>
  )
}
