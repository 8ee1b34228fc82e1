import { Modal, Stack, Text, Textarea } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { DialogActions } from './dialog-actions.tsx'

/** Asks before something that cannot be taken back lightly; `reasonLabel` asks for the reason as well. */
export function Confirm(props: {
  opened: boolean
  title: string
  text: ReactNode
  confirm: string
  danger?: boolean
  reasonLabel?: string
  least?: number
  pending?: boolean
  onConfirm: (reason: string) => void
  onClose: () => void
}): ReactNode {
  const [reason, setReason] = useState('')
  const missing = props.reasonLabel !== undefined && reason.trim().length < (props.least ?? 1)
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title} data-testid="confirm">
      <Stack>
        <Text size="sm" component="div">
          {props.text}
        </Text>
        {props.reasonLabel === undefined ? null : (
          <Textarea
            label={props.reasonLabel}
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-testid="confirm-reason"
          />
        )}
        <DialogActions
          confirm={props.confirm}
          danger={props.danger ?? false}
          disabled={missing}
          pending={props.pending ?? false}
          testid="confirm-yes"
          onClose={props.onClose}
          onConfirm={() => props.onConfirm(reason.trim())}
        />
      </Stack>
    </Modal>
  )
}
