import { Alert, Code, Modal, Stack } from '@mantine/core'
import type { ReactNode } from 'react'

/** A secret that is shown only now; a click beside the dialog does not lose it. */
export function ShownOnce(props: {
  title: string
  warning: string
  /** Null keeps the dialog closed. */
  secret: string | null
  testid: string
  onClose: () => void
}): ReactNode {
  return (
    <Modal opened={props.secret !== null} onClose={props.onClose} title={props.title} closeOnClickOutside={false}>
      <Stack>
        <Alert color="orange">{props.warning}</Alert>
        <Code block fz="md" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }} data-testid={props.testid}>
          {props.secret}
        </Code>
      </Stack>
    </Modal>
  )
}
