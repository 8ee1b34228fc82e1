import { type AnswerOf, api } from '@einklang/contract'
import { Alert, Badge, Button, Group, NumberInput, Select, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import { IconAlertTriangle, IconDownload } from '@tabler/icons-react'
import { type ReactNode, useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { saveCsv } from '../../kit/csv.ts'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { type Format, useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { client, useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Note } from '../measurement/note.tsx'
import { usePeriod } from '../measurement/period.ts'
import { Picture } from '../measurement/picture.tsx'
import type { Inks } from '../measurement/picture-canvas.tsx'
import { NothingThen } from '../measurement/whole-time.tsx'
import { MediaPlan } from './media-plan.tsx'

type Answer = AnswerOf<typeof api.budget.reach>
type Row = Answer['channels'][number]
type Figures = NonNullable<Row['observed']>

/** Whom the channels met and how often: planned beside observed, and where more contacts meet nobody new. */
export function Reach(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  const period = usePeriod()
  const threshold = Number(filters.contacts ?? 3)
  const population = Number(filters.people ?? 0)
  const query = { ...period, threshold, ...(population > 0 ? { population } : {}) }
  const answer = useAnswer(api.budget.reach, { query }, { keep: true })
  async function save(): Promise<void> {
    const file = await client.call(api.budget.reachCsv, { query })
    saveCsv(file.fileName, file.csv)
  }
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          { name: 'from', label: t('measurement.from'), kind: 'day' },
          { name: 'to', label: t('measurement.to'), kind: 'day' },
        ]}
        end={
          <>
            <NumberInput
              size="sm"
              w={150}
              label={t('reach.threshold')}
              min={1}
              max={10}
              value={threshold}
              onChange={(value) => change({ contacts: value === 3 || value === '' ? undefined : String(value) })}
              data-testid="reach-threshold"
            />
            <NumberInput
              size="sm"
              w={210}
              label={t('reach.population')}
              placeholder={t('reach.populationUsual')}
              min={1}
              thousandSeparator={t('reach.thousands')}
              decimalSeparator={t('reach.decimals')}
              allowDecimal={false}
              value={population > 0 ? population : ''}
              onBlur={(event) => {
                const digits = event.currentTarget.value.replaceAll(/\D/g, '')
                change({ people: digits === '' ? undefined : digits })
              }}
            />
            <Button variant="default" leftSection={<IconDownload size={15} aria-hidden />} onClick={() => void save()}>
              CSV
            </Button>
          </>
        }
      />
      <Fetch
        of={answer}
        loading={<Loading rows={8} height={40} />}
        empty={(value) =>
          value.channels.length === 0 ? (
            <NothingThen title={t('reach.none')} hint={t('reach.noneHint')} since={value.note.since} />
          ) : null
        }
      >
        {(value) => <Met answer={value} />}
      </Fetch>
      <MediaPlan />
    </Stack>
  )
}

/** `1.200` or, where it cannot be known exactly, `1.000 – 1.400` below it. */
function People(props: { figures: Figures | null; least?: number | null }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  if (props.figures === null) return '–'
  const { reached, source } = props.figures
  if (reached === null)
    return (
      <Text size="xs" c="dimmed">
        {props.least ? t('reach.atLeastPersons', { people: format.count(props.least) }) : t('reach.unknown')}
      </Text>
    )
  const whole = (value: number) => format.count(Math.round(value))
  return (
    <>
      {whole(reached.value)}
      <Text size="xs" c="dimmed">
        {Math.round(reached.low) === Math.round(reached.high)
          ? t(`reach.source_${source}`)
          : `${whole(reached.low)} – ${whole(reached.high)}`}
      </Text>
    </>
  )
}

function Met(props: { answer: Answer }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { answer } = props
  const { known, all, planned, without } = answer.together
  const whole = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : format.count(Math.round(value))
  const since = `${format.date(answer.period.from)} – ${format.date(answer.period.to)}`
  const saturated = answer.channels.filter((row) => row.saturated)
  const counts = answer.frequency.known.map((_, index) =>
    index === answer.frequency.known.length - 1 ? `${index + 1}+` : `${index + 1}`,
  )
  const rounded = (values: number[]) => values.map((value) => Math.round(value))
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        <StatCard
          label={t('reach.known')}
          value={whole(known?.reached?.value)}
          definition={t('reach.knownMeaning')}
          since={since}
          hint={planned?.reached ? t('reach.plannedOf', { people: whole(planned.reached.value) }) : undefined}
          testid="reach-known"
        />
        <StatCard
          label={t('reach.frequency')}
          value={known?.frequency == null ? '–' : format.decimal(known.frequency)}
          definition={t('reach.frequencyMeaning')}
          since={since}
          hint={t('reach.contactsCount', { count: Math.round(known?.contacts ?? 0), shown: whole(known?.contacts) })}
        />
        <StatCard
          label={t('reach.effective', { count: answer.threshold })}
          value={whole(known?.effective)}
          definition={t('reach.effectiveMeaning')}
          since={since}
          hint={
            known?.reached && known.effective !== null
              ? t('reach.ofReached', { share: format.percent(known.effective / Math.max(1, known.reached.value)) })
              : undefined
          }
          testid="reach-effective"
        />
        <StatCard
          label={t('reach.all')}
          value={all?.reached ? whole(all.reached.value) : '–'}
          definition={t('reach.allMeaning')}
          since={
            all?.reached
              ? t('reach.between', { low: whole(all.reached.low), high: whole(all.reached.high) })
              : t('reach.noOthers')
          }
          hint={
            without.length === 0
              ? undefined
              : t('reach.without', { channels: format.list(without.map((channel) => words('media', channel))) })
          }
          testid="reach-all"
        />
      </SimpleGrid>
      {saturated.length === 0 ? null : (
        <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} data-testid="reach-saturated">
          {saturated.map((row) => (
            <Text key={row.channel} size="sm">
              {t(row.observed?.source === 'persons' ? 'reach.saturatedLate' : 'reach.saturatedNext', {
                channel: words('media', row.channel),
                share: format.percent(row.fresh ?? 0),
              })}
            </Text>
          ))}
        </Alert>
      )}
      <MetTable label={t('measurement.channels')} rows={answer.channels} answer={answer} by="channel" />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Panel title={t('reach.distribution')} definition={t('reach.distributionMeaning')}>
          <Chart
            label={t('reach.distribution')}
            fileName="einklang-frequency"
            height={300}
            categories={counts}
            format={(value) => format.count(value)}
            formatAxis={(value) => format.short(value)}
            series={[
              { name: t('reach.knownShort'), kind: 'bar', values: answer.frequency.known },
              ...(answer.frequency.all === null
                ? []
                : [{ name: t('reach.all'), kind: 'bar' as const, values: rounded(answer.frequency.all) }]),
              ...(answer.frequency.planned === null
                ? []
                : [{ name: t('budget.planned'), kind: 'bar' as const, values: rounded(answer.frequency.planned) }]),
            ]}
          />
        </Panel>
        <Growth answer={answer} />
      </SimpleGrid>
      <Overlap answer={answer} />
      {answer.campaigns.length === 0 ? null : (
        <>
          <Text fw={600}>{t('measurement.campaigns')}</Text>
          <MetTable label={t('measurement.campaigns')} rows={answer.campaigns} answer={answer} by="campaign" />
        </>
      )}
      <Note note={answer.note} period={answer.period} />
    </Stack>
  )
}

function MetTable(props: { label: string; rows: Row[]; answer: Answer; by: 'channel' | 'campaign' }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { currency: houseCurrency } = useSession()
  const { by } = props
  const { threshold } = props.answer
  const currency = props.answer.note.currency ?? houseCurrency
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'name',
        header: t(by === 'channel' ? 'measurement.channel' : 'measurement.campaign'),
        sort: (row) => row.campaign ?? row.channel,
        cell: (row) => (
          <>
            <Group gap={6} wrap="nowrap">
              {by === 'channel' ? words('media', row.channel) : row.campaign}
              {row.saturated ? (
                <Badge size="xs" variant="light" color="yellow" tt="none">
                  {t('reach.saturated')}
                </Badge>
              ) : null}
            </Group>
            <Text size="xs" c="dimmed" truncate title={row.remarks.join(' ')}>
              {[
                by === 'channel' ? t(`reach.kind_${row.kind}`) : words('media', row.channel),
                row.ownAccord ? t('reach.ownAccord') : null,
                ...row.remarks,
              ]
                .filter((part) => part !== null)
                .join(' · ')}
            </Text>
          </>
        ),
      },
      {
        id: 'planned',
        header: t('reach.plannedPersons'),
        width: 130,
        align: 'right',
        sort: (row) => row.planned?.reached?.value ?? null,
        cell: (row) => <People figures={row.planned} />,
      },
      {
        id: 'observed',
        header: t('reach.persons'),
        width: 145,
        align: 'right',
        sort: (row) => row.observed?.reached?.value ?? null,
        cell: (row) => <People figures={row.observed} least={row.responded} />,
      },
      {
        id: 'contacts',
        header: t('reach.contacts'),
        width: 125,
        align: 'right',
        sort: (row) => row.observed?.contacts ?? row.planned?.contacts ?? null,
        cell: ({ observed, planned }) => (
          <>
            {observed === null ? '–' : format.count(Math.round(observed.contacts))}
            {planned === null ? null : (
              <Text size="xs" c="dimmed">
                {t('reach.plannedShort', { contacts: format.short(planned.contacts) })}
              </Text>
            )}
          </>
        ),
      },
      {
        id: 'frequency',
        header: t('reach.perPerson'),
        width: 100,
        align: 'right',
        sort: (row) => row.observed?.frequency ?? null,
        cell: (row) => (row.observed?.frequency == null ? '–' : format.decimal(row.observed.frequency)),
      },
      {
        id: 'effective',
        header: t('reach.atLeast', { count: threshold }),
        width: 110,
        align: 'right',
        sort: (row) => row.observed?.effective ?? null,
        cell: (row) => (row.observed?.effective == null ? '–' : format.count(Math.round(row.observed.effective))),
      },
      {
        id: 'responded',
        header: t('reach.responded'),
        width: 130,
        align: 'right',
        sort: (row) => row.responded,
        cell: (row) => (row.responded === null ? '–' : format.count(row.responded)),
      },
      {
        id: 'fresh',
        header: t('reach.fresh'),
        width: 110,
        align: 'right',
        sort: (row) => row.fresh,
        cell: (row) => (row.fresh === null ? '–' : format.percent(row.fresh)),
      },
      {
        id: 'thousand',
        header: t('reach.perThousand'),
        width: 125,
        align: 'right',
        sort: (row) => row.perThousand,
        cell: (row) => (
          <>
            {row.perThousand === null ? '–' : format.money(row.perThousand, currency)}
            {row.perPoint === null ? null : (
              <Text size="xs" c="dimmed">
                {t('reach.perPoint', { cost: format.money(row.perPoint, currency) })}
              </Text>
            )}
          </>
        ),
      },
    ],
    [t, format, words, currency, threshold, by],
  )
  return (
    <DataTable
      testid={`reach-${by}`}
      label={props.label}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => `${row.channel}/${row.campaign ?? ''}`}
      height={420}
    />
  )
}

/** How reach grows with contacts: as it did, day after day, or as the law of the channel says. */
function Growth(props: { answer: Answer }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [filters, change] = useFilters()
  const { curves, channels } = props.answer
  const chosen =
    curves.find((curve) => (curve.channel ?? 'all') === filters.curve) ??
    curves.find((one) => one.channel === null) ??
    curves[0]
  const row = channels.find((one) => one.channel === chosen?.channel)
  const option = useCallback(
    (inks: Inks) => (chosen === undefined ? {} : growthOption(chosen, row, { inks, format, t })),
    [chosen, row, format, t],
  )
  if (chosen === undefined) return null
  const nameOf = (channel: string | null) => (channel === null ? t('reach.knownShort') : words('media', channel))
  return (
    <Panel
      title={t('reach.growth')}
      definition={t('reach.growthMeaning')}
      actions={
        <Select
          size="xs"
          w={190}
          aria-label={t('measurement.channel')}
          allowDeselect={false}
          value={chosen.channel ?? 'all'}
          onChange={(value) => change({ curve: value ?? undefined })}
          data={[...new Set(curves.map((curve) => curve.channel))].map((channel) => ({
            value: channel ?? 'all',
            label: nameOf(channel),
          }))}
        />
      }
    >
      <Picture
        label={`${t('reach.growth')}: ${nameOf(chosen.channel)}`}
        fileName="einklang-reach"
        height={272}
        option={option}
        header={[t('reach.contacts'), t('reach.persons')]}
        rows={[...chosen.observed, ...chosen.computed].map((point) => [
          Math.round(point.contacts),
          Math.round(point.reached),
        ])}
      />
    </Panel>
  )
}

function growthOption(
  curve: Answer['curves'][number],
  row: Row | undefined,
  look: { inks: Inks; format: Format; t: (key: string) => string },
): object {
  const { inks, format, t } = look
  const points = (of: { contacts: number; reached: number }[]) => of.map((point) => [point.contacts, point.reached])
  const marks = (['planned', 'observed'] as const).flatMap((which) => {
    const figures = curve.computed.length === 0 ? null : (row?.[which] ?? null)
    return figures?.reached == null
      ? []
      : [
          {
            name: t(which === 'planned' ? 'budget.planned' : 'reach.persons'),
            at: [figures.contacts, figures.reached.value],
          },
        ]
  })
  const axis = {
    type: 'value',
    axisLabel: { color: inks.text, formatter: (value: number) => format.short(value) },
    axisLine: { lineStyle: { color: inks.line } },
    splitLine: { lineStyle: { color: inks.line } },
    nameTextStyle: { color: inks.text },
  }
  const lines = [
    { name: t('reach.persons'), of: curve.observed, type: 'solid' },
    { name: t('reach.computed'), of: curve.computed, type: 'dashed' },
  ].filter(({ of }) => of.length > 1)
  return {
    grid: { left: 12, right: 24, top: 30, bottom: 28, containLabel: true },
    tooltip: { trigger: 'axis', valueFormatter: (value: number) => format.count(Math.round(value)) },
    xAxis: { ...axis, name: t('reach.contacts'), nameLocation: 'middle', nameGap: 26 },
    yAxis: { ...axis, name: t('reach.persons') },
    series: [
      ...lines.map(({ name, of, type }) => ({
        name,
        type: 'line',
        showSymbol: false,
        lineStyle: { width: 2, type, color: inks.strong },
        itemStyle: { color: inks.strong },
        data: points(of),
      })),
      ...marks.map(({ name, at }) => ({
        name,
        type: 'line',
        showSymbol: true,
        symbolSize: 10,
        lineStyle: { width: 0 },
        itemStyle: { color: inks.strong },
        label: { show: true, formatter: name, color: inks.text, position: 'bottom' },
        data: [at],
      })),
    ],
  }
}

/** Whom two channels both met, as share of those whom the one at the left did. */
function Overlap(props: { answer: Answer }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { overlap, channels } = props.answer
  const named = channels.filter(({ channel }) =>
    overlap.some((pair) => pair.channel === channel || pair.other === channel),
  )
  if (named.length < 2) return null
  const pairOf = (one: string, other: string) =>
    overlap.find(
      (pair) => (pair.channel === one && pair.other === other) || (pair.channel === other && pair.other === one),
    )
  return (
    <Panel title={t('reach.overlap')} definition={t('reach.overlapMeaning')} testid="reach-overlap">
      <Table.ScrollContainer minWidth={120 * (named.length + 1)}>
        <Table fz="sm" verticalSpacing={4} withColumnBorders aria-label={t('reach.overlap')}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('reach.ofThose')}</Table.Th>
              {named.map(({ channel }) => (
                <Table.Th key={channel} ta="right">
                  {words('media', channel)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {named.map((row) => (
              <Table.Tr key={row.channel}>
                <Table.Th scope="row">{words('media', row.channel)}</Table.Th>
                {named.map((other) => {
                  const pair = row.channel === other.channel ? undefined : pairOf(row.channel, other.channel)
                  const of = row.observed?.reached?.value ?? 0
                  const share = pair === undefined || of === 0 ? null : Math.min(1, pair.persons / of)
                  return (
                    <Table.Td
                      key={other.channel}
                      ta="right"
                      title={
                        pair === undefined
                          ? undefined
                          : `${format.count(Math.round(pair.persons))} ${t('reach.persons')}`
                      }
                      style={
                        share === null
                          ? undefined
                          : {
                              background: `color-mix(in srgb, var(--mantine-primary-color-filled) ${Math.round(share * 45)}%, transparent)`,
                            }
                      }
                    >
                      {share === null ? '' : `${pair?.observed ? '' : '≈ '}${format.percent(share, 0)}`}
                    </Table.Td>
                  )
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="dimmed" mt={4}>
        {t('reach.overlapAssumed')}
      </Text>
    </Panel>
  )
}
