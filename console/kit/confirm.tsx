import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

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
  const { t } = useTranslation()
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
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onClose}>
            {t('kit.cancel')}
          </Button>
          <Button
            {...(props.danger === true ? { color: 'red' } : {})}
            disabled={missing}
            loading={props.pending ?? false}
            onClick={() => props.onConfirm(reason.trim())}
            data-testid="confirm-yes"
          >
            {props.confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
