import { api } from '@einklang/contract'
import { Badge, Button, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Lane = (typeof api.delivery.lanes)['answer']['_zod']['output']['items'][number]

/** The outgoing channels, each with its emergency stop. */
export function Lanes(): ReactNode {
  const { t } = useTranslation()
  const lanes = useAnswer(api.delivery.lanes)
  return (
    <Fetch of={lanes} empty={(value) => (value.items.length === 0 ? <Empty title={t('lane.none')} /> : null)}>
      {(value) => (
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {value.items.map((lane) => (
            <LaneCard key={lane.channel} lane={lane} />
          ))}
        </SimpleGrid>
      )}
    </Fetch>
  )
}

function LaneCard(props: { lane: Lane }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [asking, setAsking] = useState(false)
  const stop = useDeed(api.delivery.stopLane, { refresh: ['delivery'] })
  const { lane } = props
  const facts: [string, number][] = [
    [t('lane.waiting'), lane.waiting],
    [t('lane.accepted'), lane.acceptedToday],
    [t('lane.refused'), lane.refusedToday],
    [t('lane.unknown'), lane.unknown],
  ]
  return (
    <Panel
      title={words('channel', lane.channel)}
      testid={`lane-${lane.channel}`}
      definition={lane.class === null ? t('lane.classNone') : t(`lane.class${lane.class}`)}
      actions={
        <Badge color={lane.stopped ? 'red' : lane.connector === null ? 'gray' : 'teal'} variant="light" tt="none">
          {t(lane.stopped ? 'lane.stopped' : lane.connector === null ? 'lane.noConnector' : 'lane.running')}
        </Badge>
      }
    >
      <Stack gap={4}>
        <Text size="sm" c="dimmed">
          {lane.connector ?? t('lane.noConnectorHint')}
        </Text>
        {facts.map(([label, value]) => (
          <Group key={label} justify="space-between">
            <Text size="sm">{label}</Text>
            <Text size="sm" fw={600}>
              {format.count(value)}
            </Text>
          </Group>
        ))}
        {lane.stoppedBecause === null ? null : <Text size="sm">{lane.stoppedBecause}</Text>}
        {lane.lastProblem === null ? null : (
          <Text size="xs" c="orange">
            {lane.lastProblem}
          </Text>
        )}
        {may(api.delivery.stopLane) ? (
          <Group mt="xs">
            <Button
              size="xs"
              variant={lane.stopped ? 'light' : 'default'}
              onClick={() => setAsking(true)}
              data-testid={`stop-${lane.channel}`}
            >
              {t(lane.stopped ? 'lane.release' : 'lane.stop')}
            </Button>
          </Group>
        ) : null}
      </Stack>
      <Confirm
        opened={asking}
        title={t(lane.stopped ? 'lane.release' : 'lane.stop')}
        text={t(lane.stopped ? 'lane.releaseText' : 'lane.stopText', { channel: words('channel', lane.channel) })}
        reasonLabel={t('kit.reason')}
        confirm={t(lane.stopped ? 'lane.release' : 'lane.stop')}
        danger={!lane.stopped}
        pending={stop.pending}
        onClose={() => setAsking(false)}
        onConfirm={(because) =>
          void stop
            .run({ params: { channel: lane.channel }, body: { stopped: !lane.stopped, because } })
            .then(() => setAsking(false))
        }
      />
    </Panel>
  )
}
