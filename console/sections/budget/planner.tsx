import { type AnswerOf, api, minorDigits } from '@einklang/contract'
import {
  Alert,
  Badge,
  Button,
  Group,
  NumberInput,
  SimpleGrid,
  Slider,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { csvOf, saveCsv } from '../../kit/csv.ts'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Learned, PlanTrial, Trials } from './trials.tsx'

type Advice = AnswerOf<typeof api.budget.advise>
type Channel = Advice['channels'][number]
type Bound = { low: number | string; high: number | string }

/** Where the next euro goes: divide a total over the channels of the mix model, try your own division, propose it. */
export function Planner(): ReactNode {
  const { t, i18n } = useTranslation()
  const [total, setTotal] = useState<number | string>('')
  const [weeks, setWeeks] = useState<number | string>(13)
  const [margin, setMargin] = useState<number | string>('')
  const [shift, setShift] = useState<number | string>(30)
  const [explore, setExplore] = useState(0)
  const [bounds, setBounds] = useState<{ [channel: string]: Bound }>({})
  const [own, setOwn] = useState<{ [channel: string]: number }>({})
  const advise = useDeed(api.budget.advise, { refresh: [], quiet: true })
  const [advice, setAdvice] = useState<Advice | null>(null)
  const { currency } = useSession()
  const minor = (value: number | string): number => Math.round(Number(value) * 10 ** minorDigits(currency))
  const ask = (plan: { [channel: string]: number } | null) => ({
    fit: null,
    total: minor(total),
    weeks: Number(weeks),
    margin: margin === '' ? null : Number(margin) / 100,
    risk: 0,
    doubt: 1,
    shift: shift === '' ? null : Number(shift) / 100,
    explore: explore / 100,
    bounds: Object.entries(bounds)
      .filter(([, bound]) => bound.low !== '' || bound.high !== '')
      .map(([channel, bound]) => ({
        channel,
        low: bound.low === '' ? 0 : minor(bound.low),
        high: bound.high === '' ? null : minor(bound.high),
        step: null,
        least: null,
      })),
    plan: plan === null ? null : Object.entries(plan).map(([channel, spend]) => ({ channel, spend })),
  })
  async function compute(plan: { [channel: string]: number } | null): Promise<void> {
    const found = await advise.run({ body: ask(plan) })
    if (found === undefined) return
    setAdvice(found)
    if (plan === null) setOwn(Object.fromEntries(found.channels.map((row) => [row.channel, row.spend])))
  }
  return (
    <Stack>
      <Panel title={t('planner.title')} definition={t('planner.meaning')} testid="planner">
        <Group align="flex-end">
          <NumberInput
            size="sm"
            w={170}
            required
            label={t('planner.total')}
            min={1}
            value={total}
            onChange={setTotal}
            thousandSeparator={i18n.language === 'de' ? '.' : ','}
            decimalSeparator={i18n.language === 'de' ? ',' : '.'}
            data-testid="planner-total"
          />
          <NumberInput
            size="sm"
            w={110}
            label={t('planner.weeks')}
            min={1}
            max={260}
            value={weeks}
            onChange={setWeeks}
          />
          <NumberInput
            size="sm"
            w={130}
            label={t('planner.margin')}
            description={t('planner.marginHint')}
            min={1}
            max={100}
            value={margin}
            onChange={setMargin}
          />
          <NumberInput
            size="sm"
            w={160}
            label={t('planner.shift')}
            description={t('planner.shiftHint')}
            min={1}
            max={1000}
            value={shift}
            onChange={setShift}
          />
          <Button
            size="sm"
            disabled={!(Number(total) > 0 && Number(weeks) >= 1)}
            loading={advise.pending}
            onClick={() => void compute(null)}
            data-testid="planner-compute"
          >
            {t('planner.compute')}
          </Button>
        </Group>
        <Stack gap={2} mt="md" maw={420}>
          <Text size="sm" fw={500} id="planner-explore">
            {t('planner.explore')}
          </Text>
          <Slider
            min={0}
            max={100}
            step={5}
            value={explore}
            onChange={setExplore}
            label={(value) => `${value} %`}
            marks={[0, 50, 100].map((value) => ({ value, label: `${value} %` }))}
            thumbProps={{ 'aria-labelledby': 'planner-explore' }}
            data-testid="planner-explore"
            mb="lg"
          />
          <Text size="xs" c="dimmed">
            {t('planner.exploreMeaning')}
          </Text>
        </Stack>
        {advise.failure === null ? null : (
          <Alert color="yellow" mt="sm">
            {advise.failure.message} {advise.failure.doInstead}
          </Alert>
        )}
      </Panel>
      {advice === null ? null : (
        <>
          <Result advice={advice} />
          <Explored advice={advice} />
          <Sliders
            advice={advice}
            own={own}
            onChange={(channel, spend) => setOwn({ ...own, [channel]: spend })}
            onTell={() => void compute(own)}
            pending={advise.pending}
            bounds={bounds}
            onBound={(channel, bound) => setBounds({ ...bounds, [channel]: bound })}
          />
          <Propose advice={advice} own={own} ask={ask(null)} />
        </>
      )}
      <Trials />
      <Proposals />
    </Stack>
  )
}

function Result(props: { advice: Advice }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const { advice } = props
  const [planning, setPlanning] = useState(false)
  const tests = useAnswer(api.budget.tests)
  const open = tests.data?.items.find(
    (one) => one.channel === advice.learn?.channel && ['planned', 'running', 'over'].includes(one.state),
  )
  const money = (value: number): string => format.wholeMoney(value, advice.currency)
  const unit = 10 ** minorDigits(advice.currency)
  function save(): void {
    const csv = csvOf(
      ['channel', 'today', 'spend', 'revenue', 'revenue_low', 'revenue_high', 'next_euro', 'held_by'],
      advice.channels.map((row) => [
        row.channel,
        row.today / unit,
        row.spend / unit,
        row.outcome.mean / unit,
        row.outcome.low / unit,
        row.outcome.high / unit,
        row.marginal.mean,
        row.heldBy,
      ]),
    )
    saveCsv('einklang-budget-plan.csv', csv)
  }
  return (
    <Panel
      title={t('planner.result', { fit: advice.fitName })}
      testid="planner-result"
      actions={
        <Button size="xs" variant="default" onClick={save}>
          CSV
        </Button>
      }
    >
      {advice.headline === null ? null : (
        <Alert color="yellow" mb="sm">
          {advice.headline}
        </Alert>
      )}
      {advice.channels.some((row) => Math.abs(row.spend - row.today) > 0.005 * row.today) ? null : (
        <Alert color="blue" mb="sm">
          {t('planner.stay')}
        </Alert>
      )}
      <Learned advice={advice} />
      {advice.learn === null ? null : (
        <Group my="sm" gap="sm">
          <Text size="sm" style={{ flex: '1 1 20rem' }}>
            {t('planner.learn', { channel: words('media', advice.learn.channel), value: money(advice.learn.value) })}
          </Text>
          {open !== undefined ? (
            <Text size="sm" c="dimmed">
              {t('trials.open', { days: `${format.date(open.starts)} – ${format.date(open.ends)}` })}
            </Text>
          ) : may(api.budget.planTest) ? (
            <Button size="xs" variant="default" onClick={() => setPlanning(true)} data-testid="plan-trial">
              {t('trials.plan')}
            </Button>
          ) : null}
        </Group>
      )}
      {planning ? <PlanTrial advice={advice} onClose={() => setPlanning(false)} /> : null}
      <SimpleGrid cols={{ base: 1, xs: 3 }} mb="sm">
        <StatCard
          label={t('planner.outcome')}
          value={money(advice.outcome.mean)}
          definition={t('planner.outcomeMeaning')}
          since={`${money(advice.outcome.low)} – ${money(advice.outcome.high)}`}
        />
        <StatCard
          label={t('planner.gain')}
          value={money(advice.today.gain.mean)}
          definition={t('planner.gainMeaning')}
          since={`${money(advice.today.gain.low)} – ${money(advice.today.gain.high)}`}
        />
        <StatCard
          label={t('planner.chance')}
          value={format.percent(advice.today.chanceOfGain, 0)}
          definition={t('planner.chanceMeaning')}
          since={advice.unspent > 0 ? t('planner.unspent', { amount: money(advice.unspent) }) : ''}
        />
      </SimpleGrid>
      <Table.ScrollContainer minWidth={620}>
        <Table fz="sm" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('measurement.channel')}</Table.Th>
              <Table.Th ta="right">{t('planner.today')}</Table.Th>
              <Table.Th ta="right">{t('planner.advised')}</Table.Th>
              <Table.Th ta="right">{t('planner.brings')}</Table.Th>
              <Table.Th ta="right">{t('mix.nextEuro')}</Table.Th>
              <Table.Th>{t('planner.heldBy')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {advice.channels.map((row) => (
              <Table.Tr key={row.channel}>
                <Table.Td>{words('media', row.channel)}</Table.Td>
                <Table.Td ta="right">{money(row.today)}</Table.Td>
                <Table.Td ta="right">
                  <b>{money(row.spend)}</b>
                </Table.Td>
                <Table.Td ta="right">
                  {money(row.outcome.mean)}
                  <Text size="xs" c="dimmed">
                    {money(row.outcome.low)} – {money(row.outcome.high)}
                  </Text>
                </Table.Td>
                <Table.Td ta="right">{format.decimal(row.marginal.mean)}</Table.Td>
                <Table.Td>{row.heldBy === null ? '–' : t(`planner.held_${row.heldBy.replace(' ', '_')}`)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  )
}

/** What it costs to try out more: the expected revenue falls, the next model knows more. */
function Explored(props: { advice: Advice }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { explored, currency } = props.advice
  const [none, whole] = [explored.at(0), explored.at(-1)]
  if (none === undefined || whole === undefined) return null
  const money = (value: number): string => format.wholeMoney(value, currency)
  return (
    <Panel title={t('planner.explored')} definition={t('planner.exploreMeaning')} testid="planner-explored">
      <Text size="sm" mb="xs">
        {whole.moved === 0
          ? t('planner.exploredNothing')
          : t('planner.exploredText', {
              moved: money(whole.moved),
              cost: money(Math.max(0, none.outcome.mean - whole.outcome.mean)),
            })}
      </Text>
      {whole.moved === 0 ? null : (
        <Chart
          label={t('planner.explored')}
          fileName="einklang-budget-trying-out"
          height={180}
          categories={explored.map(({ share }) => format.percent(share, 0))}
          format={money}
          formatAxis={(value) => format.shortMoney(value, currency)}
          series={[
            {
              name: t('planner.brings'),
              kind: 'line',
              values: explored.map(({ outcome }) => outcome.mean),
              intervals: explored.map(({ outcome }) => [outcome.low, outcome.high]),
            },
            { name: '5 %', kind: 'line', values: explored.map(({ outcome }) => outcome.low) },
            { name: '95 %', kind: 'line', values: explored.map(({ outcome }) => outcome.high) },
          ]}
        />
      )}
    </Panel>
  )
}

function Sliders(props: {
  advice: Advice
  own: { [channel: string]: number }
  onChange: (channel: string, spend: number) => void
  onTell: () => void
  pending: boolean
  bounds: { [channel: string]: Bound }
  onBound: (channel: string, bound: Bound) => void
}): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { advice, own } = props
  const money = (value: number): string => format.wholeMoney(value, advice.currency)
  const sum = advice.channels.reduce((all, row) => all + (own[row.channel] ?? 0), 0)
  const over = sum - advice.spend - advice.unspent
  // A slider moves in whole steps: less than half a per cent is not worth a word.
  const far = Math.abs(over) > 0.005 * (advice.spend + advice.unspent)
  const outcome = advice.channels.reduce((all, row) => all + at(row, own[row.channel] ?? 0), 0)
  return (
    <Panel title={t('planner.own')} definition={t('planner.ownMeaning')} testid="planner-sliders">
      <Group justify="space-between" mb="sm">
        <Text size="sm">
          {t('planner.ownSum', { spend: money(sum), outcome: money(Math.round(outcome)) })}
          {advice.plan === null
            ? null
            : ` ${t('planner.ownRange', { low: money(advice.plan.outcome.low), high: money(advice.plan.outcome.high) })}`}
          {far ? (
            <Text span size="sm" c="orange" data-testid="planner-over">
              {` ${t(over > 0 ? 'planner.above' : 'planner.below', { amount: money(Math.abs(over)) })}`}
            </Text>
          ) : null}
        </Text>
        <Button size="xs" variant="default" loading={props.pending} onClick={props.onTell}>
          {t('planner.tell')}
        </Button>
      </Group>
      <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }}>
        {advice.channels.map((row) => (
          <ChannelSlider
            key={row.channel}
            row={row}
            currency={advice.currency}
            spend={own[row.channel] ?? 0}
            onChange={(spend) => props.onChange(row.channel, spend)}
            bound={props.bounds[row.channel] ?? { low: '', high: '' }}
            onBound={(bound) => props.onBound(row.channel, bound)}
          />
        ))}
      </SimpleGrid>
    </Panel>
  )
}

/** Revenue at a spend, read off the curve. */
function at(row: Channel, spend: number): number {
  const next = row.curve.findIndex((point) => point.spend >= spend)
  if (next < 0) return row.curve.at(-1)?.mean ?? 0
  const [left, right] = [row.curve[next - 1], row.curve[next]]
  if (left === undefined || right === undefined) return right?.mean ?? 0
  return left.mean + ((right.mean - left.mean) * (spend - left.spend)) / Math.max(1, right.spend - left.spend)
}

function ChannelSlider(props: {
  row: Channel
  currency: string
  spend: number
  onChange: (spend: number) => void
  bound: Bound
  onBound: (bound: Bound) => void
}): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { row, spend, currency, bound } = props
  const name = words('media', row.channel)
  const near = row.curve.reduce(
    (best, point, index) =>
      Math.abs(point.spend - spend) < Math.abs((row.curve[best]?.spend ?? 0) - spend) ? index : best,
    0,
  )
  return (
    <Stack gap={4}>
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {name}
        </Text>
        <Text size="sm">
          {format.wholeMoney(spend, currency)} → {format.wholeMoney(Math.round(at(row, spend)), currency)}
        </Text>
      </Group>
      <Slider
        min={0}
        max={row.knownUpTo}
        step={Math.max(100, Math.round(row.knownUpTo / 200))}
        value={spend}
        onChange={props.onChange}
        label={(value) => format.shortMoney(value, currency)}
        thumbLabel={name}
      />
      <Chart
        label={`${t('mix.curve')}: ${name}`}
        fileName={`einklang-curve-${row.channel}`}
        height={150}
        categories={row.curve.map((point) => format.wholeMoney(point.spend, currency))}
        format={(value) => format.wholeMoney(Math.round(value), currency)}
        formatAxis={(value) => format.shortMoney(value, currency)}
        series={[
          {
            name: t('planner.brings'),
            kind: 'line',
            values: row.curve.map((point) => point.mean),
            intervals: row.curve.map((point) => [point.low, point.high]),
          },
          { name: '5 %', kind: 'line', values: row.curve.map((point) => point.low) },
          { name: '95 %', kind: 'line', values: row.curve.map((point) => point.high) },
          {
            name: t('planner.here'),
            kind: 'bar',
            values: row.curve.map((point, index) => (index === near ? point.mean : null)),
          },
        ]}
      />
      <Group gap={4}>
        <NumberInput
          size="xs"
          w={110}
          placeholder={t('planner.least')}
          aria-label={`${name} ${t('planner.least')}`}
          min={0}
          value={bound.low}
          onChange={(low) => props.onBound({ ...bound, low })}
        />
        <NumberInput
          size="xs"
          w={110}
          placeholder={t('planner.most')}
          aria-label={`${name} ${t('planner.most')}`}
          min={0}
          value={bound.high}
          onChange={(high) => props.onBound({ ...bound, high })}
        />
      </Group>
    </Stack>
  )
}

type Ask = { fit: null; total: number; weeks: number; margin: number | null }

function Propose(props: { advice: Advice; own: { [channel: string]: number }; ask: Ask }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [title, setTitle] = useState('')
  const [from, setFrom] = useState('')
  const [months, setMonths] = useState<number | string>(3)
  const propose = useDeed(api.budget.propose, { refresh: ['budget'] })
  const request = useDeed(api.governance.requestApproval, {
    refresh: ['budget', 'governance'],
    done: t('planner.asked'),
  })
  if (!may(api.budget.propose)) return null
  async function save(): Promise<void> {
    const made = await propose.run({
      body: {
        title: title.trim(),
        from,
        months: Number(months),
        advice: props.ask,
        lines: props.advice.channels.map(({ channel }) => ({ channel, amount: props.own[channel] ?? 0 })),
      },
    })
    if (made !== undefined && may(api.governance.requestApproval))
      await request.run({
        body: { kind: 'budget', object: String(made.proposal), hash: made.hash, title: title.trim() },
      })
  }
  return (
    <Panel title={t('planner.propose')} definition={t('planner.proposeMeaning')}>
      <Group align="flex-end">
        <TextInput
          size="sm"
          w={240}
          required
          label={t('planner.name')}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <TextInput
          size="sm"
          type="month"
          required
          label={t('planner.from')}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
        />
        <NumberInput
          size="sm"
          w={100}
          label={t('planner.months')}
          min={1}
          max={24}
          value={months}
          onChange={setMonths}
        />
        <Button
          size="sm"
          disabled={title.trim() === '' || !/^\d{4}-\d{2}$/.test(from)}
          loading={propose.pending || request.pending}
          onClick={() => void save()}
          data-testid="propose"
        >
          {t('planner.ask')}
        </Button>
      </Group>
    </Panel>
  )
}

function Proposals(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const list = useAnswer(api.budget.proposals)
  const apply = useDeed(api.budget.applyProposal, { refresh: ['budget'], done: t('planner.applied') })
  return (
    <Panel title={t('planner.proposals')} testid="proposals">
      <Fetch
        of={list}
        loading={<Loading rows={3} />}
        empty={(value) =>
          value.items.length === 0 ? <Empty title={t('planner.none')} hint={t('planner.noneHint')} /> : null
        }
      >
        {(value) => (
          <Table fz="sm">
            <Table.Tbody>
              {value.items.map((item) => (
                <Table.Tr key={item.proposal}>
                  <Table.Td>
                    {item.title}
                    <Text size="xs" c="dimmed">
                      {item.lines
                        .map(
                          (line) => `${words('media', line.channel)} ${format.wholeMoney(line.amount, item.currency)}`,
                        )
                        .join(' · ')}
                    </Text>
                  </Table.Td>
                  <Table.Td style={{ whiteSpace: 'nowrap' }}>
                    {item.from}, {t('planner.monthsOf', { count: item.months })}
                  </Table.Td>
                  <Table.Td style={{ whiteSpace: 'nowrap' }}>{item.by}</Table.Td>
                  <Table.Td>
                    <Badge
                      tt="none"
                      miw="max-content"
                      variant="light"
                      color={item.appliedAt !== null ? 'teal' : item.approved ? 'blue' : 'gray'}
                    >
                      {t(
                        item.appliedAt !== null
                          ? 'planner.inPlan'
                          : item.approved
                            ? 'planner.approved'
                            : 'planner.waiting',
                      )}
                    </Badge>
                  </Table.Td>
                  <Table.Td>
                    {item.approved && item.appliedAt === null && may(api.budget.applyProposal) ? (
                      <Button
                        size="xs"
                        loading={apply.pending}
                        onClick={() => void apply.run({ params: { proposal: item.proposal } })}
                      >
                        {t('planner.apply')}
                      </Button>
                    ) : null}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Fetch>
    </Panel>
  )
}
