import { Box, Text, VisuallyHidden } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { differenceOf } from './difference-lines.ts'

const grounds = { same: undefined, added: 'var(--mantine-color-teal-light)', removed: 'var(--mantine-color-red-light)' }
const signs = { same: ' ', added: '+', removed: '−' }

/** Two texts as one, line by line: what goes and what comes. */
export function Difference(props: { label: string; before: string; after: string }): ReactNode {
  const { t } = useTranslation()
  const lines = differenceOf(props.before, props.after)
  if (lines.every((line) => line.kind === 'same')) {
    return (
      <Text size="sm" c="dimmed">
        {t('approval.same')}
      </Text>
    )
  }
  return (
    <Box
      component="section"
      aria-label={props.label}
      tabIndex={0}
      style={{
        maxHeight: 360,
        overflow: 'auto',
        border: '1px solid var(--mantine-color-default-border)',
        borderRadius: 8,
      }}
    >
      {lines.map((line, place) => (
        <Text
          // biome-ignore lint/suspicious/noArrayIndexKey: a line has nothing but its place
          key={place}
          component="div"
          size="xs"
          ff="monospace"
          px="xs"
          bg={grounds[line.kind] ?? 'transparent'}
          c={line.kind === 'same' ? 'dimmed' : 'inherit'}
          style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
        >
          {line.kind === 'same' ? null : <VisuallyHidden>{t(`approval.${line.kind}`)}: </VisuallyHidden>}
          <span aria-hidden>{signs[line.kind]} </span>
          {line.text}
        </Text>
      ))}
    </Box>
  )
}
