import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { Button, Group, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import { type ReactNode, useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Empty, Fetch, Loading, LoadMore } from '../../kit/states.tsx'
import { useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useNames } from '../../shell/names.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { BehindWay } from './behind.tsx'
import { Segments, SoldVia } from './filters.tsx'
import { Note } from './note.tsx'
import { usePeriod } from './period.ts'
import { Picture } from './picture.tsx'
import type { Clicked, Inks } from './picture-canvas.tsx'
import { WaySegment } from './way-segment.tsx'
import { NothingThen } from './whole-time.tsx'

type Answer = AnswerOf<typeof api.measurement.journeyMap>

/** The real ways from the first contact to an order and past it. */
export function Journeys(): ReactNode {
  const { t } = useTranslation()
  const [filters] = useFilters()
  const period = usePeriod()
  const narrow = {
    ...(filters.soldVia === undefined ? {} : { soldVia: filters.soldVia as 'web' }),
    ...(filters.segment === undefined ? {} : { segment: filters.segment as never }),
  }
  const answer = useAnswer(api.measurement.journeyMap, { query: { ...period, ...narrow, ways: 60 } }, { keep: true })
  return (
    <Stack>
      <Group align="flex-end">
        <SoldVia />
        <Segments />
      </Group>
      <Fetch
        of={answer}
        loading={<Loading rows={8} height={50} />}
        empty={(value) =>
          value.drawn.ofPaths === 0 ? (
            <NothingThen title={t('path.none')} hint={t('path.noneHint')} since={value.note.since} />
          ) : null
        }
      >
        {(value) => <JourneyMap answer={value} />}
      </Fetch>
      {filters.flow === undefined ? null : <Travellers flow={filters.flow} narrow={{ ...period, ...narrow }} />}
    </Stack>
  )
}

function JourneyMap(props: { answer: Answer }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [, change] = useFilters()
  const { answer } = props
  const nameOf = useCallback(
    (channel: string): string =>
      channel === 'order'
        ? t('journeyMap.order')
        : channel === 'no order'
          ? t('journeyMap.noOrder')
          : channel === 'other ways'
            ? t('journeyMap.other')
            : words('media', channel),
    [t, words],
  )
  const sankey = useMemo(() => sankeyOf(answer, nameOf), [answer, nameOf])
  const heat = useMemo(() => heatOf(answer, nameOf, format.count), [answer, nameOf, format])
  const open = useCallback(
    (clicked: Clicked) => {
      if (typeof clicked.flow === 'string') change({ flow: clicked.flow })
    },
    [change],
  )
  const hours = (value: number): string =>
    value < 48
      ? t('journeyMap.hours', { value: format.decimal(value, 1) })
      : t('journeyMap.days', { value: format.decimal(value / 24, 1) })
  const { daysToOrder } = answer
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        <StatCard
          label={t('journeyMap.paths')}
          value={format.count(answer.drawn.ofPaths)}
          definition={t('journeyMap.pathsMeaning')}
          since={t('journeyMap.drawn', { drawn: format.count(answer.drawn.ways), of: format.count(answer.drawn.of) })}
        />
        <StatCard
          label={t('measurement.orders')}
          value={format.count(answer.orders)}
          definition={t('journeyMap.ordersMeaning')}
          since={`${format.date(answer.period.from)} – ${format.date(answer.period.to)}`}
        />
        <StatCard
          label={t('journeyMap.daysToOrder')}
          value={daysToOrder === null ? '–' : format.decimal(daysToOrder.median, 1)}
          definition={t('journeyMap.daysMeaning')}
          since={
            daysToOrder === null
              ? ''
              : t('journeyMap.half', {
                  lower: format.decimal(daysToOrder.lower, 1),
                  upper: format.decimal(daysToOrder.upper, 1),
                })
          }
        />
        <StatCard
          label={t('journeyMap.repeat')}
          value={format.percent(
            (answer.after.find((one) => one.next === 'repeat')?.orders ?? 0) /
              Math.max(
                1,
                answer.after.reduce((sum, one) => sum + one.orders, 0),
              ),
          )}
          definition={t('journeyMap.repeatMeaning')}
          since={t('journeyMap.afterOrder')}
        />
      </SimpleGrid>
      <Panel title={t('journeyMap.title')} definition={t('journeyMap.meaning')} testid="journey-map">
        <Picture
          label={t('journeyMap.title')}
          fileName="einklang-journeys"
          leastWidth={680}
          height={520}
          option={sankey}
          onClick={open}
          header={[
            t('journeyMap.step'),
            t('journeyMap.from'),
            t('journeyMap.to'),
            t('journeyMap.paths'),
            t('measurement.orders'),
          ]}
          rows={answer.flows.map((flow) => [flow.step, nameOf(flow.from), nameOf(flow.to), flow.paths, flow.orders])}
        />
        <Text size="xs" c="dimmed">
          {t('journeyMap.click')}
        </Text>
      </Panel>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Panel title={t('journeyMap.heat')} definition={t('journeyMap.heatMeaning')}>
          <Picture
            label={t('journeyMap.heat')}
            fileName="einklang-transitions"
            height={400}
            option={heat}
            header={[
              t('journeyMap.from'),
              t('journeyMap.to'),
              t('journeyMap.paths'),
              t('journeyMap.median'),
              t('journeyMap.lower'),
              t('journeyMap.upper'),
            ]}
            rows={[
              ...answer.transitions,
              ...answer.loops.map((loop) => ({ ...loop, from: loop.channel, to: loop.channel })),
            ].map((row) => [
              nameOf(row.from),
              nameOf(row.to),
              row.count,
              hours(row.hours.median),
              hours(row.hours.lower),
              hours(row.hours.upper),
            ])}
          />
        </Panel>
        <Stack>
          <Panel title={t('journeyMap.entries')} definition={t('journeyMap.entriesMeaning')}>
            <Table fz="sm" verticalSpacing={4}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('measurement.channel')}</Table.Th>
                  <Table.Th ta="right">{t('journeyMap.paths')}</Table.Th>
                  <Table.Th ta="right">{t('journeyMap.toOrder')}</Table.Th>
                  <Table.Th ta="right">{t('journeyMap.loops')}</Table.Th>
                  <Table.Th ta="right">{t('journeyMap.lost')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {answer.entries.slice(0, 14).map((row) => {
                  const end = answer.dropOff.find((one) => one.channel === row.channel)
                  return (
                    <Table.Tr key={row.channel}>
                      <Table.Td>{nameOf(row.channel)}</Table.Td>
                      <Table.Td ta="right">{format.count(row.paths)}</Table.Td>
                      <Table.Td ta="right">{format.percent(row.orders / Math.max(1, row.paths))}</Table.Td>
                      <Table.Td ta="right">
                        {format.count(answer.loops.find((one) => one.channel === row.channel)?.count ?? 0)}
                      </Table.Td>
                      <Table.Td ta="right">
                        {end === undefined ? '–' : format.percent(end.lost / Math.max(1, end.ended))}
                      </Table.Td>
                    </Table.Tr>
                  )
                })}
              </Table.Tbody>
            </Table>
          </Panel>
          <Panel title={t('journeyMap.afterOrder')} definition={t('journeyMap.afterMeaning')}>
            <Table fz="sm" verticalSpacing={4}>
              <Table.Tbody>
                {answer.after.map((row) => (
                  <Table.Tr key={row.next}>
                    <Table.Td>{t(`journeyMap.next_${row.next}`)}</Table.Td>
                    <Table.Td ta="right">{format.count(row.orders)}</Table.Td>
                    <Table.Td ta="right">
                      {row.medianDays === null
                        ? '–'
                        : t('journeyMap.days', { value: format.decimal(row.medianDays, 1) })}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Panel>
        </Stack>
      </SimpleGrid>
      <Note note={answer.note} period={answer.period} />
    </Stack>
  )
}

function sankeyOf(answer: Answer, nameOf: (channel: string) => string): (inks: Inks) => object {
  const end = (channel: string): boolean => channel === 'order' || channel === 'no order'
  const node = (step: number, channel: string): string => (end(channel) ? channel : `${step} ${channel}`)
  const names = new Set(answer.flows.flatMap((flow) => [node(flow.step, flow.from), node(flow.step + 1, flow.to)]))
  return (inks) => ({
    tooltip: { trigger: 'item' },
    series: [
      {
        type: 'sankey',
        nodeAlign: 'left',
        nodeGap: 10,
        left: 8,
        right: 130,
        top: 8,
        bottom: 8,
        emphasis: { focus: 'adjacency' },
        lineStyle: { color: 'gradient', opacity: 0.35 },
        label: { color: inks.text, formatter: ({ name }: { name: string }) => nameOf(name.replace(/^\d /, '')) },
        data: [...names].map((name) => ({
          name,
          ...(name === 'order'
            ? { itemStyle: { color: inks.strong } }
            : name === 'no order'
              ? { itemStyle: { color: '#9aa0a6' } }
              : {}),
        })),
        links: answer.flows.map((flow) => ({
          source: node(flow.step, flow.from),
          target: node(flow.step + 1, flow.to),
          value: flow.paths,
          ...(flow.from === 'other ways' ? {} : { flow: `${flow.step}>${flow.from}>${flow.to}` }),
        })),
      },
    ],
  })
}

function heatOf(
  answer: Answer,
  nameOf: (channel: string) => string,
  count: (value: number) => string,
): (inks: Inks) => object {
  const cells = [
    ...answer.transitions,
    ...answer.loops.map((loop) => ({ ...loop, from: loop.channel, to: loop.channel })),
  ]
  const from = [...new Set(cells.map((cell) => cell.from))]
  const to = [...new Set(cells.map((cell) => cell.to))]
  const sums = new Map(
    from.map((name) => [name, cells.filter((cell) => cell.from === name).reduce((sum, cell) => sum + cell.count, 0)]),
  )
  return (inks) => ({
    tooltip: {
      formatter: ({ value }: { value: [number, number, number, number] }) =>
        `${nameOf(from[value[1]] as string)} → ${nameOf(to[value[0]] as string)}: ${count(value[3])} (${Math.round(value[2] * 100)} %)`,
    },
    grid: { left: 8, right: 8, top: 8, bottom: 8, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: {
      type: 'category',
      data: to.map(nameOf),
      axisLabel: { color: inks.text, rotate: 45 },
      axisTick: { show: false },
    },
    yAxis: {
      type: 'category',
      data: from.map(nameOf),
      inverse: true,
      axisLabel: { color: inks.text },
      axisTick: { show: false },
    },
    visualMap: { show: false, dimension: 2, min: 0, max: 0.6, inRange: { color: [inks.soft, inks.strong] } },
    series: [
      {
        type: 'heatmap',
        data: cells.map((cell) => [
          to.indexOf(cell.to),
          from.indexOf(cell.from),
          cell.count / Math.max(1, sums.get(cell.from) ?? 1),
          cell.count,
        ]),
      },
    ],
  })
}

function Travellers(props: { flow: string; narrow: object }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [, change] = useFilters()
  const [step = '1', source = '', target = ''] = props.flow.split('>')
  const rows = usePages(api.measurement.journeyPersons, {
    query: { ...props.narrow, step: Number(step), source, target, limit: 30 },
  })
  const nameOf = useNames(rows.data?.map((row) => row.person as PersonId) ?? [])
  const [saving, setSaving] = useState(false)
  return (
    <Panel
      title={t('journeyMap.who')}
      testid="journey-persons"
      actions={
        <Group gap="xs">
          {may(api.measurement.journeySegment) ? (
            <Button size="xs" variant="default" onClick={() => setSaving(true)}>
              {t('waySegment.make')}
            </Button>
          ) : null}
          <Button size="xs" variant="subtle" onClick={() => change({ flow: undefined })}>
            {t('journeyMap.close')}
          </Button>
        </Group>
      }
    >
      {saving ? (
        <WaySegment
          flow={{ step: Number(step), source, target }}
          narrow={props.narrow}
          onClose={() => setSaving(false)}
        />
      ) : null}
      <BehindWay query={{ ...props.narrow, step: Number(step), source, target }} />
      <Fetch
        of={rows}
        loading={<Loading rows={5} height={30} />}
        empty={(found) => (found.length === 0 ? <Empty title={t('path.none')} hint={t('path.noneHint')} /> : null)}
      >
        {(found) => (
          <Stack gap="xs">
            <Table fz="sm" verticalSpacing={4}>
              <Table.Tbody>
                {found.map((row) => (
                  <Table.Tr key={row.event}>
                    <Table.Td>
                      {may(api.profile.view) ? (
                        <PersonLink
                          person={row.person}
                          name={nameOf(row.person as PersonId) ?? t('person.anonymous')}
                        />
                      ) : (
                        '–'
                      )}
                    </Table.Td>
                    <Table.Td>{format.dateTime(row.at)}</Table.Td>
                    <Table.Td>{row.steps.map((channel) => words('media', channel)).join(' → ')}</Table.Td>
                    <Table.Td>{t(row.ordered ? 'journeyMap.order' : 'journeyMap.noOrder')}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
            <LoadMore of={rows} />
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}
