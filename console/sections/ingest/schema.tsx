import { type AnswerOf, api, type SourceId } from '@einklang/contract'
import { Badge, Button, Drawer, Group, Stack, Table, Text } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { Sparkline } from '../../kit/sparkline.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Row = AnswerOf<typeof api.ingest.seenEvents>['items'][number]
const keyOf = (row: Row) => `${row.kind}|${row.name}|${row.sourceName}`
const tones = { yes: 'teal', no: 'orange', no_plan: 'gray' }

/** Every event that was seen, from where, how often, and what it carries. */
export function Schema(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [filters, change] = useFilters()
  const sources = useAnswer(api.ingest.sources)
  const planned = filters['planned'] as Row['planned'] | undefined
  const source = filters['source'] as SourceId | undefined
  const seen = useAnswer(
    api.ingest.seenEvents,
    {
      query: {
        limit: 500,
        ...(source === undefined ? {} : { source }),
        ...(filters['q'] === undefined ? {} : { q: filters['q'] }),
        ...(planned === undefined ? {} : { planned }),
      },
    },
    { keep: true },
  )
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'name',
        header: t('stream.event'),
        width: 220,
        sort: (row) => row.name,
        cell: (row) => (
          <>
            <Text size="sm" truncate title={row.name}>
              {row.name === '' ? words('eventKind', row.kind) : row.name}
            </Text>
            {row.name !== '' && row.kind !== 'track' ? (
              <Text size="xs" c="dimmed">
                {words('eventKind', row.kind)}
              </Text>
            ) : null}
          </>
        ),
      },
      {
        id: 'source',
        header: t('trait.source'),
        width: 170,
        sort: (row) => row.sourceName,
        cell: (row) => row.sourceName,
      },
      {
        id: 'planned',
        header: t('schema.planned'),
        width: 130,
        sort: (row) => row.planned,
        cell: (row) => (
          <Badge variant="light" tt="none" color={tones[row.planned]}>
            {words('planned', row.planned)}
          </Badge>
        ),
      },
      {
        id: 'count',
        header: t('stream.count'),
        width: 110,
        align: 'right',
        sort: (row) => row.count,
        cell: (row) => format.count(row.count),
      },
      {
        id: 'trend',
        header: t('schema.trend'),
        width: 120,
        cell: (row) => <Sparkline values={row.trend} label={t('schema.trend')} />,
      },
      {
        id: 'first',
        header: t('identity.first'),
        width: 160,
        sort: (row) => row.firstAt,
        cell: (row) => <DateTime at={row.firstAt} />,
      },
      {
        id: 'last',
        header: t('stream.last'),
        width: 130,
        sort: (row) => row.lastAt,
        cell: (row) => <Ago at={row.lastAt} />,
      },
      {
        id: 'properties',
        header: t('stream.properties'),
        cell: (row) => (
          <Text size="xs" c="dimmed" lineClamp={2} title={row.properties.join(', ')}>
            {row.properties.join(', ')}
          </Text>
        ),
      },
    ],
    [t, format, words],
  )
  const open = seen.data?.items.find((row) => keyOf(row) === filters['event'])
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t('stream.namesMeaning')}
      </Text>
      <FilterBar
        fields={[
          { name: 'q', label: t('schema.search'), kind: 'text' },
          {
            name: 'source',
            label: t('trait.source'),
            kind: 'choice',
            options: (sources.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
          },
          {
            name: 'planned',
            label: t('schema.planned'),
            kind: 'choice',
            options: (['yes', 'no', 'no_plan'] as const).map((value) => ({ value, label: words('planned', value) })),
          },
        ]}
        values={filters}
        onChange={change}
      />
      <Fetch
        of={seen}
        loading={<Loading rows={8} />}
        empty={(value) =>
          value.items.length === 0 ? <Empty title={t('stream.none')} hint={t('stream.noneHint')} /> : null
        }
      >
        {(value) => (
          <DataTable
            testid="schema"
            label={t('ingest.schema')}
            columns={columns}
            rows={value.items}
            rowKey={keyOf}
            sorted={{ id: 'count', desc: true }}
            onOpen={(row) => change({ event: keyOf(row) }, { push: true })}
          />
        )}
      </Fetch>
      <Drawer
        opened={open !== undefined}
        onClose={() => change({ event: undefined })}
        position="right"
        size="xl"
        title={open === undefined ? '' : open.name || words('eventKind', open.kind)}
        data-testid="schema-drawer"
      >
        {open === undefined ? null : <Properties row={open} />}
      </Drawer>
    </Stack>
  )
}

function Properties(props: { row: Row }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [, change] = useFilters()
  const { row } = props
  const source = row.source
  const add = useDeed(api.ingest.planEvent, { refresh: ['ingest'], done: t('schema.added') })
  const seen = useAnswer(
    api.ingest.seenEventOf,
    { query: { source: source ?? ('' as SourceId), kind: row.kind, name: row.name, days: 90 } },
    { enabled: source !== null },
  )
  if (source === null) return <Empty title={t('schema.noSource')} />
  return (
    <Fetch of={seen} loading={<Loading rows={8} height={36} />}>
      {(value) => (
        <Stack>
          <Group justify="space-between">
            <Text size="sm" c="dimmed">
              {t('schema.lookedAt', { count: value.events })}
              {value.masked ? ` ${t('schema.masked')}` : ''}
            </Text>
            {row.kind === 'track' && row.planned !== 'yes' && may(api.ingest.planEvent) ? (
              <Button
                size="xs"
                loading={add.pending}
                onClick={() =>
                  void add.run({ body: { source, name: row.name, days: 90 } }).then((plan) =>
                    plan === undefined
                      ? undefined
                      : change({
                          tab: 'plans',
                          plan: plan.id,
                          event: undefined,
                          q: undefined,
                          planned: undefined,
                          source: undefined,
                        }),
                  )
                }
                data-testid="add-to-plan"
              >
                {t('schema.add')}
              </Button>
            ) : null}
          </Group>
          {value.uses.length > 0 ? (
            <Text size="sm">
              {t('schema.usedIn')}{' '}
              {value.uses.map(({ name, kind }) => `${name} (${words('useKind', kind)})`).join(', ')}
            </Text>
          ) : null}
          {value.properties.length === 0 ? (
            <Empty title={t('schema.noProperties')} />
          ) : (
            <Table.ScrollContainer minWidth={640}>
              <Table verticalSpacing={4} aria-label={t('stream.properties')}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t('plans.property')}</Table.Th>
                    <Table.Th>{t('plans.type')}</Table.Th>
                    <Table.Th ta="right">{t('schema.filled')}</Table.Th>
                    <Table.Th ta="right">{t('schema.distinct')}</Table.Th>
                    <Table.Th>{t('plans.class')}</Table.Th>
                    <Table.Th>{t('schema.examples')}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {value.properties.map((property) => (
                    <Table.Tr key={property.path}>
                      <Table.Td>
                        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                          {property.path}
                        </Text>
                        {row.planned === 'yes' && !property.planned ? (
                          <Text size="xs" c="orange">
                            {words('planned', 'no')}
                          </Text>
                        ) : null}
                      </Table.Td>
                      <Table.Td>
                        <Text size="xs">
                          {property.types
                            .map(({ type, share }) =>
                              share === 1
                                ? words('planType', type)
                                : `${words('planType', type)} ${format.percent(share)}`,
                            )
                            .join(', ')}
                        </Text>
                      </Table.Td>
                      <Table.Td ta="right">{format.percent(property.filled)}</Table.Td>
                      <Table.Td ta="right">{format.count(property.distinct)}</Table.Td>
                      <Table.Td>
                        <Text size="xs">{words('dataClass', property.class)}</Text>
                      </Table.Td>
                      <Table.Td>
                        <Text size="xs" c="dimmed" lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
                          {property.examples.join(' · ')}
                        </Text>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Stack>
      )}
    </Fetch>
  )
}
