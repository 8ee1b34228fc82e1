import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Button, Card, Group, Select, Stack, Switch, Table, Text } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { Ago, DateTime, MoneyText } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { useFindingName } from './finding-name.ts'

type Alarm = AnswerOf<typeof api.ingest.alarms>['items'][number]

/** Streams that do not flow as usual, what they were before, and which sources are still being learnt. */
export function Alarms(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const may = useMay()
  const [past, setPast] = useState(false)
  const [mine, setMine] = useState(false)
  const asked = { open: 'true' as const, limit: 100, ...(mine ? { mine: 'true' as const } : {}) }
  const open = useAnswer(api.ingest.alarms, { query: asked }, { every: 60_000 })
  const owners = useAnswer(api.ingest.alarmOwners, {}, { enabled: may(api.ingest.alarmOwners) })
  const monitors = useAnswer(api.ingest.monitors)
  const learning = monitors.data?.items.filter(({ state }) => state === 'learning') ?? []
  const watching = monitors.data?.items.filter(({ state }) => state === 'watching').length ?? 0
  return (
    <Panel
      title={t('alarms.title')}
      definition={t('alarms.meaning')}
      testid="alarms"
      actions={
        <Group gap="md">
          <Switch
            size="xs"
            label={t('alarms.mine')}
            checked={mine}
            onChange={(event) => setMine(event.currentTarget.checked)}
          />
          <Switch
            size="xs"
            label={t('alarms.past')}
            checked={past}
            onChange={(event) => setPast(event.currentTarget.checked)}
          />
        </Group>
      }
    >
      <Stack gap="sm">
        <Fetch of={open} loading={<Loading rows={2} />}>
          {(answer) =>
            answer.items.length === 0 ? (
              <Group gap="xs">
                <IconCheck size={16} aria-hidden />
                <Text size="sm">
                  {mine
                    ? t('alarms.noneMine')
                    : watching === 0
                      ? t('alarms.notYet')
                      : t('alarms.none', { count: watching, shown: format.count(watching) })}
                </Text>
              </Group>
            ) : (
              <Stack gap="xs">
                {answer.items.map((alarm) => (
                  <AlarmCard key={alarm.id} alarm={alarm} team={owners.data?.items ?? []} />
                ))}
              </Stack>
            )
          }
        </Fetch>
        {learning.length === 0 ? null : (
          <Text size="xs" c="dimmed" data-testid="learning">
            {t('alarms.learning', {
              sources: format.list(
                learning.map(({ sourceName, learningUntil }) =>
                  learningUntil === null
                    ? sourceName
                    : `${sourceName} (${t('alarms.until')} ${format.date(learningUntil)})`,
                ),
              ),
            })}
          </Text>
        )}
        {past ? <Past /> : null}
      </Stack>
    </Panel>
  )
}

/** What a stream did, in one sentence. */
export function useAlarmSentence(): (alarm: Alarm) => string {
  const { t } = useTranslation()
  const format = useFormat()
  return ({ code, unit, observed, usual, windowMinutes, subject }) => {
    const minutes = format.duration(windowMinutes * 60)
    if (code === 'stream.new_values') return t('alarms.said.new', { name: subject.name, count: format.count(observed) })
    if (unit === 'minutes')
      return t('alarms.said.silent', { observed: format.duration(observed * 60), usual: format.duration(usual * 60) })
    if (unit === 'items')
      return t('alarms.said.items', { observed: format.count(observed), usual: format.count(usual), minutes })
    return t('alarms.said.share', { observed: format.percent(observed), usual: format.percent(usual), minutes })
  }
}

type Team = AnswerOf<typeof api.ingest.alarmOwners>['items']

function AlarmCard({ alarm, team }: { alarm: Alarm; team: Team }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const nameOf = useFindingName()
  const may = useMay()
  const say = useAlarmSentence()
  const [asking, setAsking] = useState(false)
  const accept = useDeed(api.ingest.acceptAlarm, { done: t('alarms.accepted') })
  const acknowledge = useDeed(api.ingest.acknowledgeAlarm, { done: t('alarms.acknowledged') })
  const { cause, items, people, turnover } = alarm
  const touched = [
    ...(items === null ? [] : [t('alarms.items', { count: items, shown: format.count(items) })]),
    ...(people === null ? [] : [t('alarms.people', { count: people, shown: format.count(people) })]),
  ]
  return (
    <Card withBorder radius="md" padding="sm" data-testid={`alarm-${alarm.code}`} data-level={alarm.level}>
      <Group justify="space-between" align="flex-start" wrap="wrap" gap="sm">
        <Stack gap={2} style={{ flex: 1, minWidth: 280 }}>
          <Group gap="xs">
            <Badge size="sm" color={alarm.level === 'alarm' ? 'red' : 'yellow'} variant="light" tt="none">
              {words('alarmLevel', alarm.level)}
            </Badge>
            <Text fw={600} size="sm">
              {words('stream', alarm.code)}: {alarm.sourceName}
              {alarm.subject.name === '' ? '' : `, ${alarm.subject.name}`}
            </Text>
          </Group>
          <Text size="sm">{say(alarm)}</Text>
          <Text size="sm" c="dimmed">
            {t('alarms.since')} <DateTime at={alarm.since} />
            {touched.length === 0 && turnover === null ? null : (
              <>
                {' · '}
                {t('alarms.about')} {format.list(touched)}
                {turnover === null || turnover.amount === 0 ? null : (
                  <>
                    {touched.length === 0 ? '' : ', '}
                    <MoneyText amount={turnover.amount} currency={turnover.currency} />
                  </>
                )}
              </>
            )}
          </Text>
          <Text size="sm">
            {t('alarms.cause')}: {words('alarmCause', cause.kind)}
            {cause.name === '' ? '' : ` (${cause.kind === 'one_reason' ? nameOf(cause.name) : cause.name})`}
            {cause.at === null ? null : (
              <>
                , <DateTime at={cause.at} />
              </>
            )}
          </Text>
          <Owner alarm={alarm} team={team} />
        </Stack>
        <Group gap="xs">
          <ScreenLink to="/ingest" search={placeOf(alarm)}>
            {t(`alarms.go.${goOf(alarm)}`)}
          </ScreenLink>
          {may(api.ingest.acknowledgeAlarm) && alarm.acknowledgedAt === null ? (
            <Button
              size="compact-xs"
              variant="default"
              loading={acknowledge.pending}
              onClick={() => acknowledge.run({ params: { alarm: alarm.id } })}
            >
              {t('alarms.acknowledge')}
            </Button>
          ) : null}
          {may(api.ingest.acceptAlarm) ? (
            <Button size="compact-xs" variant="default" onClick={() => setAsking(true)}>
              {t('alarms.accept')}
            </Button>
          ) : null}
        </Group>
      </Group>
      <Confirm
        opened={asking}
        title={t('alarms.accept')}
        text={t('alarms.acceptText')}
        confirm={t('alarms.accept')}
        pending={accept.pending}
        onClose={() => setAsking(false)}
        onConfirm={async () => {
          await accept.run({ params: { alarm: alarm.id } })
          setAsking(false)
        }}
      />
    </Card>
  )
}

/** Who sees to it, and since when somebody is at it. */
function Owner({ alarm, team }: { alarm: Alarm; team: Team }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const assign = useDeed(api.ingest.assignAlarm, { done: t('alarms.assigned') })
  const { owner, acknowledgedAt, acknowledgedBy } = alarm
  return (
    <Group gap="xs" data-testid="alarm-owner">
      {may(api.ingest.assignAlarm) ? (
        <Select
          size="xs"
          w={220}
          aria-label={t('alarms.owner')}
          placeholder={t('alarms.nobody')}
          data={team.map(({ id, name }) => ({ value: id, label: name }))}
          value={owner?.id ?? null}
          searchable
          clearable
          disabled={assign.pending}
          onChange={(value) => {
            const chosen = team.find(({ id }) => id === value)
            void assign.run({ params: { alarm: alarm.id }, body: { owner: chosen?.id ?? null } })
          }}
        />
      ) : (
        <Text size="sm">
          {t('alarms.owner')}: {owner?.name ?? t('alarms.nobody')}
        </Text>
      )}
      {acknowledgedAt === null ? null : (
        <Text size="xs" c="dimmed">
          {t('alarms.seen', { name: acknowledgedBy })} <Ago at={acknowledgedAt} />
        </Text>
      )}
    </Group>
  )
}

/** Where something can be done about it. */
function goOf({ code, cause }: Alarm): 'quarantine' | 'checks' | 'stream' | 'sources' {
  if (code === 'stream.quarantine') return cause.kind === 'rule_change' ? 'checks' : 'quarantine'
  return code === 'stream.silence' ? 'sources' : 'stream'
}

function placeOf(alarm: Alarm): { [name: string]: string } {
  const tab = goOf(alarm)
  return tab === 'sources' ? {} : tab === 'quarantine' ? { tab } : { tab, source: alarm.source }
}

function Past(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const say = useAlarmSentence()
  const alarms = usePages(api.ingest.alarms, { query: { open: 'false' } })
  return (
    <Fetch of={alarms} empty={(rows) => (rows.length === 0 ? <Text size="sm">{t('alarms.noPast')}</Text> : null)}>
      {(rows) => (
        <>
          <Table.ScrollContainer minWidth={720}>
            <Table verticalSpacing={4} fz="sm" aria-label={t('alarms.past')}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('alarms.what')}</Table.Th>
                  <Table.Th>{t('alarms.measured')}</Table.Th>
                  <Table.Th>{t('alarms.from')}</Table.Th>
                  <Table.Th>{t('alarms.to')}</Table.Th>
                  <Table.Th>{t('alarms.end')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((alarm) => (
                  <Table.Tr key={alarm.id}>
                    <Table.Td>
                      {words('stream', alarm.code)}: {alarm.sourceName}
                      {alarm.subject.name === '' ? '' : `, ${alarm.subject.name}`}
                    </Table.Td>
                    <Table.Td>{say(alarm)}</Table.Td>
                    <Table.Td>
                      <DateTime at={alarm.since} />
                    </Table.Td>
                    <Table.Td>
                      <DateTime at={alarm.closedAt} />
                    </Table.Td>
                    <Table.Td>
                      {alarm.closedBecause === null ? '' : words('alarmEnd', alarm.closedBecause)}
                      {alarm.closedBy === null ? '' : ` (${alarm.closedBy})`}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <LoadMore of={alarms} size="xs" />
        </>
      )}
    </Fetch>
  )
}

/** For Today: open alarms, each a line that ends with a click. */
export function AlarmMatters(): ReactNode {
  const words = useWords()
  const may = useMay()
  const open = useAnswer(api.ingest.alarms, { query: { open: 'true', limit: 20 } }, { enabled: may(api.ingest.alarms) })
  return open.data?.items.map((alarm) => (
    <Group key={alarm.id} justify="space-between" wrap="nowrap" data-testid={`attention-${alarm.code}`}>
      <ScreenLink to="/ingest" search={{ tab: 'quality' }}>
        {words('stream', alarm.code)}: {alarm.sourceName}
        {alarm.subject.name === '' ? '' : `, ${alarm.subject.name}`}
      </ScreenLink>
      <Text size="sm" c="dimmed">
        <Ago at={alarm.since} />
      </Text>
    </Group>
  ))
}
