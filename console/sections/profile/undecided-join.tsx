import { api, type PersonId } from '@einklang/contract'
import { Alert, Group, Text } from '@mantine/core'
import { IconArrowMerge } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useAnswer } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'

/** Records that a run of matching alone joined: export and erasure wait until somebody decides, here is the way there. */
export function UndecidedJoin(props: { person: PersonId; here?: boolean }): ReactNode {
  const { t } = useTranslation()
  const asked = useAnswer(api.identity.person, { params: { person: props.person } })
  const probable = asked.data?.probable.length ?? 0
  if (probable === 0) return null
  return (
    <Alert icon={<IconArrowMerge />} color="yellow" data-testid="undecided-join">
      <Group justify="space-between" gap="xs">
        <Text size="sm">{t('identity.undecided', { count: probable })}</Text>
        {props.here ? null : (
          <ScreenLink to="/profile/$person" params={{ person: props.person }} search={{ tab: 'identity' }}>
            {t('identity.decide')}
          </ScreenLink>
        )}
      </Group>
    </Alert>
  )
}
