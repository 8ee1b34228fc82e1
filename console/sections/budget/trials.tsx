import { type AnswerOf, api, minorDigits } from '@einklang/contract'
import {
  Alert,
  Badge,
  Button,
  Group,
  Modal,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Table,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Test = AnswerOf<typeof api.budget.tests>['items'][number]
type Advice = AnswerOf<typeof api.budget.advise>

/** What the model knows now and did not at the last proposal, and what it still does not know. */
export function Learned(props: { advice: Pick<Advice, 'learned' | 'waiting' | 'currency'> }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { learned, waiting, currency } = props.advice
  const money = (value: number): string => format.wholeMoney(value, currency)
  const channels = (learned?.channels ?? [])
    // Channels that get next to nothing, then and now, have nothing to tell here.
    .filter((row) => row.before !== null && row.now !== null && Math.max(row.proposed, row.advised) >= 0.005)
    .toSorted((left, right) => Math.abs(right.advised - right.proposed) - Math.abs(left.advised - left.proposed))
  const planned = channels.reduce((sum, row) => sum + (row.planned ?? 0), 0)
  const spent = channels.reduce((sum, row) => sum + (row.spent ?? 0), 0)
  return (
    <>
      {waiting.map((one) => (
        <Alert key={one.test} color="yellow" mb="sm">
          {t(`learned.waiting_${one.because}`, { channel: words('media', one.channel) })}
        </Alert>
      ))}
      {learned === null ? null : (
        <Stack gap={6} mb="md" data-testid="learned">
          <Text size="sm" fw={600}>
            {t('learned.since', { title: learned.title, date: format.date(learned.at) })}
          </Text>
          {learned.sameFit ? (
            <Text size="sm">{t('learned.nothing')}</Text>
          ) : (
            <>
              {learned.results.map((one) => (
                <Text size="sm" key={`${one.channel} ${one.from}`}>
                  {t('learned.result', {
                    channel: words('media', one.channel),
                    days: `${format.date(one.from)} – ${format.date(one.until)}`,
                    value: money(one.increment),
                    low: money(one.low),
                    high: money(one.high),
                  })}
                </Text>
              ))}
              {learned.weeks === 0 ? null : <Text size="sm">{t('learned.weeks', { count: learned.weeks })}</Text>}
              {planned === 0 ? null : (
                <Text size="sm">{t('learned.spent', { planned: money(planned), spent: money(spent) })}</Text>
              )}
              <Table.ScrollContainer minWidth={520}>
                <Table fz="sm" verticalSpacing={4} aria-label={t('learned.title')}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t('measurement.channel')}</Table.Th>
                      <Table.Th ta="right">{t('learned.before')}</Table.Th>
                      <Table.Th ta="right">{t('learned.now')}</Table.Th>
                      <Table.Th ta="right">{t('learned.proposed')}</Table.Th>
                      <Table.Th ta="right">{t('learned.advised')}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {channels.map((row) => (
                      <Table.Tr key={row.channel}>
                        <Table.Td>{words('media', row.channel)}</Table.Td>
                        <Table.Td ta="right">
                          <Return of={row.before} />
                        </Table.Td>
                        <Table.Td ta="right">
                          <Return of={row.now} />
                        </Table.Td>
                        <Table.Td ta="right">{format.percent(row.proposed, 0)}</Table.Td>
                        <Table.Td ta="right">
                          <b>{format.percent(row.advised, 0)}</b>
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            </>
          )}
        </Stack>
      )}
    </>
  )
}

function Return(props: { of: { mean: number; low: number; high: number } | null }): ReactNode {
  const format = useFormat()
  if (props.of === null) return '–'
  const { mean, low, high } = props.of
  return (
    <>
      {format.decimal(mean)}
      <Text span size="xs" c="dimmed">
        {` (${format.decimal(low)} – ${format.decimal(high)})`}
      </Text>
    </>
  )
}

/** Pauses that were planned, are running, wait for their result, or were read. */
export function Trials(): ReactNode {
  const { t } = useTranslation()
  const list = useAnswer(api.budget.tests)
  return (
    <Panel title={t('trials.title')} definition={t('trials.meaning')} testid="trials">
      <Fetch
        of={list}
        loading={<Loading rows={2} height={30} />}
        empty={(value) =>
          value.items.length === 0 ? <Empty title={t('trials.none')} hint={t('trials.noneHint')} /> : null
        }
      >
        {(value) => (
          <Table.ScrollContainer minWidth={620}>
            <Table fz="sm" verticalSpacing={4} aria-label={t('trials.title')}>
              <Table.Tbody>
                {value.items.map((item) => (
                  <Trial key={item.test} item={item} />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Fetch>
    </Panel>
  )
}

const colours = { planned: 'gray', running: 'blue', over: 'orange', read: 'teal', dropped: 'gray' } as const

function Trial(props: { item: Test }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const { item } = props
  const [reading, setReading] = useState(false)
  const drop = useDeed(api.budget.dropTest, { refresh: ['budget'], done: t('trials.droppedNow') })
  return (
    <Table.Tr {...(item.state === 'dropped' ? { c: 'dimmed', td: 'line-through' } : {})}>
      <Table.Td>
        {words('media', item.channel)}
        <Text size="xs" c="dimmed">
          {item.regions.join(', ')}
        </Text>
      </Table.Td>
      <Table.Td>
        {format.date(item.starts)} – {format.date(item.ends)}
      </Table.Td>
      <Table.Td>
        <Badge tt="none" miw="max-content" variant="light" color={colours[item.state]}>
          {t(`trials.state_${item.state}`)}
        </Badge>
      </Table.Td>
      <Table.Td ta="right">
        {item.result === null ? null : (
          <>
            {format.wholeMoney(item.result.increment, item.currency)}
            <Text size="xs" c="dimmed">
              {format.wholeMoney(item.result.low, item.currency)} – {format.wholeMoney(item.result.high, item.currency)}
            </Text>
          </>
        )}
      </Table.Td>
      <Table.Td>
        {item.state === 'dropped' || !may(api.budget.readTest) ? null : (
          <Group gap={4} justify="flex-end" wrap="nowrap">
            {item.state === 'over' || item.state === 'read' ? (
              <Button
                size="compact-xs"
                variant={item.state === 'over' ? 'filled' : 'subtle'}
                onClick={() => setReading(true)}
              >
                {t(item.state === 'over' ? 'trials.read' : 'trials.readAgain')}
              </Button>
            ) : null}
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              loading={drop.pending}
              onClick={() => void drop.run({ params: { test: item.test } })}
            >
              {t('trials.drop')}
            </Button>
          </Group>
        )}
        {reading ? <Read item={item} onClose={() => setReading(false)} /> : null}
      </Table.Td>
    </Table.Tr>
  )
}

/** Plans the pause of a channel; the advice names the one that would teach most. */
export function PlanTrial(props: { advice: Advice; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { advice } = props
  const [channel, setChannel] = useState(advice.learn?.channel ?? advice.channels[0]?.channel ?? '')
  const [starts, setStarts] = useState(nextMonday())
  const [weeks, setWeeks] = useState<number | string>(4)
  const [regions, setRegions] = useState<string[]>([])
  const plan = useDeed(api.budget.planTest, { refresh: ['budget'], quiet: true, done: t('trials.planned') })
  async function save(): Promise<void> {
    const made = await plan.run({
      body: {
        channel,
        starts,
        weeks: Number(weeks),
        regions,
        worth: advice.learn?.channel === channel ? advice.learn.value : null,
      },
    })
    if (made !== undefined) props.onClose()
  }
  return (
    <Modal opened onClose={props.onClose} title={t('trials.plan')} size="lg">
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t('trials.planMeaning')}
        </Text>
        <SimpleGrid cols={{ base: 1, xs: 3 }}>
          <Select
            label={t('measurement.channel')}
            allowDeselect={false}
            value={channel}
            onChange={(value) => setChannel(value ?? '')}
            data={advice.channels.map((row) => ({ value: row.channel, label: words('media', row.channel) }))}
          />
          <TextInput
            type="date"
            label={t('trials.starts')}
            value={starts}
            onChange={(event) => setStarts(event.currentTarget.value)}
          />
          <NumberInput label={t('planner.weeks')} min={1} max={26} value={weeks} onChange={setWeeks} />
        </SimpleGrid>
        <TagsInput
          label={t('trials.regions')}
          description={t('trials.regionsHint')}
          value={regions}
          onChange={setRegions}
          acceptValueOnBlur
          data-autofocus
        />
        <DialogActions
          failure={plan.failure}
          disabled={regions.length === 0 || starts === '' || !(Number(weeks) >= 1)}
          pending={plan.pending}
          confirm={t('trials.planNow')}
          onClose={props.onClose}
          onConfirm={() => void save()}
        />
      </Stack>
    </Modal>
  )
}

/** The Monday after today, by the reader's calendar. */
function nextMonday(): string {
  const day = new Date()
  day.setDate(day.getDate() + ((8 - day.getDay()) % 7 || 7))
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
}

function Read(props: { item: Test; onClose: () => void }): ReactNode {
  const measured = useAnswer(api.budget.measureTest, { params: { test: props.item.test } })
  const { t } = useTranslation()
  const words = useWords()
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={t('trials.readTitle', { channel: words('media', props.item.channel) })}
      size="lg"
    >
      <Fetch of={measured} loading={<Loading rows={3} height={30} />}>
        {(value) => <Told item={props.item} measured={value} onClose={props.onClose} />}
      </Fetch>
    </Modal>
  )
}

/** What our own orders say of the pause, ready to be kept; else the fields are filled by hand. */
function Told(props: {
  item: Test
  measured: AnswerOf<typeof api.budget.measureTest>
  onClose: () => void
}): ReactNode {
  const { t, i18n } = useTranslation()
  const format = useFormat()
  const { item, measured } = props
  const unit = 10 ** minorDigits(item.currency)
  const start = item.result ?? measured.found
  const [found, setFound] = useState<{ [name in 'increment' | 'low' | 'high']: number | string }>({
    increment: start === null ? '' : start.increment / unit,
    low: start === null ? '' : start.low / unit,
    high: start === null ? '' : start.high / unit,
  })
  const [done, setDone] = useState<AnswerOf<typeof api.budget.readTest> | null>(null)
  const read = useDeed(api.budget.readTest, { refresh: ['budget', 'measurement'], quiet: true })
  const minor = (value: number | string): number => Math.round(Number(value) * unit)
  const ready = Object.values(found).every((value) => value !== '' && value !== '-')
  async function save(): Promise<void> {
    const answer = await read.run({
      params: { test: item.test },
      body: { increment: minor(found.increment), low: minor(found.low), high: minor(found.high) },
    })
    if (answer !== undefined) setDone(answer)
  }
  return (
    <>
      {done === null ? (
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t('trials.readMeaning')}
          </Text>
          <Alert color={measured.found === null ? 'gray' : 'blue'} data-testid="trial-measured">
            <Text size="sm">
              {measured.found === null
                ? measured.because
                : t('trials.measured', {
                    value: format.wholeMoney(measured.found.increment, item.currency),
                    low: format.wholeMoney(measured.found.low, item.currency),
                    high: format.wholeMoney(measured.found.high, item.currency),
                    controls: format.count(measured.controls),
                    days: format.count(measured.daysBefore),
                  })}
            </Text>
            {measured.warnings.map((warning) => (
              <Text size="sm" key={warning}>
                {warning}
              </Text>
            ))}
          </Alert>
          <SimpleGrid cols={{ base: 1, xs: 3 }}>
            {(['increment', 'low', 'high'] as const).map((name) => (
              <NumberInput
                key={name}
                label={t(`trials.${name}`)}
                suffix={` ${item.currency}`}
                thousandSeparator={i18n.language === 'de' ? '.' : ','}
                decimalSeparator={i18n.language === 'de' ? ',' : '.'}
                value={found[name]}
                onChange={(value) => setFound({ ...found, [name]: value })}
                {...(name === 'increment' ? { 'data-autofocus': true } : {})}
              />
            ))}
          </SimpleGrid>
          <DialogActions
            failure={read.failure}
            disabled={!ready}
            pending={read.pending}
            confirm={t('trials.save')}
            onClose={props.onClose}
            onConfirm={() => void save()}
          />
        </Stack>
      ) : (
        <Stack gap="sm">
          <Text size="sm">
            {done.refit === null
              ? `${t('trials.noRefit')} ${done.because ?? ''}`
              : t('trials.refit', { fit: done.refit })}
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={props.onClose}>
              {t('trials.close')}
            </Button>
          </Group>
        </Stack>
      )}
    </>
  )
}
