import type { AnswerOf, api } from '@einklang/contract'
import { Alert, List, Stack, Text } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'

type FigureNote = AnswerOf<typeof api.measurement.attribution>['note']

/** What the figures above mean, since when, and how far to trust them. */
export function Note(props: { note: FigureNote; period?: { from: string; to: string } }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { note, period } = props
  return (
    <Stack gap="xs" data-testid="figure-note">
      {note.warnings.length === 0 ? null : (
        <Alert color="yellow" icon={<IconInfoCircle aria-hidden />}>
          <List size="sm">
            {note.warnings.map((warning) => (
              <List.Item key={warning}>{warning}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      <Text size="xs" c="dimmed">
        {note.definition}{' '}
        {[
          period === undefined ? null : `${format.date(period.from)} – ${format.date(period.to)}`,
          note.since === null ? null : t('measurement.since', { day: format.date(note.since) }),
          t('measurement.asOf', { at: format.dateTime(note.asOf) }),
        ]
          .filter((part) => part !== null)
          .join(' · ')}
      </Text>
    </Stack>
  )
}
