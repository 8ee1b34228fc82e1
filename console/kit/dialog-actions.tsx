import { Button, Group } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

/** The foot of a dialog: away from it on the left, what it is there for on the right. */
export function DialogActions(props: {
  confirm: string
  danger?: boolean
  disabled?: boolean
  pending?: boolean
  testid?: string
  onClose: () => void
  onConfirm: () => void
}): ReactNode {
  const { t } = useTranslation()
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={props.onClose}>
        {t('kit.cancel')}
      </Button>
      <Button
        {...(props.danger === true ? { color: 'red' } : {})}
        disabled={props.disabled ?? false}
        loading={props.pending ?? false}
        onClick={props.onConfirm}
        data-testid={props.testid}
      >
        {props.confirm}
      </Button>
    </Group>
  )
}
