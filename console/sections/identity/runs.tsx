import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { Accordion, Alert, Badge, Button, Card, Group, Stack, Table, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page, Panel } from '../../kit/page.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink, ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useNames } from '../../shell/names.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { useDriftWords, useLevelWords, useRuleWords } from './match-words.ts'

type Run = AnswerOf<typeof api.identity.matchRuns>['items'][number]

/** Runs of matching: what each found, what waits for approval, and the way back. */
export function MatchRuns(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const [filters, change] = useFilters()
  useLiveAnswers(['identity'])
  const runs = usePages(api.identity.matchRuns, { query: { limit: 50 } })
  const columns: Column<Run>[] = [
    { id: 'number', header: t('matching.run'), cell: (run) => run.number, width: 80 },
    {
      id: 'state',
      header: t('matching.state'),
      cell: (run) => <StateBadge state={run.state} label={words('matchState', run.state)} />,
      width: 190,
    },
    { id: 'started', header: t('matching.started'), cell: (run) => <DateTime at={run.startedAt} /> },
    {
      id: 'records',
      header: t('matching.records'),
      align: 'right',
      cell: (run) => (run.records === null ? '' : format.count(run.records)),
    },
    {
      id: 'links',
      header: t('matching.links'),
      align: 'right',
      cell: (run) => (run.links === null ? '' : format.count(run.links)),
    },
    {
      id: 'review',
      header: t('matching.forReview'),
      align: 'right',
      cell: (run) => (run.forReview === null ? '' : format.count(run.forReview)),
    },
    {
      id: 'moved',
      header: t('matching.moved'),
      align: 'right',
      cell: (run) => (run.shareMoved === null ? '' : format.percent(run.shareMoved, 1)),
    },
  ]
  return (
    <Page
      title={t('matching.title')}
      hint={t('matching.hint')}
      above={
        <ScreenLink to="/identity" size="xs">
          {t('identity.title')}
        </ScreenLink>
      }
    >
      <Start />
      <WholeCheck />
      <Fetch
        of={runs}
        loading={<Loading rows={4} height={44} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('matching.none')} hint={t('matching.noneHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            label={t('matching.title')}
            columns={columns}
            rows={rows}
            rowKey={(run) => run.id}
            selected={filters.run}
            onOpen={(run) => change({ run: run.id })}
            onEnd={runs.onEnd}
            more={runs.more}
            testid="match-runs"
          />
        )}
      </Fetch>
      {filters.run === undefined ? null : <Details run={filters.run} />}
    </Page>
  )
}

/** The number of pairs is shown before anything is compared. */
function Start(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const may = useMay()
  const preview = useDeed(api.identity.previewMatchRun, { refresh: [] })
  const start = useDeed(api.identity.startMatchRun, { done: t('matching.startedNow') })
  const [shown, setShown] = useState<AnswerOf<typeof api.identity.previewMatchRun>>()
  if (!may(api.identity.startMatchRun)) return null
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group>
          <Button
            size="xs"
            variant={shown === undefined ? 'filled' : 'default'}
            loading={preview.pending}
            onClick={() => void preview.run({ body: {} }).then((answer) => answer && setShown(answer))}
            data-testid="match-preview"
          >
            {t('matching.preview')}
          </Button>
          {shown === undefined || shown.refused !== null ? null : (
            <>
              <Button
                size="xs"
                loading={start.pending}
                onClick={() => void start.run({ body: { seed: 1, retrain: false } }).then(() => setShown(undefined))}
                data-testid="match-start"
              >
                {t('matching.start')}
              </Button>
              <Button
                size="xs"
                variant="subtle"
                loading={start.pending}
                onClick={() => void start.run({ body: { seed: 1, retrain: true } }).then(() => setShown(undefined))}
              >
                {t('matching.retrain')}
              </Button>
            </>
          )}
        </Group>
        {shown === undefined ? (
          <Text size="sm" c="dimmed">
            {t('matching.previewHint')}
          </Text>
        ) : shown.refused !== null ? (
          <Alert color="orange">{shown.refused}</Alert>
        ) : (
          <>
            <Text size="sm" data-testid="match-budget">
              {t('matching.budget', {
                records: format.count(shown.records),
                pairs: format.count(shown.pairs),
                budget: format.count(shown.budget),
              })}
            </Text>
            <Rules rules={shown.rules} />
          </>
        )}
      </Stack>
    </Card>
  )
}

/** The weekly comparison: would one run over all records have people otherwise? */
function WholeCheck(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const may = useMay()
  const found = useAnswer(api.identity.matchCheck, {})
  const compare = useDeed(api.identity.startMatchCheck, { done: t('matching.wholeAsked') })
  const check = found.data?.check ?? null
  const nameOf = useNames(check?.examples.flatMap(({ persons }) => persons) ?? [])
  const named = (person: PersonId) => nameOf(person) ?? person.slice(0, 8)
  return (
    <Panel title={t('matching.whole')} definition={t('matching.wholeMeaning')} testid="match-check">
      <Fetch of={found} loading={<Loading rows={1} height={30} />}>
        {() => (
          <Stack gap="xs">
            {check === null ? (
              <Text size="sm" c="dimmed">
                {t('matching.wholeNone')}
              </Text>
            ) : (
              <>
                <Alert color={check.alarm ? 'red' : 'teal'} variant="light" p="xs">
                  {t(check.alarm ? 'matching.wholeAlarm' : 'matching.wholeFound', {
                    differ: format.count(check.differ),
                    people: format.count(check.people),
                    share: format.percent(check.share, 1),
                    limit: format.percent(check.limit, 0),
                    added: format.count(check.added),
                    lost: format.count(check.lost),
                  })}
                </Alert>
                {check.examples.map(({ kind, persons }) => (
                  <Group key={`${kind} ${persons.join()}`} gap="xs">
                    <Badge variant="light" color="orange" tt="none">
                      {t(kind === 'added' ? 'matching.wholeJoins' : 'matching.wholeParts')}
                    </Badge>
                    {persons.map((person) => (
                      <ScreenLink key={person} to="/profile/$person" params={{ person }} size="sm">
                        {named(person)}
                      </ScreenLink>
                    ))}
                  </Group>
                ))}
                <Text size="xs" c="dimmed">
                  {t('matching.runNumber', { number: check.number })} · <DateTime at={check.at} />
                </Text>
              </>
            )}
            {may(api.identity.startMatchCheck) ? (
              <div>
                <Button
                  size="xs"
                  variant="default"
                  loading={compare.pending}
                  onClick={() => void compare.run({ body: {} })}
                  data-testid="compare-whole"
                >
                  {t('matching.wholeNow')}
                </Button>
              </div>
            ) : null}
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}

function Rules(props: { rules: { rule: string; pairs: number; skippedValues: number }[] }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const ruleWords = useRuleWords()
  return (
    <Table fz="sm" aria-label={t('matching.rules')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('matching.rule')}</Table.Th>
          <Table.Th ta="right">{t('matching.pairs')}</Table.Th>
          <Table.Th ta="right">{t('matching.skipped')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {props.rules.map(({ rule, pairs, skippedValues }) => (
          <Table.Tr key={rule}>
            <Table.Td>{ruleWords(rule)}</Table.Td>
            <Table.Td ta="right">{format.count(pairs)}</Table.Td>
            <Table.Td ta="right">{format.count(skippedValues)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Details(props: { run: string }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const driftWords = useDriftWords()
  const run = useAnswer(api.identity.matchRun, { params: { run: props.run } })
  return (
    <Fetch of={run} loading={<Loading rows={6} />}>
      {(value) => (
        <Card withBorder data-testid="match-run">
          <Stack>
            <Group justify="space-between">
              <Group gap="xs">
                <Text fw={600}>{t('matching.runNumber', { number: value.number })}</Text>
                <StateBadge state={value.state} label={words('matchState', value.state)} />
                {value.step === null ? null : <Badge variant="dot">{words('matchStep', value.step)}</Badge>}
              </Group>
              <Decisions run={value} />
            </Group>
            {value.error === null ? null : <Alert color="red">{value.error}</Alert>}
            {value.state === 'waiting' && value.shareMoved !== null ? (
              <Alert color="blue">
                {t('matching.waits', {
                  share: format.percent(value.shareMoved, 1),
                  people: format.count(value.peopleMoved ?? 0),
                })}
              </Alert>
            ) : null}
            {value.drift.length === 0 ? null : (
              <Alert color="orange" title={t('matching.drift')}>
                {value.drift.map((found) => (
                  <Text key={`${found.code} ${found.of}`} size="sm">
                    {driftWords(found)}
                  </Text>
                ))}
              </Alert>
            )}
            {value.dependent.length === 0 ? null : (
              <Alert color="orange" title={t('matching.dependent')} data-testid="match-dependent">
                {value.dependent.map(({ one, other, dependence }) => (
                  <Text key={`${one} ${other}`} size="sm">
                    {t('matching.sayTheSame', {
                      one: words('matchFeature', one),
                      other: words('matchFeature', other),
                      share: format.percent(dependence, 0),
                    })}
                  </Text>
                ))}
                <Text size="xs" c="dimmed">
                  {t('matching.dependentHint')}
                </Text>
              </Alert>
            )}
            {value.audit === null ? null : <Audit audit={value.audit} />}
            {value.joins.length === 0 ? null : <Joins joins={value.joins} />}
            {value.rules.length === 0 ? null : <Rules rules={value.rules} />}
            {value.weights.length === 0 ? null : <Weights weights={value.weights} />}
          </Stack>
        </Card>
      )}
    </Fetch>
  )
}

type Details_ = AnswerOf<typeof api.identity.matchRun>

/** The sure links about which the run is least sure: whoever approves looks at these. */
function Joins(props: { joins: Details_['joins'] }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const levelWords = useLevelWords()
  const nameOf = useNames(props.joins.flatMap(({ one, other }) => [one, other]))
  return (
    <Stack gap="xs" data-testid="match-joins">
      <Text fw={600} size="sm">
        {t('matching.joins')}
      </Text>
      <Text size="xs" c="dimmed">
        {t('matching.joinsHint')}
      </Text>
      <Table.ScrollContainer minWidth={420}>
        <Table fz="sm" aria-label={t('matching.joins')}>
          <Table.Tbody>
            {props.joins.map(({ one, other, probability, agrees, differs }) => (
              <Table.Tr key={`${one} ${other}`}>
                <Table.Td>
                  <Group gap={6}>
                    <PersonLink person={one} name={nameOf(one) ?? t('matching.unnamed')} />
                    <span aria-hidden>+</span>
                    <PersonLink person={other} name={nameOf(other) ?? t('matching.unnamed')} />
                  </Group>
                </Table.Td>
                <Table.Td>
                  <Text size="xs" c="dimmed">
                    {[...agrees, ...differs]
                      .map(({ field, level }) => `${words('matchFeature', field)}: ${levelWords(level)}`)
                      .join(' · ')}
                  </Text>
                </Table.Td>
                <Table.Td ta="right">{format.percent(probability, 2)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  )
}

/** Groups of records that look wrong, the largest first. */
function Audit(props: { audit: NonNullable<Details_['audit']> }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const { counts, examples } = props.audit
  const nameOf = useNames(examples.flatMap(({ persons }) => persons))
  const found = counts.filter(({ groups }) => groups > 0)
  if (found.length === 0)
    return (
      <Text size="sm" c="dimmed" data-testid="match-audit">
        {t('matching.auditClean')}
      </Text>
    )
  return (
    <Stack gap="xs" data-testid="match-audit">
      <Text fw={600} size="sm">
        {t('matching.audit')}
      </Text>
      <Text size="xs" c="dimmed">
        {t('matching.auditHint')}
      </Text>
      <Group gap="xs">
        {found.map(({ kind, groups }) => (
          <Badge key={kind} color="orange" variant="light" tt="none">
            {words('matchAudit', kind)}: {format.count(groups)}
          </Badge>
        ))}
      </Group>
      <Table fz="sm" aria-label={t('matching.audit')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('matching.finding')}</Table.Th>
            <Table.Th ta="right">{t('matching.records')}</Table.Th>
            <Table.Th ta="right">{t('matching.density')}</Table.Th>
            <Table.Th>{t('matching.people')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {examples.map(({ kinds, records, persons, density }) => (
            <Table.Tr key={persons.join()}>
              <Table.Td>{kinds.map((kind) => words('matchAudit', kind)).join(', ')}</Table.Td>
              <Table.Td ta="right">{format.count(records)}</Table.Td>
              <Table.Td ta="right">{format.percent(density, 0)}</Table.Td>
              <Table.Td>
                <Group gap="xs">
                  {persons.map((person) => (
                    <ScreenLink key={person} to="/profile/$person" params={{ person }} size="sm">
                      {nameOf(person) ?? t('matching.unnamed')}
                    </ScreenLink>
                  ))}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  )
}

function Decisions(props: { run: Details_ }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const decide = useDeed(api.identity.decideMatchRun, { done: t('matching.decided'), refresh: ['identity', 'profile'] })
  const [asked, setAsked] = useState<'approve' | 'discard' | 'cancel' | 'undo'>()
  const { run } = props
  if (!may(api.identity.decideMatchRun)) return null
  const possible =
    run.state === 'waiting'
      ? (['approve', 'discard'] as const)
      : run.state === 'applied'
        ? (['undo'] as const)
        : run.state === 'asked' || run.state === 'running'
          ? (['cancel'] as const)
          : []
  return (
    <Group gap="xs">
      {possible.map((decision) => (
        <Button
          key={decision}
          size="xs"
          variant={decision === 'approve' ? 'filled' : 'default'}
          onClick={() => setAsked(decision)}
          data-testid={`match-${decision}`}
        >
          {t(`matching.do.${decision}`)}
        </Button>
      ))}
      <Confirm
        opened={asked !== undefined}
        title={asked === undefined ? '' : t(`matching.do.${asked}`)}
        text={asked === undefined ? '' : t(`matching.ask.${asked}`)}
        confirm={asked === undefined ? '' : t(`matching.do.${asked}`)}
        danger={asked === 'undo'}
        pending={decide.pending}
        onClose={() => setAsked(undefined)}
        onConfirm={() => {
          if (asked === undefined) return
          const body = { decision: asked, ...(run.hash === null ? {} : { hash: run.hash }) }
          void decide.run({ params: { run: run.id }, body }).then(() => setAsked(undefined))
        }}
      />
    </Group>
  )
}

/** What each level of agreement says, in bits: one more doubles the odds. */
function Weights(props: { weights: Details_['weights'] }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const levelWords = useLevelWords()
  return (
    <Accordion variant="contained" chevronPosition="left">
      <Accordion.Item value="weights">
        <Accordion.Control data-testid="show-weights">
          <Text fw={600} size="sm">
            {t('matching.weights')}
          </Text>
        </Accordion.Control>
        <Accordion.Panel>
          <Text size="xs" c="dimmed">
            {t('matching.weightsHint')}
          </Text>
          <Table.ScrollContainer minWidth={480}>
            <Table fz="sm" aria-label={t('matching.weights')} data-testid="match-weights">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('matching.field')}</Table.Th>
                  <Table.Th>{t('matching.level')}</Table.Th>
                  <Table.Th ta="right">{t('matching.ofOne')}</Table.Th>
                  <Table.Th ta="right">{t('matching.ofStrangers')}</Table.Th>
                  <Table.Th ta="right">{t('matching.bits')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {props.weights.flatMap(({ comparison, levels }) =>
                  levels.map(({ level, match, chance, bits }, at) => (
                    <Table.Tr key={`${comparison} ${level}`}>
                      <Table.Td>{at === 0 ? words('matchFeature', comparison) : ''}</Table.Td>
                      <Table.Td>{levelWords(level)}</Table.Td>
                      <Table.Td ta="right">{format.percent(match, 1)}</Table.Td>
                      <Table.Td ta="right">
                        {chance > 0 && chance < 0.00001 ? `< ${format.percent(0.00001, 3)}` : format.percent(chance, 3)}
                      </Table.Td>
                      <Table.Td ta="right" c={bits < 0 ? 'red' : 'teal'}>
                        {format.decimal(bits, 1)}
                      </Table.Td>
                    </Table.Tr>
                  )),
                )}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  )
}
