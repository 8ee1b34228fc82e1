import { Badge, Box, Group, Text, ThemeIcon } from '@mantine/core'
import {
  IconAd2,
  IconBell,
  IconBuildingStore,
  IconDeviceMobile,
  IconHeadset,
  IconMail,
  IconMailbox,
  IconMessage,
  IconPhone,
  IconPoint,
  IconShare,
  IconWorld,
} from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ComponentType, type CSSProperties, type ReactNode, useEffect, useLayoutEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from './format.ts'

const icons: { [channel: string]: ComponentType<{ size?: number; stroke?: number; style?: CSSProperties }> } = {
  email: IconMail,
  sms: IconMessage,
  push: IconBell,
  letter: IconMailbox,
  phone: IconPhone,
  web: IconWorld,
  app: IconDeviceMobile,
  store: IconBuildingStore,
  social: IconShare,
  ads: IconAd2,
  service: IconHeadset,
}

export function ChannelIcon(props: { channel: string; size?: number }): ReactNode {
  const Icon = icons[props.channel] ?? IconPoint
  return <Icon size={props.size ?? 16} stroke={1.6} style={{ flexShrink: 0 }} />
}

export type TimelineItem = {
  id: string
  at: string
  channel: string
  channelName: string
  title: string
  details: { label: string; value: string }[]
  value?: string | undefined
  note?: ReactNode
  marks?: string[]
}

/** What happened, newest first, under the day it happened on. Endless: rows are virtual, the next page comes by itself. */
export function Timeline<Row extends { id: string; at: string }>(props: {
  label: string
  rows: Row[]
  /** What a row shows; asked only for rows on the screen. */
  itemOf: (row: Row) => TimelineItem
  more: boolean
  onEnd: () => void
  height?: number | string
}): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const area = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: props.rows.length,
    getScrollElement: () => area.current,
    estimateSize: () => 58,
    overscan: 10,
    getItemKey: (index) => props.rows[index]?.id ?? index,
  })
  const shown = virtual.getVirtualItems()
  const seen = shown.at(-1)?.index ?? -1
  const { more, onEnd } = props
  useEffect(() => {
    if (more && seen >= props.rows.length - 10) onEnd()
  }, [seen, more, onEnd, props.rows.length])

  // What comes in on top moves nobody who reads further down.
  const top = props.rows[0]?.id
  const before = useRef(top)
  useLayoutEffect(() => {
    const moved = before.current === top ? 0 : props.rows.findIndex(({ id }) => id === before.current)
    before.current = top
    const box = area.current
    if (moved > 0 && box !== null && box.scrollTop > 0) box.scrollTop += virtual.measurementsCache[moved]?.start ?? 0
  }, [top, props.rows, virtual])

  return (
    <Box
      ref={area}
      style={{ overflow: 'auto', maxHeight: props.height ?? 640 }}
      tabIndex={0}
      role="feed"
      aria-label={props.label}
      aria-busy={false}
      data-testid="timeline"
    >
      <Box style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {shown.map((row) => {
          const found = props.rows[row.index]
          if (found === undefined) return null
          const item = props.itemOf(found)
          const day = format.date(item.at)
          const earlier = props.rows[row.index - 1]
          const newDay = earlier === undefined || format.date(earlier.at) !== day
          return (
            <Box
              key={row.key}
              ref={virtual.measureElement}
              data-index={row.index}
              component="article"
              aria-posinset={row.index + 1}
              aria-setsize={props.more ? -1 : props.rows.length}
              style={{ position: 'absolute', insetInline: 0, top: 0, transform: `translateY(${row.start}px)` }}
            >
              {newDay ? (
                <Text size="xs" fw={600} c="dimmed" pt="sm" pb={4}>
                  {day}
                </Text>
              ) : null}
              <Entry item={item} time={format.time(item.at)} />
            </Box>
          )
        })}
      </Box>
      {props.more ? (
        <Text size="xs" c="dimmed" ta="center" p="xs">
          {t('kit.more')}
        </Text>
      ) : null}
    </Box>
  )
}

function Entry(props: { item: TimelineItem; time: string }): ReactNode {
  const { item } = props
  return (
    <Group align="flex-start" wrap="nowrap" gap="sm" py={6} pr="sm" data-channel={item.channel}>
      <ThemeIcon variant="light" radius="xl" size={30} aria-label={item.channelName} role="img">
        <ChannelIcon channel={item.channel} />
      </ThemeIcon>
      <Box style={{ flex: 1, minWidth: 0 }}>
        <Group justify="space-between" wrap="nowrap" gap="sm" align="baseline">
          <Text size="sm" fw={550} style={{ overflowWrap: 'anywhere' }}>
            {item.title}
          </Text>
          <Group gap="xs" wrap="nowrap">
            {item.value === undefined ? null : (
              <Text size="sm" fw={600} style={{ fontVariantNumeric: 'tabular-nums' }}>
                {item.value}
              </Text>
            )}
            <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
              {props.time}
            </Text>
          </Group>
        </Group>
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }} lineClamp={3}>
          {[item.channelName, ...item.details.map((detail) => `${detail.label}: ${detail.value}`)].join(' · ')}
        </Text>
        {item.note}
        {item.marks === undefined || item.marks.length === 0 ? null : (
          <Group gap={4} mt={2}>
            {item.marks.map((mark) => (
              <Badge key={mark} size="xs" variant="outline" color="gray" tt="none">
                {mark}
              </Badge>
            ))}
          </Group>
        )}
      </Box>
    </Group>
  )
}
