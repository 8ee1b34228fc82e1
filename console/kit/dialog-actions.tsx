import { Alert, Button, Group } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Failure } from './states.tsx'

/** The foot of a dialog: what went wrong, away from it on the left, what it is there for on the right. */
export function DialogActions(props: {
  confirm: string
  danger?: boolean
  disabled?: boolean
  pending?: boolean
  failure?: Failure | null
  testid?: string
  onClose: () => void
  onConfirm: () => void
}): ReactNode {
  const { t } = useTranslation()
  const failure = props.failure ?? null
  return (
    <>
      {failure === null ? null : (
        <Alert color="red" role="alert">
          {failure.message} {failure.doInstead}
        </Alert>
      )}
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
    </>
  )
}
