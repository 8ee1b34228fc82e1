import { api, type CallOf, type PersonId } from '@einklang/contract'
import { Chip, Group, Stack, Text } from '@mantine/core'
import { type ReactNode, useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { Timeline, type TimelineItem } from '../../kit/timeline.tsx'
import { usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Entry = (typeof api.profile.timeline)['answer']['_zod']['output']['items'][number]

const messageId = /^[0-9a-f]{8}-[0-9a-f]{4}-890/

export function useTimelineQuestion(person: PersonId): CallOf<typeof api.profile.timeline> {
  const { i18n } = useTranslation()
  const [{ channels }] = useFilters()
  const language = i18n.language === 'de' ? 'de' : 'en'
  return { params: { person }, query: { limit: 60, language, ...(channels === undefined ? {} : { channels }) } }
}

export function TimelineTab(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [filters, change] = useFilters()
  const chosen = filters.channels?.split(',') ?? []
  const pages = usePages(api.profile.timeline, useTimelineQuestion(props.person), { still: true })

  const itemOf = useCallback(
    (entry: Entry): TimelineItem => ({
      id: entry.id,
      at: entry.at,
      channel: entry.channel,
      channelName: [words('channel', entry.channel), entry.sourceName].filter(Boolean).join(' · '),
      title: entry.title,
      details: entry.details,
      value: entry.value === null || entry.value.amount === 0 ? undefined : format.moneyOf(entry.value),
      marks: [
        ...entry.flags.map((flag) => words('flag', flag)),
        ...new Set(entry.findings.map((finding) => words('check', finding.split(' ', 1)[0] ?? ''))),
      ],
      note:
        entry.message !== null && messageId.test(entry.message) ? (
          <ScreenLink to="." search={(before) => ({ ...before, message: entry.message ?? undefined })} size="xs">
            {t('message.why')}
          </ScreenLink>
        ) : null,
    }),
    [t, format, words],
  )

  return (
    <Panel testid="timeline-tab">
      <Stack gap="xs">
        <Chip.Group
          multiple
          value={chosen}
          onChange={(value) => change({ channels: value.length === 0 ? undefined : value.join(',') })}
        >
          <Group gap={6} role="group" aria-label={t('person.channels')}>
            {(pages.first?.channels ?? []).map((row) => (
              <Chip key={row.channel} value={row.channel} size="xs" data-testid={`channel-${row.channel}`}>
                {words('channel', row.channel)} {format.count(row.entries)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        <Fetch
          of={pages}
          loading={<Loading rows={10} height={44} />}
          empty={(rows) =>
            rows.length === 0 ? <Empty title={t('person.noTimeline')} hint={t('person.noTimelineHint')} /> : null
          }
        >
          {(rows) => (
            <>
              <Timeline
                label={t('person.tab.timeline')}
                rows={rows}
                itemOf={itemOf}
                more={pages.more}
                onEnd={pages.onEnd}
              />
              <Text size="xs" c="dimmed">
                {t('person.timelineOrder')}
              </Text>
            </>
          )}
        </Fetch>
      </Stack>
    </Panel>
  )
}
