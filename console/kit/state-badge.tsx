import { Badge } from '@mantine/core'
import type { ReactNode } from 'react'

const tones: { [state: string]: string } = {
  accepted: 'teal',
  done: 'teal',
  goal: 'teal',
  active: 'teal',
  live: 'teal',
  delivered: 'teal',
  ok: 'teal',
  permitted: 'teal',
  grant: 'teal',
  refused: 'red',
  failed: 'red',
  denied: 'red',
  deny: 'red',
  restrict: 'red',
  unknown: 'orange',
  silent: 'orange',
  ending: 'orange',
  paused: 'orange',
  claimed: 'yellow',
  planned: 'blue',
  reserved: 'blue',
  handed: 'blue',
  waiting: 'blue',
  running: 'blue',
  uploading: 'blue',
}

/** A state as a word; the colour only repeats it. */
export function StateBadge(props: { state: string; label: string }): ReactNode {
  return (
    <Badge
      miw="max-content"
      variant="light"
      color={tones[props.state] ?? 'gray'}
      data-state={props.state}
      tt="none"
      fw={550}
    >
      {props.label}
    </Badge>
  )
}
