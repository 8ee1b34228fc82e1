import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { ReactNode } from 'react'

/** Begins something new; the action at the head of a list. */
export function AddButton(props: { label: string; testid: string; onClick: () => void }): ReactNode {
  return (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={props.onClick} data-testid={props.testid}>
      {props.label}
    </Button>
  )
}
