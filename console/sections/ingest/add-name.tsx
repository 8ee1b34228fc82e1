import { Button, Group, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

/** A line that adds something by its name; `onAdd` tells whether the name was taken up. */
export function AddName(props: { label: string; testid?: string; onAdd: (name: string) => boolean }): ReactNode {
  const { t } = useTranslation()
  const [name, setName] = useState('')
  const clean = name.trim()
  const add = (): void => {
    if (clean !== '' && props.onAdd(clean)) setName('')
  }
  return (
    <Group gap="xs" wrap="nowrap">
      <TextInput
        size="xs"
        style={{ flex: 1 }}
        maw={320}
        aria-label={props.label}
        placeholder={props.label}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => (event.key === 'Enter' ? add() : undefined)}
        data-testid={props.testid}
      />
      <Button size="xs" variant="default" onClick={add} disabled={clean === ''}>
        {t('plans.add')}
      </Button>
    </Group>
  )
}
