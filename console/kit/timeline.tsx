import { Badge, Box, Group, Text } from '@mantine/core'
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
import { type ComponentType, type CSSProperties, memo, type ReactNode, useEffect, useLayoutEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from './format.ts'
import classes from './timeline.module.css'

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
  /** What a row shows; asked only for rows on the screen. Rows are drawn anew when it is another function. */
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
    overscan: 8,
    initialRect: { width: 0, height: 640 },
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
          const day = format.date(found.at)
          const earlier = props.rows[row.index - 1]
          const newDay = earlier === undefined || format.date(earlier.at) !== day
          return (
            <article
              key={row.key}
              ref={virtual.measureElement}
              data-index={row.index}
              aria-posinset={row.index + 1}
              aria-setsize={props.more ? -1 : props.rows.length}
              className={classes.row}
              style={{ transform: `translateY(${row.start}px)` }}
            >
              {newDay ? <div className={classes.day}>{day}</div> : null}
              <Entry row={found} itemOf={props.itemOf} />
            </article>
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

/** Hundreds pass by while somebody scrolls: plain elements, drawn once as long as nothing changes. */
function PlainEntry<Row extends { at: string }>(props: { row: Row; itemOf: (row: Row) => TimelineItem }): ReactNode {
  const format = useFormat()
  const item = props.itemOf(props.row)
  return (
    <div className={classes.entry} data-channel={item.channel}>
      <div className={classes.icon} role="img" aria-label={item.channelName}>
        <ChannelIcon channel={item.channel} />
      </div>
      <div className={classes.words}>
        <div className={classes.head}>
          <div className={classes.title}>{item.title}</div>
          <div className={classes.end}>
            {item.value === undefined ? null : <div className={classes.value}>{item.value}</div>}
            <div className={classes.time}>{format.time(item.at)}</div>
          </div>
        </div>
        <div className={classes.details}>
          {[item.channelName, ...item.details.map((detail) => `${detail.label}: ${detail.value}`)].join(' · ')}
        </div>
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
      </div>
    </div>
  )
}

const Entry = memo(PlainEntry) as typeof PlainEntry
