import { api, type Channel, channels, type PersonId, type Purpose, purposes } from '@einklang/contract'
import { Button, Group, Modal, Select, Stack, Table, Text, Textarea, TextInput, Tooltip } from '@mantine/core'
import { IconCheck, IconX } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { Panel } from '../../kit/page.tsx'
import { StateBadge } from '../../kit/state-badge.tsx'
import { Empty, Fetch } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type State = (typeof api.consent.state)['answer']['_zod']['output']

/** What we may do with this person, and the statements behind every answer. */
export function ConsentTab(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const may = useMay()
  const [writing, setWriting] = useState(false)
  const state = useAnswer(api.consent.state, { params: { person: props.person } })
  return (
    <Fetch of={state}>
      {(value) => (
        <Stack>
          <Panel
            title={t('consent.state')}
            definition={t('consent.stateMeaning')}
            testid="consent-state"
            actions={
              may(api.consent.record) ? (
                <Button size="xs" variant="light" onClick={() => setWriting(true)} data-testid="record-statement">
                  {t('consent.record')}
                </Button>
              ) : null
            }
          >
            {value.restricted ? (
              <Text size="sm" c="red" mb="xs">
                {t('consent.restricted')}
              </Text>
            ) : null}
            <Cells state={value} />
            {value.suppressions.map((entry) => (
              <Text key={`${entry.channel}${entry.address}`} size="sm" c="dimmed" mt="xs">
                {t('consent.suppressedLine', {
                  channel: words('channel', entry.channel),
                  address: entry.address,
                  reason: words('suppression', entry.reason),
                })}{' '}
                <DateTime at={entry.since} day />
              </Text>
            ))}
          </Panel>
          <Panel title={t('consent.ledger')} definition={t('consent.ledgerMeaning')} testid="consent-ledger">
            {value.ledger.length === 0 ? (
              <Empty title={t('consent.noStatements')} hint={t('consent.noStatementsHint')} />
            ) : (
              <Ledger ledger={value.ledger} />
            )}
          </Panel>
          <Statement person={props.person} opened={writing} onClose={() => setWriting(false)} />
        </Stack>
      )}
    </Fetch>
  )
}

function Cells(props: { state: State }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const shownChannels = channels.filter((channel) => props.state.cells.some((cell) => cell.channel === channel))
  const shownPurposes = purposes.filter((purpose) => props.state.cells.some((cell) => cell.purpose === purpose))
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table fz="sm" aria-label={t('consent.state')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th />
            {shownChannels.map((channel) => (
              <Table.Th key={channel}>{words('channel', channel)}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shownPurposes.map((purpose) => (
            <Table.Tr key={purpose}>
              <Table.Th scope="row" fw={500}>
                {words('purpose', purpose)}
              </Table.Th>
              {shownChannels.map((channel) => (
                <Table.Td key={channel}>
                  <Cell cell={props.state.cells.find((cell) => cell.purpose === purpose && cell.channel === channel)} />
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Cell(props: { cell: State['cells'][number] | undefined }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  if (props.cell === undefined) return null
  const { permission } = props.cell
  const text = permission.allowed
    ? t('consent.allowed', { basis: words('basis', permission.basis) })
    : words('refusal', permission.because)
  return (
    <Tooltip label={text} events={{ hover: true, focus: true, touch: true }}>
      <Group gap={4} wrap="nowrap" tabIndex={0} data-allowed={permission.allowed}>
        {permission.allowed ? (
          <IconCheck size={16} color="var(--mantine-color-teal-6)" aria-label={t('kit.yes')} />
        ) : (
          <IconX size={16} color="var(--mantine-color-dimmed)" aria-label={t('kit.no')} />
        )}
        <Text size="xs" c="dimmed">
          {text}
        </Text>
      </Group>
    </Tooltip>
  )
}

function Ledger(props: { ledger: State['ledger'] }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  return (
    <Stack gap="sm">
      {props.ledger.map((line) => (
        <Group key={line.statement} justify="space-between" wrap="nowrap" align="flex-start">
          <div>
            <Group gap={6}>
              <StateBadge state={line.stance} label={words('stance', line.stance)} />
              <Text size="sm">
                {line.purpose === null ? t('consent.allPurposes') : words('purpose', line.purpose)} ·{' '}
                {line.channel === null ? t('consent.allChannels') : words('channel', line.channel)}
                {line.address === null ? '' : ` · ${line.address}`}
              </Text>
            </Group>
            <Text size="xs" c="dimmed">
              {[
                words('basis', line.basis),
                words('trust', line.trust),
                line.source,
                line.reason,
                line.text === null ? null : t('consent.text', { id: line.text.id, version: line.text.version }),
                line.actor,
              ]
                .filter(Boolean)
                .join(' · ')}
            </Text>
            <Text size="xs" c="dimmed" ff="monospace" truncate maw={420} title={line.seal}>
              #{line.sequence} {line.seal.slice(0, 16)}…
            </Text>
          </div>
          <Text size="xs" c="dimmed" ta="right">
            <DateTime at={line.happenedAt} />
          </Text>
        </Group>
      ))}
    </Stack>
  )
}

function Statement(props: { person: PersonId; opened: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [stance, setStance] = useState<'grant' | 'deny' | 'restrict' | 'lift_restriction'>('deny')
  const [purpose, setPurpose] = useState<Purpose | null>(null)
  const [channel, setChannel] = useState<Channel | null>(null)
  const [reason, setReason] = useState('')
  const [proof, setProof] = useState('')
  const record = useDeed(api.consent.record, {
    refresh: ['consent', 'profile', 'audience'],
    done: t('consent.recorded'),
  })
  async function save(): Promise<void> {
    const answer = await record.run({
      params: { person: props.person },
      body: {
        stance,
        purpose,
        channel,
        reason: reason.trim(),
        ...(proof.trim() === '' ? {} : { proof: proof.trim() }),
      },
    })
    if (answer === undefined) return
    setReason('')
    setProof('')
    props.onClose()
  }
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={t('consent.record')}>
      <Stack gap="sm">
        <Select
          label={t('consent.stance')}
          allowDeselect={false}
          value={stance}
          onChange={(value) => setStance((value ?? 'deny') as typeof stance)}
          data={(['deny', 'grant', 'restrict', 'lift_restriction'] as const).map((value) => ({
            value,
            label: words('stance', value),
          }))}
        />
        <Select
          label={t('consent.purpose')}
          placeholder={t('consent.allPurposes')}
          clearable
          value={purpose}
          onChange={(value) => setPurpose(value as Purpose | null)}
          data={purposes.map((value) => ({ value, label: words('purpose', value) }))}
        />
        <Select
          label={t('message.channel')}
          placeholder={t('consent.allChannels')}
          clearable
          value={channel}
          onChange={(value) => setChannel(value as Channel | null)}
          data={channels.map((value) => ({ value, label: words('channel', value) }))}
        />
        <Textarea
          label={t('kit.reason')}
          description={t('consent.reasonHint')}
          autosize
          minRows={2}
          required
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <TextInput
          label={t('consent.proof')}
          description={t('consent.proofHint')}
          value={proof}
          onChange={(event) => setProof(event.currentTarget.value)}
        />
        <DialogActions
          confirm={t('kit.save')}
          disabled={reason.trim().length < 3}
          pending={record.pending}
          testid="save-statement"
          onClose={props.onClose}
          onConfirm={() => void save()}
        />
      </Stack>
    </Modal>
  )
}
