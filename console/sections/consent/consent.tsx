import { type AnswerOf, api, channels, purposes } from '@einklang/contract'
import { SimpleGrid, Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart } from '../../kit/chart.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page, Panel } from '../../kit/page.tsx'
import { StatCard } from '../../kit/stat-card.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useSaid, useWords } from '../../shell/words.ts'
import { Ledger } from './ledger.tsx'
import { Requests } from './requests.tsx'

type Overview_ = AnswerOf<typeof api.consent.overview>

/** What we may do, said by whom and when. */
export function Privacy(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [filters, change] = useFilters()
  useLiveAnswers(['consent', 'ingest'])
  return (
    <Page title={t('nav.consent')} hint={t('hint.consent')}>
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) => change({ tab, stance: undefined, channel: undefined, purpose: undefined })}
        tabs={[
          { value: 'overview', label: t('consent.overview'), panel: () => <Overview /> },
          ...(may(api.consent.ledger)
            ? [{ value: 'ledger', label: t('consent.ledger'), panel: () => <Ledger /> }]
            : []),
          ...(may(api.consent.erase) || may(api.consent.preferenceLink)
            ? [{ value: 'requests', label: t('consent.requests'), panel: () => <Requests /> }]
            : []),
          { value: 'purposes', label: t('consent.purposes'), panel: () => <Purposes /> },
        ]}
      />
    </Page>
  )
}

function Overview(): ReactNode {
  const { t } = useTranslation()
  const overview = useAnswer(api.consent.overview, { query: { weeks: 26 } })
  return (
    <Fetch
      of={overview}
      loading={<Loading rows={8} height={40} />}
      empty={(value) =>
        value.statements === 0 ? <Empty title={t('consent.noStatements')} hint={t('consent.overviewHint')} /> : null
      }
    >
      {(value) => <Counts overview={value} />}
    </Fetch>
  )
}

function Counts(props: { overview: Overview_ }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { overview } = props
  const suppressed = overview.suppressed.reduce((sum, row) => sum + row.addresses, 0)
  const newsletter = overview.cells.find((cell) => cell.purpose === 'newsletter' && cell.channel === 'email')
  const weeks = [...new Set(overview.weekly.map((row) => row.week))].sort()
  const sum = (week: string, field: 'grants' | 'denials'): number =>
    overview.weekly.filter((row) => row.week === week).reduce((total, row) => total + row[field], 0)
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        <StatCard
          label={t('consent.persons')}
          value={format.count(overview.persons)}
          definition={t('consent.personsMeaning')}
          since={t('consent.statementsCount', { count: overview.statements, shown: format.count(overview.statements) })}
        />
        <StatCard
          label={t('consent.newsletter')}
          value={format.count(newsletter?.permitted ?? 0)}
          definition={t('consent.permittedMeaning')}
          since={t('consent.now')}
        />
        <StatCard
          label={t('consent.claimed')}
          value={format.count(newsletter?.claimed ?? 0)}
          definition={t('consent.claimedMeaning')}
          since={t('consent.newsletter')}
        />
        <StatCard
          label={t('consent.suppressed')}
          value={format.count(suppressed)}
          definition={t('consent.suppressedMeaning')}
          since={overview.suppressed
            .slice(0, 2)
            .map((row) => `${words('suppression', row.reason)} ${format.count(row.addresses)}`)
            .join(' · ')}
        />
      </SimpleGrid>
      <Panel title={t('consent.matrix')} definition={t('consent.matrixMeaning')} testid="consent-matrix">
        <Matrix overview={overview} />
      </Panel>
      <Panel title={t('consent.weekly')} definition={t('consent.weeklyMeaning')}>
        <Chart
          label={t('consent.weekly')}
          fileName="einklang-consent"
          height={220}
          categories={weeks.map((week) => format.date(week))}
          format={format.count}
          formatAxis={format.short}
          series={[
            { name: t('consent.grants'), kind: 'bar', values: weeks.map((week) => sum(week, 'grants')) },
            { name: t('consent.denials'), kind: 'bar', values: weeks.map((week) => sum(week, 'denials')) },
          ]}
        />
      </Panel>
      <Panel title={t('consent.latest')} testid="latest-statements">
        <Stack gap="xs">
          {overview.latest.map((line) => (
            <Table.ScrollContainer key={line.statement} minWidth={300}>
              <StateBadge state={line.stance} label={words('stance', line.stance)} />{' '}
              <Text span size="sm">
                {line.person === null ? (
                  '–'
                ) : (
                  <PersonLink person={line.person} name={line.personName ?? t('person.anonymous')} />
                )}
                {' · '}
                {line.purpose === null ? t('consent.allPurposes') : words('purpose', line.purpose)}
                {' · '}
                {line.channel === null ? t('consent.allChannels') : words('channel', line.channel)}
              </Text>{' '}
              <Text span size="xs" c="dimmed">
                {line.source} · <DateTime at={line.knownAt} />
              </Text>
            </Table.ScrollContainer>
          ))}
        </Stack>
      </Panel>
    </Stack>
  )
}

function Matrix(props: { overview: Overview_ }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { cells, persons } = props.overview
  const shownPurposes = purposes.filter((purpose) => cells.some((cell) => cell.purpose === purpose))
  const shownChannels = channels.filter((channel) => cells.some((cell) => cell.channel === channel))
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table fz="sm" aria-label={t('consent.matrix')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th />
            {shownChannels.map((channel) => (
              <Table.Th key={channel} ta="right">
                {words('channel', channel)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shownPurposes.map((purpose) => (
            <Table.Tr key={purpose}>
              <Table.Th scope="row" fw={500}>
                {words('purpose', purpose)}
              </Table.Th>
              {shownChannels.map((channel) => {
                const cell = cells.find((one) => one.purpose === purpose && one.channel === channel)
                return (
                  <Table.Td key={channel} ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
                    {cell === undefined ? (
                      '–'
                    ) : (
                      <>
                        <Text size="sm" fw={550}>
                          {format.count(cell.permitted)}
                          <Text span size="xs" c="dimmed" ml={4}>
                            {persons === 0 ? '' : format.percent(cell.permitted / persons, 0)}
                          </Text>
                        </Text>
                        <Text size="xs" c="dimmed">
                          {t('consent.cellRest', {
                            claimed: format.count(cell.claimed),
                            denied: format.count(cell.denied),
                          })}
                        </Text>
                      </>
                    )}
                  </Table.Td>
                )
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Purposes(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const said = useSaid()
  const registry = useAnswer(api.consent.registry)
  return (
    <Fetch of={registry}>
      {(value) => (
        <Table.ScrollContainer minWidth={720}>
          <Table fz="sm" verticalSpacing="sm" aria-label={t('consent.purposes')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('consent.purpose')}</Table.Th>
                <Table.Th>{t('consent.meaning')}</Table.Th>
                <Table.Th>{t('consent.bases')}</Table.Th>
                <Table.Th>{t('consent.channels')}</Table.Th>
                <Table.Th>{t('consent.retention')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {value.items.map((item) => (
                <Table.Tr key={item.purpose}>
                  <Table.Th scope="row" fw={550}>
                    {said(item.name)}
                  </Table.Th>
                  <Table.Td>{said(item.sentence)}</Table.Td>
                  <Table.Td>{item.bases.map((basis) => words('basis', basis)).join(', ')}</Table.Td>
                  <Table.Td>{item.channels.map((channel) => words('channel', channel)).join(', ') || '–'}</Table.Td>
                  <Table.Td>{item.retention}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Fetch>
  )
}
