import { type AnswerOf, api } from '@einklang/contract'
import {
  Badge,
  Box,
  Button,
  Card,
  Group,
  NumberInput,
  Popover,
  Progress,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Switch,
  Table,
  Text,
} from '@mantine/core'
import { IconDownload, IconScale } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago, MoneyText } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Definition, Panel } from '../../kit/page.tsx'
import { Sparkline } from '../../kit/sparkline.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { useFindingName } from './finding-name.ts'
import { Alarms } from './quality-alarms.tsx'

export type Report = NonNullable<Exclude<AnswerOf<typeof api.ingest.quality>, string>['report']>
type Score = Report['score']

/** Do we believe what came in, and is it complete enough to use? One page for marketers. */
export function Quality(): ReactNode {
  const { t } = useTranslation()
  const quality = useAnswer(api.ingest.quality, { query: {} }, { every: 60_000 })
  return (
    <Stack>
      <Alarms />
      <Fetch
        of={quality}
        loading={<Loading rows={10} height={40} />}
        empty={(answer) =>
          typeof answer === 'string' || answer.report === null ? (
            <Empty title={t('quality.none')} hint={t('quality.noneHint')} />
          ) : null
        }
      >
        {(answer) => (typeof answer === 'string' || answer.report === null ? null : <Whole report={answer.report} />)}
      </Fetch>
    </Stack>
  )
}

function Whole({ report }: { report: Report }): ReactNode {
  return (
    <>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Brand report={report} />
        <Scores report={report} />
      </SimpleGrid>
      <Reachable report={report} />
      <Completeness report={report} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Identity report={report} />
        <Freshness report={report} />
      </SimpleGrid>
      <Problems report={report} />
      <Plan report={report} />
    </>
  )
}

// --- score ------------------------------------------------------------------------------------------------------------

function tone(value: number | null): string {
  return value === null ? 'gray' : value >= 0.9 ? 'teal' : value >= 0.7 ? 'yellow' : 'orange'
}

function Brand({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { score, scoreTrend } = report
  return (
    <Panel
      title={t('quality.score')}
      definition={t('quality.scoreMeaning')}
      testid="quality-score"
      actions={
        <>
          <Weights report={report} />
          <Button
            component="a"
            href="/api/ingest/quality?format=csv"
            download
            size="xs"
            variant="default"
            leftSection={<IconDownload size={14} aria-hidden />}
          >
            {t('quality.csv')}
          </Button>
        </>
      }
    >
      <Group align="flex-start" gap="xl">
        <Box>
          <Text fz={44} fw={650} lh={1.1} style={{ fontVariantNumeric: 'tabular-nums' }} data-testid="quality-value">
            {score.value === null ? '–' : format.decimal(score.value, 1)}
          </Text>
          <Text size="xs" c="dimmed">
            {t('quality.asOf', { age: format.duration(report.ageSeconds) })}
          </Text>
        </Box>
        <Box style={{ flex: 1, minWidth: 240 }}>
          <Parts score={score} />
        </Box>
      </Group>
      {scoreTrend.length < 2 ? (
        <Text size="xs" c="dimmed" mt="sm">
          {t('quality.noTrend')}
        </Text>
      ) : (
        <Box mt="md">
          <Chart
            label={t('quality.trend')}
            fileName="einklang-quality"
            height={150}
            categories={scoreTrend.map(({ week }) => format.date(week))}
            format={(value) => format.decimal(value, 1)}
            series={[{ name: t('quality.score'), kind: 'line', values: scoreTrend.map(({ value }) => value) }]}
          />
        </Box>
      )}
      <Letter />
    </Panel>
  )
}

/** The five parts as bars, each with what was counted. */
function Parts({ score }: { score: Score }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  return (
    <Stack gap={6}>
      {score.parts.map(({ part, value, weight, count, of }) => (
        <Box key={part} data-part={part}>
          <Group justify="space-between" wrap="nowrap" gap="xs">
            <Group gap={4} wrap="nowrap">
              <Text size="sm">{words('scorePart', part)}</Text>
              <Definition
                text={`${t(`quality.partMeaning.${part}`)} ${
                  value === null
                    ? t('quality.leftOut')
                    : t('quality.inputs', {
                        count: format.count(count),
                        of: format.count(of),
                        weight: format.percent(weight, 0),
                      })
                }`}
              />
            </Group>
            <Text size="sm" {...(value === null ? { c: 'dimmed' } : {})} style={{ fontVariantNumeric: 'tabular-nums' }}>
              {value === null ? t('quality.noData') : format.percent(value, 1)}
            </Text>
          </Group>
          <Progress
            value={value === null ? 0 : value * 100}
            color={tone(value)}
            size="sm"
            aria-label={words('scorePart', part)}
          />
        </Box>
      ))}
    </Stack>
  )
}

function Weights({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [draft, setDraft] = useState(report.weights)
  const [opened, setOpened] = useState(false)
  const save = useDeed(api.ingest.setQualityWeights, { done: t('quality.weightsSaved') })
  if (!may(api.ingest.setQualityWeights)) return null
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" withArrow trapFocus>
      <Popover.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconScale size={14} aria-hidden />}
          onClick={() => {
            setDraft(report.weights)
            setOpened(!opened)
          }}
        >
          {t('quality.weights')}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs" maw={280}>
          <Text size="xs" c="dimmed">
            {t('quality.weightsMeaning')}
          </Text>
          {api.ingest.scoreParts.map((part) => (
            <NumberInput
              key={part}
              size="xs"
              label={words('scorePart', part)}
              min={0}
              max={1}
              step={0.05}
              decimalScale={2}
              value={draft[part]}
              onChange={(value) => setDraft({ ...draft, [part]: Number(value) || 0 })}
            />
          ))}
          <Button
            size="xs"
            loading={save.pending}
            onClick={async () => {
              if (await save.run({ body: draft })) setOpened(false)
            }}
          >
            {t('quality.saveWeights')}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

function Letter(): ReactNode {
  const { t, i18n } = useTranslation()
  const letter = useAnswer(api.ingest.qualityLetter)
  const change = useDeed(api.ingest.setQualityLetter)
  if (letter.data === undefined) return null
  return (
    <Switch
      mt="md"
      size="sm"
      label={t('quality.letter')}
      description={t('quality.letterMeaning')}
      checked={letter.data.wanted}
      disabled={change.pending}
      onChange={(event) =>
        void change.run({
          body: { wanted: event.currentTarget.checked, language: i18n.language === 'de' ? 'de' : 'en' },
        })
      }
    />
  )
}

function Scores({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [kind, setKind] = useState<'source' | 'store'>('source')
  const rows = report.scores.filter((score) => score.kind === kind)
  const columns = useMemo(
    (): Column<Score>[] => [
      { id: 'name', header: t('quality.what'), sort: (row) => row.name, cell: (row) => row.name || row.key },
      {
        id: 'value',
        header: t('quality.score'),
        width: 90,
        align: 'right',
        sort: (row) => row.value,
        cell: (row) => (row.value === null ? '–' : format.decimal(row.value, 1)),
      },
      {
        id: 'parts',
        header: t('quality.parts'),
        width: 190,
        cell: (row) => (
          <Group gap={4} wrap="nowrap">
            {row.parts.map(({ part, value }) => (
              <Progress
                key={part}
                w={30}
                size="md"
                color={tone(value)}
                value={value === null ? 0 : value * 100}
                title={`${words('scorePart', part)}: ${value === null ? t('quality.noData') : format.percent(value, 1)}`}
                aria-label={words('scorePart', part)}
              />
            ))}
          </Group>
        ),
      },
    ],
    [t, format, words],
  )
  return (
    <Panel
      title={t('quality.scores')}
      definition={t('quality.scoresMeaning')}
      actions={
        <SegmentedControl
          size="xs"
          value={kind}
          onChange={(value) => setKind(value as 'source' | 'store')}
          data={[
            { value: 'source', label: t('quality.sources') },
            { value: 'store', label: t('quality.stores') },
          ]}
        />
      }
    >
      {rows.length === 0 ? (
        <Empty title={t('quality.noScores')} />
      ) : (
        <DataTable
          label={t('quality.scores')}
          columns={columns}
          rows={rows}
          rowKey={(row) => row.key}
          height={330}
          {...(kind === 'source' || rows.every((row) => row.ranked) ? { sorted: { id: 'value', desc: false } } : {})}
        />
      )}
      {kind === 'store' && rows.some((row) => !row.ranked) ? (
        <Text size="xs" c="dimmed" mt={4}>
          {t('quality.unranked')}
        </Text>
      ) : null}
    </Panel>
  )
}

// --- reachable --------------------------------------------------------------------------------------------------------

/** Where something can be done about people who are lost for a reason. */
const ways: { [cause: string]: { to: string; search?: { [name: string]: string } } } = {
  no_address: { to: '/profile' },
  invalid: { to: '/ingest', search: { tab: 'checks' } },
  role_address: { to: '/ingest', search: { tab: 'checks' } },
  no_consent: { to: '/consent' },
  withdrawn: { to: '/consent', search: { tab: 'ledger', stance: 'deny' } },
  suppressed: { to: '/consent' },
  bounced: { to: '/delivery', search: { state: 'refused' } },
}

function Reachable({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const shown = (count: number | null) => (count === null ? t('quality.few') : format.count(count))
  return (
    <Panel title={t('quality.reachable')} definition={t('quality.reachableMeaning')} testid="quality-reachable">
      {report.people === 0 ? (
        <Empty title={t('quality.nobody')} hint={t('quality.nobodyHint')} />
      ) : (
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3, xl: 5 }}>
          {report.reachable.map(({ channel, reachable, people, lost, trend }) => (
            <Card key={channel} withBorder radius="md" padding="sm" data-channel={channel}>
              <Text size="sm" c="dimmed" fw={500}>
                {words('channel', channel)}
              </Text>
              <Group justify="space-between" align="flex-end" wrap="nowrap">
                <Text fz={24} fw={650} style={{ fontVariantNumeric: 'tabular-nums' }}>
                  {shown(reachable)}
                </Text>
                {trend.length < 2 ? null : (
                  <Sparkline values={trend.map(({ value }) => value)} label={words('channel', channel)} width={72} />
                )}
              </Group>
              <Text size="xs" c="dimmed">
                {reachable === null || people === 0
                  ? ''
                  : t('quality.ofPeople', { share: format.percent(reachable / people), people: format.count(people) })}
              </Text>
              <Stack gap={2} mt="xs">
                {lost.map(({ cause, people: count }) => (
                  <Group key={cause} justify="space-between" wrap="nowrap" gap="xs">
                    <ScreenLink to={ways[cause]?.to ?? '/consent'} search={ways[cause]?.search ?? {}} size="xs">
                      {words('lostCause', cause)}
                    </ScreenLink>
                    <Text size="xs" style={{ fontVariantNumeric: 'tabular-nums' }}>
                      {shown(count)}
                    </Text>
                  </Group>
                ))}
              </Stack>
            </Card>
          ))}
        </SimpleGrid>
      )}
    </Panel>
  )
}

// --- completeness -----------------------------------------------------------------------------------------------------

function Completeness({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [by, setBy] = useState<'all' | 'source' | 'store'>('all')
  const { fields, bySource, byStore } = report.completeness
  const share = (count: number | null, of: number | null) =>
    count === null || of === null ? t('quality.few') : of === 0 ? '–' : format.percent(count / of, 0)
  const lists =
    by === 'source'
      ? bySource.map(({ source, sourceName, ...rest }) => ({ key: source, name: sourceName, ...rest }))
      : byStore.map(({ store, storeName, ...rest }) => ({ key: store, name: storeName, ...rest }))
  return (
    <Panel
      title={t('quality.completeness')}
      definition={t('quality.completenessMeaning')}
      testid="quality-completeness"
      actions={
        <SegmentedControl
          size="xs"
          value={by}
          onChange={(value) => setBy(value as 'all' | 'source' | 'store')}
          data={[
            { value: 'all', label: t('quality.everybody') },
            { value: 'source', label: t('quality.sources') },
            { value: 'store', label: t('quality.stores') },
          ]}
        />
      }
    >
      <Table.ScrollContainer minWidth={640}>
        {by === 'all' ? (
          <Table verticalSpacing={6} aria-label={t('quality.completeness')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('quality.field')}</Table.Th>
                <Table.Th ta="right">{t('quality.usedBy')}</Table.Th>
                <Table.Th w="22%">{t('quality.filled')}</Table.Th>
                <Table.Th w="22%">{t('quality.valid')}</Table.Th>
                <Table.Th w="22%">{t('quality.confirmed')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {fields.map((one) => (
                <Table.Tr key={one.field}>
                  <Table.Td>{words('trait', one.field)}</Table.Td>
                  <Table.Td ta="right">{format.count(one.usedBy)}</Table.Td>
                  {[one.filled, one.valid, one.confirmed].map(({ count, of }, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: three fixed columns
                    <Table.Td
                      key={index}
                      title={t('quality.countOf', { count: format.count(count), of: format.count(of) })}
                    >
                      <Group gap="xs" wrap="nowrap">
                        <Progress
                          style={{ flex: 1 }}
                          size="sm"
                          color={tone(of === 0 ? null : count / of)}
                          value={of === 0 ? 0 : (100 * count) / of}
                          aria-hidden
                        />
                        <Text size="sm" w={52} ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
                          {share(count, of)}
                        </Text>
                      </Group>
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        ) : lists.length === 0 ? (
          <Empty title={t('quality.noScores')} />
        ) : (
          <Table verticalSpacing={6} aria-label={t('quality.completeness')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('quality.what')}</Table.Th>
                <Table.Th ta="right">{t('quality.people')}</Table.Th>
                {fields.map(({ field }) => (
                  <Table.Th key={field} ta="right">
                    {words('trait', field)}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {lists.map((list) => (
                <Table.Tr key={list.key}>
                  <Table.Td>{list.name || list.key}</Table.Td>
                  <Table.Td ta="right">{list.people === null ? t('quality.few') : format.count(list.people)}</Table.Td>
                  {list.fields.map(({ field, filled, valid }) => (
                    <Table.Td
                      key={field}
                      ta="right"
                      title={`${t('quality.valid')}: ${share(valid, filled)}`}
                      style={{ fontVariantNumeric: 'tabular-nums' }}
                    >
                      {share(filled, list.people)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Table.ScrollContainer>
    </Panel>
  )
}

// --- identity ---------------------------------------------------------------------------------------------------------

function Line(props: { label: string; definition?: string; children: ReactNode }): ReactNode {
  return (
    <Group justify="space-between" wrap="nowrap" gap="xs">
      <Group gap={4} wrap="nowrap">
        <Text size="sm">{props.label}</Text>
        {props.definition === undefined ? null : <Definition text={props.definition} />}
      </Group>
      <Text size="sm" component="div" ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
        {props.children}
      </Text>
    </Group>
  )
}

function Identity({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { identity, currency } = report
  const { duplicates, storeAndWeb } = identity
  return (
    <Panel title={t('quality.identity')} definition={t('quality.identityMeaning')} testid="quality-identity">
      <Stack gap={6}>
        <Line label={t('quality.known')}>
          {t('quality.countOf', { count: format.count(identity.known), of: format.count(identity.people) })}
        </Line>
        <Line label={t('quality.perPerson')}>
          {identity.identifiersPerPerson === null ? '–' : format.decimal(identity.identifiersPerPerson, 2)}
        </Line>
        <Line label={t('quality.duplicates')} definition={t('quality.duplicatesMeaning')}>
          {duplicates === null
            ? t('quality.noRun')
            : t('quality.interval', {
                value: format.count(duplicates.estimate),
                low: format.count(duplicates.low),
                high: format.count(duplicates.high),
              })}
        </Line>
        <Line label={t('quality.merged')}>
          {t('quality.mergedUndone', { merged: format.count(identity.merged), undone: format.count(identity.undone) })}
        </Line>
        <Line label={t('quality.review')}>
          <ScreenLink to="/identity">{format.count(identity.review.open)}</ScreenLink>
          {identity.review.oldestAt === null ? null : (
            <Text span size="xs" c="dimmed">
              {' '}
              · {t('quality.oldest')} <Ago at={identity.review.oldestAt} />
            </Text>
          )}
        </Line>
        <Line label={t('quality.hot')}>
          <ScreenLink to="/identity">{format.count(identity.hotValues)}</ScreenLink>
        </Line>
        <Line label={t('quality.storeAndWeb')} definition={t('quality.storeAndWebMeaning')}>
          {storeAndWeb.of === 0 ? '–' : format.percent(storeAndWeb.count / storeAndWeb.of)}
        </Line>
        {identity.tied.length === 0 ? null : (
          <Box mt="xs" mah={220} style={{ overflow: 'auto' }}>
            <Table verticalSpacing={3} fz="sm" aria-label={t('quality.tied')}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('quality.tied')}</Table.Th>
                  <Table.Th ta="right">{t('quality.turnover')}</Table.Th>
                  <Table.Th ta="right">{t('quality.share')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {identity.tied.map((row) => (
                  <Table.Tr key={row.channel + row.store}>
                    <Table.Td>{row.storeName || row.store || words('channel', row.channel)}</Table.Td>
                    <Table.Td ta="right">
                      <MoneyText amount={row.turnover} currency={currency} />
                    </Table.Td>
                    <Table.Td ta="right">{row.turnover === 0 ? '–' : format.percent(row.tied / row.turnover)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Box>
        )}
      </Stack>
    </Panel>
  )
}

// --- freshness --------------------------------------------------------------------------------------------------------

function Freshness({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { sources, delay, silentStores } = report.freshness
  return (
    <Panel title={t('quality.freshness')} definition={t('quality.freshnessMeaning')} testid="quality-freshness">
      <Stack gap="xs">
        <Line label={t('quality.delay')} definition={t('quality.delayMeaning')}>
          {delay === null
            ? '–'
            : t('quality.delays', { p50: format.decimal(delay.p50, 1), p95: format.decimal(delay.p95, 1) })}
        </Line>
        <Box mah={260} style={{ overflow: 'auto' }}>
          <Table verticalSpacing={3} fz="sm" aria-label={t('quality.freshness')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('quality.source')}</Table.Th>
                <Table.Th>{t('quality.lastItem')}</Table.Th>
                <Table.Th ta="right">{t('quality.gap')}</Table.Th>
                <Table.Th />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {sources.map((row) => (
                <Table.Tr key={row.source}>
                  <Table.Td>{row.sourceName}</Table.Td>
                  <Table.Td>
                    <Ago at={row.lastAt} />
                  </Table.Td>
                  <Table.Td ta="right">
                    {row.typicalGapMinutes === null ? '–' : format.duration(row.typicalGapMinutes * 60)}
                  </Table.Td>
                  <Table.Td ta="right">
                    {row.alarms > 0 ? (
                      <Badge size="sm" color="red" variant="light" tt="none">
                        {t('quality.alarms', { count: row.alarms })}
                      </Badge>
                    ) : row.learning ? (
                      <Badge size="sm" color="gray" variant="light" tt="none">
                        {t('quality.learning')}
                      </Badge>
                    ) : null}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Box>
        {silentStores.length === 0 ? null : (
          <Text size="sm">
            {t('quality.silentStores')} {format.list(silentStores.map(({ store, storeName }) => storeName || store))}
          </Text>
        )}
      </Stack>
    </Panel>
  )
}

// --- problems and plan ------------------------------------------------------------------------------------------------

function Problems({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const nameOf = useFindingName()
  const { problems, affected, currency } = report
  return (
    <Panel title={t('quality.problems')} definition={t('quality.problemsMeaning')} testid="quality-problems">
      {problems.length === 0 ? (
        <Empty title={t('quality.noProblems')} hint={t('quality.noProblemsHint')} />
      ) : (
        <Table.ScrollContainer minWidth={720}>
          <Table verticalSpacing={6} aria-label={t('quality.problems')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('quality.what')}</Table.Th>
                <Table.Th>{t('quality.source')}</Table.Th>
                <Table.Th ta="right">{t('quality.items')}</Table.Th>
                <Table.Th ta="right">{t('quality.people')}</Table.Th>
                <Table.Th ta="right">{t('quality.turnover')}</Table.Th>
                <Table.Th>{t('quality.since')}</Table.Th>
                <Table.Th />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {problems.map((row) => (
                <Table.Tr key={row.source + row.code + row.path + row.action}>
                  <Table.Td>
                    <Text size="sm">{nameOf(row.code)}</Text>
                    <Text size="xs" c="dimmed">
                      {[words('checkAction', row.action), row.path === '*' ? t('checks.otherPlaces') : row.path]
                        .filter(Boolean)
                        .join(' · ')}
                    </Text>
                  </Table.Td>
                  <Table.Td>{row.sourceName}</Table.Td>
                  <Table.Td ta="right">{format.count(row.items)}</Table.Td>
                  <Table.Td ta="right">{row.people === null ? '–' : format.count(row.people)}</Table.Td>
                  <Table.Td ta="right">
                    {row.turnover === null || row.turnover === 0 ? (
                      '–'
                    ) : (
                      <MoneyText amount={row.turnover} currency={currency} />
                    )}
                  </Table.Td>
                  <Table.Td>
                    <Ago at={row.since} />
                  </Table.Td>
                  <Table.Td ta="right">
                    <ScreenLink
                      to="/ingest"
                      search={
                        row.group === null
                          ? { tab: 'checks', source: row.source }
                          : { tab: 'quarantine', group: row.group }
                      }
                    >
                      {t(row.group === null ? 'quality.toCheck' : 'quality.toGroup')}
                    </ScreenLink>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {affected.length === 0 ? null : (
        <Box mt="sm">
          <Text size="sm" fw={550}>
            {t('quality.affected')}
          </Text>
          <Group gap="md" mt={4}>
            {affected.map((use) => (
              <UseLink key={use.kind + use.id} use={use} />
            ))}
          </Group>
        </Box>
      )}
    </Panel>
  )
}

function UseLink({ use }: { use: Report['affected'][number] }): ReactNode {
  const { kind, id, name, because } = use
  switch (kind) {
    case 'segment':
      return (
        <ScreenLink to="/audience/$audience" params={{ audience: id }} title={because}>
          {name}
        </ScreenLink>
      )
    case 'journey':
      return (
        <ScreenLink to="/decision/$journey" params={{ journey: id }} title={because}>
          {name}
        </ScreenLink>
      )
    case 'campaign':
      return (
        <ScreenLink to="/content/$concept" params={{ concept: id }} title={because}>
          {name}
        </ScreenLink>
      )
  }
}

function Plan({ report }: { report: Report }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const nameOf = useFindingName()
  const { planned, violations, unplanned } = report.plan
  return (
    <Panel title={t('quality.plan')} definition={t('quality.planMeaning')} testid="quality-plan">
      <Stack gap={6}>
        <Line label={t('quality.planned')}>
          {planned.of === 0
            ? '–'
            : `${format.percent(planned.count / planned.of)} · ${t('quality.countOf', { count: format.count(planned.count), of: format.count(planned.of) })}`}
        </Line>
        {violations.map(({ code, items }) => (
          <Line key={code} label={nameOf(code)}>
            {format.count(items)}
          </Line>
        ))}
        {unplanned.length === 0 ? null : (
          <Box>
            <Text size="sm" fw={550} mt="xs">
              {t('quality.unplanned')}
            </Text>
            <Text size="sm" c="dimmed">
              {format.list(unplanned.slice(0, 12).map(({ name, sourceName }) => `${name} (${sourceName})`))}
            </Text>
          </Box>
        )}
      </Stack>
    </Panel>
  )
}
