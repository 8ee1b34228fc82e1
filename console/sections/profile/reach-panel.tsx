import { api, type PersonId } from '@einklang/contract'
import { Badge, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { ChannelIcon } from '../../kit/timeline.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useWords } from '../../shell/words.ts'

/** Which channel reaches this person best, by what was answered. */
export function ReachPanel(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const reach = useAnswer(api.profile.reach, { params: { person: props.person } })
  return (
    <Panel title={t('person.reach')} definition={t('person.reachMeaning')} testid="reach">
      <Fetch
        of={reach}
        loading={<Loading rows={2} height={20} />}
        empty={(value) =>
          value.items.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('person.reachNone')}
            </Text>
          ) : null
        }
      >
        {(value) => (
          <Stack gap={6}>
            {value.items.map((item) => (
              <Group key={item.channel} gap={8} wrap="nowrap" title={detailsOf(item)}>
                <ChannelIcon channel={item.channel} />
                <Text size="sm" {...(item.reachable ? {} : { c: 'dimmed' })}>
                  {words('channel', item.channel)}
                </Text>
                {item.channel === value.best ? (
                  <Badge variant="light" color="teal" tt="none" data-testid="reach-best">
                    {t('person.reachBest')}
                  </Badge>
                ) : null}
                <Text size="xs" c="dimmed" ml="auto" ta="right">
                  {item.reachable
                    ? t('person.reachAnswered', { answered: item.answered, count: item.messages })
                    : t('person.reachNoAddress')}
                </Text>
              </Group>
            ))}
            {value.best === null ? (
              <Text size="xs" c="dimmed">
                {t('person.reachTooFew')}
              </Text>
            ) : null}
          </Stack>
        )}
      </Fetch>
    </Panel>
  )

  function detailsOf(item: { opened: number; clicked: number; failed: number; surely: number | null }): string {
    return t('person.reachDetails', {
      opened: item.opened,
      clicked: item.clicked,
      failed: item.failed,
      surely: item.surely === null ? '–' : format.percent(item.surely),
    })
  }
}
