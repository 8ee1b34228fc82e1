import { type AnswerOf, api, type Channel, channels, type Purpose, purposes } from '@einklang/contract'
import { Button, Checkbox, Group, Modal, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { useFormat } from '../../kit/format.ts'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Flow = { step: number; source: string; target: string }

/** Makes the persons of one flow a segment, as far as they are known and permit it. */
export function WaySegment(props: { flow: Flow; narrow: object; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const nameOf = (channel: string): string =>
    channel === 'order'
      ? t('journeyMap.order')
      : channel === 'no order'
        ? t('journeyMap.noOrder')
        : words('media', channel)
  const { flow } = props
  const [name, setName] = useState(`${nameOf(flow.source)} → ${nameOf(flow.target)}`)
  const [limited, setLimited] = useState(false)
  const [purpose, setPurpose] = useState<Purpose>('newsletter')
  const [channel, setChannel] = useState<Channel>('email')
  const [made, setMade] = useState<AnswerOf<typeof api.measurement.journeySegment> | null>(null)
  const size = useAnswer(api.measurement.journeyWay, { query: { ...props.narrow, ...flow } })
  const make = useDeed(api.measurement.journeySegment, { refresh: ['audience'], quiet: true })
  async function save(): Promise<void> {
    const answer = await make.run({
      body: { name: name.trim(), ...props.narrow, ...flow, permitted: limited ? { purpose, channel } : null },
    })
    if (answer !== undefined) setMade(answer)
  }
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={made === null ? t('waySegment.make') : t('waySegment.made', { name: name.trim() })}
    >
      {made === null ? (
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t('waySegment.meaning')}
          </Text>
          {size.data === undefined ? null : (
            <Sieve of={size.data} members={size.data.known - size.data.objecting} atMost={limited} />
          )}
          <TextInput
            label={t('waySegment.name')}
            value={name}
            maxLength={120}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          <Checkbox
            label={t('waySegment.permitted')}
            checked={limited}
            onChange={(event) => setLimited(event.currentTarget.checked)}
          />
          {limited ? (
            <Group grow>
              <Select
                label={t('consent.purpose')}
                allowDeselect={false}
                value={purpose}
                onChange={(value) => setPurpose((value ?? 'newsletter') as Purpose)}
                data={purposes.map((value) => ({ value, label: words('purpose', value) }))}
              />
              <Select
                label={t('waySegment.channel')}
                allowDeselect={false}
                value={channel}
                onChange={(value) => setChannel((value ?? 'email') as Channel)}
                data={channels.map((value) => ({ value, label: words('channel', value) }))}
              />
            </Group>
          ) : null}
          <DialogActions
            failure={make.failure}
            disabled={name.trim() === ''}
            pending={make.pending}
            confirm={t('waySegment.save')}
            onClose={props.onClose}
            onConfirm={() => void save()}
          />
        </Stack>
      ) : (
        <Made made={made} onClose={props.onClose} />
      )}
    </Modal>
  )
}

function Made(props: { made: AnswerOf<typeof api.measurement.journeySegment>; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const { made } = props
  return (
    <Stack gap="sm" data-testid="way-segment-made">
      <Sieve of={made} members={made.members} />
      <Group justify="flex-end">
        <Button variant="default" onClick={props.onClose}>
          {t('journeyMap.close')}
        </Button>
        <ScreenLink to="/audience/$audience" params={{ audience: made.audience }}>
          {t('waySegment.open')}
        </ScreenLink>
      </Group>
    </Stack>
  )
}

/** From everybody on the flow to the members of the segment: who is left out, and why. */
function Sieve(props: {
  of: Pick<AnswerOf<typeof api.measurement.journeyWay>, 'persons' | 'known' | 'objecting'>
  members: number
  /** Who may be addressed is told when the segment is saved. */
  atMost?: boolean
}): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { persons, known, objecting } = props.of
  const left: [string, number][] = [
    ['unknown', persons - known],
    ['objecting', objecting],
    ['unpermitted', known - objecting - props.members],
  ]
  return (
    <Table fz="sm" verticalSpacing={4} data-testid="way-segment-sieve">
      <Table.Tbody>
        <Table.Tr>
          <Table.Td>{t('waySegment.persons')}</Table.Td>
          <Table.Td ta="right">{format.count(persons)}</Table.Td>
        </Table.Tr>
        {left
          .filter(([, count]) => count > 0)
          .map(([reason, count]) => (
            <Table.Tr key={reason} c="dimmed">
              <Table.Td>{t(`waySegment.${reason}`)}</Table.Td>
              <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
                − {format.count(count)}
              </Table.Td>
            </Table.Tr>
          ))}
        <Table.Tr fw={600}>
          <Table.Td>{t(props.atMost === true ? 'waySegment.atMost' : 'waySegment.members')}</Table.Td>
          <Table.Td ta="right">{format.count(props.members)}</Table.Td>
        </Table.Tr>
      </Table.Tbody>
    </Table>
  )
}
