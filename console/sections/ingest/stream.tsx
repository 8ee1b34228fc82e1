import { type AnswerOf, api } from '@einklang/contract'
import { Button, Code, Drawer, Group, Stack, Text } from '@mantine/core'
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { queries, useAnswer, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink } from '../../shell/link.tsx'
import { listen } from '../../shell/live.ts'
import { useWords } from '../../shell/words.ts'
import { useFindingName } from './finding-name.ts'

type Event = AnswerOf<typeof api.ingest.events>['items'][number]

/** Events as they come in; paused while one reads. */
export function Stream(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const nameOf = useFindingName()
  const [filters, change] = useFilters()
  const [running, setRunning] = useState(true)
  const [open, setOpen] = useState<Event | null>(null)
  const sources = useAnswer(api.ingest.sources)
  const events = usePages(api.ingest.events, {
    query: {
      limit: 100,
      ...(filters.source === undefined ? {} : { source: filters.source }),
      ...(filters.name === undefined ? {} : { name: filters.name }),
    },
  })
  useEffect(() => {
    if (!running) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = listen(['ingest.events'], () => {
      timer ??= setTimeout(() => {
        timer = undefined
        void queries.invalidateQueries({ queryKey: ['ingest', 'events'] })
      }, 800)
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [running])

  const columns = useMemo(
    (): Column<Event>[] => [
      { id: 'at', header: t('stream.at'), width: 110, cell: (row) => format.time(row.receivedAt) },
      {
        id: 'name',
        header: t('stream.event'),
        cell: (row) => (
          <Group gap={6} wrap="nowrap">
            <ChannelIcon channel={row.channel} />
            <Text size="sm" truncate>
              {row.name === '' ? words('eventKind', row.kind) : words('event', row.name)}
            </Text>
          </Group>
        ),
      },
      { id: 'source', header: t('trait.source'), width: 190, cell: (row) => row.sourceName },
      {
        id: 'what',
        header: t('stream.what'),
        cell: (row) => (
          <Text size="xs" c="dimmed" truncate>
            {summaryOf(row)}
          </Text>
        ),
      },
      {
        id: 'person',
        header: t('message.person'),
        width: 140,
        cell: (row) => (row.person === null ? '–' : <PersonLink person={row.person} name={t('journey.showPerson')} />),
      },
      { id: 'happened', header: t('stream.happened'), width: 172, cell: (row) => format.dateTime(row.at) },
    ],
    [t, format, words],
  )
  return (
    <Stack>
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          {
            name: 'source',
            label: t('trait.source'),
            kind: 'choice',
            width: 240,
            options: (sources.data?.items ?? []).map((source) => ({ value: source.id, label: source.name })),
          },
          { name: 'name', label: t('stream.event'), kind: 'text' },
        ]}
        end={
          <Button
            variant="default"
            onClick={() => setRunning(!running)}
            leftSection={running ? <IconPlayerPause size={16} aria-hidden /> : <IconPlayerPlay size={16} aria-hidden />}
            data-testid="pause-stream"
          >
            {t(running ? 'stream.pause' : 'stream.resume')}
          </Button>
        }
      />
      <Fetch
        of={events}
        loading={<Loading rows={10} />}
        empty={(rows) => (rows.length === 0 ? <Empty title={t('stream.none')} hint={t('stream.noneHint')} /> : null)}
      >
        {(rows) => (
          <DataTable
            testid="stream"
            label={t('ingest.stream')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            onOpen={setOpen}
            more={events.more}
            onEnd={running ? undefined : events.onEnd}
            height="calc(100dvh - 330px)"
          />
        )}
      </Fetch>
      <Drawer opened={open !== null} onClose={() => setOpen(null)} position="right" size="lg" title={open?.name}>
        {open === null ? null : (
          <Stack>
            <Text size="sm" c="dimmed">
              {open.sourceName} · {format.dateTime(open.at)} · {open.flags.join(', ')}
            </Text>
            {open.findings.length === 0 ? null : (
              <Stack gap={2}>
                <Text fw={600} size="sm">
                  {t('stream.findings')}
                </Text>
                {open.findings.map((finding) => {
                  const [code = '', ...rest] = finding.split(' ')
                  const action = rest.pop() ?? ''
                  return (
                    <Text size="sm" key={finding}>
                      {nameOf(code)}: {rest.join(' ')} · {words('checkAction', action)}
                    </Text>
                  )
                })}
              </Stack>
            )}
            <Text fw={600} size="sm">
              properties
            </Text>
            <Code block>{JSON.stringify(open.properties, null, 2)}</Code>
            <Text fw={600} size="sm">
              context
            </Text>
            <Code block>{JSON.stringify(open.context, null, 2)}</Code>
          </Stack>
        )}
      </Drawer>
    </Stack>
  )
}

function summaryOf(event: Event): string {
  return Object.entries(event.properties)
    .filter(([, value]) => typeof value !== 'object')
    .slice(0, 4)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(' · ')
}
