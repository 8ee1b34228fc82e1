import { type AnswerOf, api, minorDigits } from '@einklang/contract'
import { Badge, Button, Modal, NumberInput, Select, SimpleGrid, Stack, Table, Text, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Result = AnswerOf<typeof api.measurement.evidence>['items'][number]
const kinds = ['geo', 'platform', 'other'] as const

/** Results of tests that were run outside: regions with and without, lift studies of platforms. */
export function Evidence(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [adding, setAdding] = useState(false)
  const list = useAnswer(api.measurement.evidence)
  return (
    <Panel
      title={t('evidence.title')}
      definition={t('evidence.meaning')}
      testid="evidence"
      actions={
        may(api.measurement.addEvidence) ? (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => setAdding(true)}
          >
            {t('evidence.add')}
          </Button>
        ) : null
      }
    >
      <Fetch
        of={list}
        loading={<Loading rows={2} height={30} />}
        empty={(value) =>
          value.items.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('evidence.none')}
            </Text>
          ) : null
        }
      >
        {(value) => <Results items={value.items} />}
      </Fetch>
      {adding ? <Add onClose={() => setAdding(false)} /> : null}
    </Panel>
  )
}

function Results(props: { items: Result[] }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const withdraw = useDeed(api.measurement.withdrawEvidence, {
    refresh: ['measurement'],
    done: t('evidence.withdrawn'),
  })
  return (
    <Table.ScrollContainer minWidth={620}>
      <Table fz="sm" verticalSpacing={4} aria-label={t('evidence.title')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('evidence.name')}</Table.Th>
            <Table.Th>{t('measurement.channel')}</Table.Th>
            <Table.Th>{t('evidence.days')}</Table.Th>
            <Table.Th ta="right">{t('compared.found')}</Table.Th>
            <Table.Th />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.items.map((row) => (
            <Table.Tr key={row.evidence} {...(row.withdrawn ? { c: 'dimmed', td: 'line-through' } : {})}>
              <Table.Td>
                {row.name}{' '}
                <Badge size="xs" variant="light" tt="none">
                  {t(`compared.kind_${row.kind}`)}
                </Badge>
                {row.note === null ? null : (
                  <Text size="xs" c="dimmed">
                    {row.note}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                {[words('media', row.channel), row.campaign].filter((part) => part !== null).join(' · ')}
              </Table.Td>
              <Table.Td>
                {format.date(row.starts)} – {format.date(row.ends)}
              </Table.Td>
              <Table.Td ta="right">
                {format.money(row.increment, row.currency)}
                <Text size="xs" c="dimmed">
                  {format.money(row.low, row.currency)} – {format.money(row.high, row.currency)}
                </Text>
              </Table.Td>
              <Table.Td ta="right">
                {row.withdrawn || !may(api.measurement.withdrawEvidence) ? null : (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    color="red"
                    loading={withdraw.pending}
                    onClick={() => void withdraw.run({ params: { evidence: row.evidence } })}
                  >
                    {t('evidence.withdraw')}
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Add(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { currency } = useSession()
  const [draft, setDraft] = useState({
    name: '',
    kind: 'geo' as Result['kind'],
    channel: null as string | null,
    campaign: '',
    starts: '',
    ends: '',
    increment: '' as number | string,
    low: '' as number | string,
    high: '' as number | string,
    note: '',
  })
  const send = useDeed(api.measurement.addEvidence, { refresh: ['measurement'], quiet: true })
  const change = (part: Partial<typeof draft>) => setDraft({ ...draft, ...part })
  const minor = (value: number | string) => Math.round(Number(value) * 10 ** minorDigits(currency))
  const ready =
    draft.name.trim() !== '' &&
    draft.channel !== null &&
    draft.starts !== '' &&
    draft.ends !== '' &&
    [draft.increment, draft.low, draft.high].every((value) => value !== '' && value !== '-')
  async function save(): Promise<void> {
    const saved = await send.run({
      body: {
        name: draft.name.trim(),
        kind: draft.kind,
        channel: draft.channel ?? '',
        campaign: draft.campaign.trim() === '' ? null : draft.campaign.trim(),
        starts: draft.starts,
        ends: draft.ends,
        increment: minor(draft.increment),
        low: minor(draft.low),
        high: minor(draft.high),
        currency,
        note: draft.note.trim() === '' ? null : draft.note.trim(),
      },
    })
    if (saved !== undefined) props.onClose()
  }
  return (
    <Modal opened onClose={props.onClose} title={t('evidence.add')} size="lg">
      <Stack gap="sm">
        <TextInput
          label={t('evidence.name')}
          value={draft.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
          data-autofocus
        />
        <SimpleGrid cols={{ base: 1, xs: 3 }}>
          <Select
            label={t('evidence.kind')}
            allowDeselect={false}
            value={draft.kind}
            onChange={(kind) => change({ kind: (kind ?? 'geo') as Result['kind'] })}
            data={kinds.map((value) => ({ value, label: t(`compared.kind_${value}`) }))}
          />
          <Select
            label={t('measurement.channel')}
            searchable
            value={draft.channel}
            onChange={(channel) => change({ channel })}
            data={api.measurement.mediaChannels.map((value) => ({ value, label: words('media', value) }))}
          />
          <TextInput
            label={t('measurement.campaign')}
            placeholder={t('evidence.wholeChannel')}
            value={draft.campaign}
            onChange={(event) => change({ campaign: event.currentTarget.value })}
          />
          <TextInput
            type="date"
            label={t('measurement.from')}
            value={draft.starts}
            onChange={(event) => change({ starts: event.currentTarget.value })}
          />
          <TextInput
            type="date"
            label={t('measurement.to')}
            value={draft.ends}
            onChange={(event) => change({ ends: event.currentTarget.value })}
          />
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, xs: 3 }}>
          {(['increment', 'low', 'high'] as const).map((name) => (
            <NumberInput
              key={name}
              label={t(`evidence.${name}`)}
              suffix={` ${currency}`}
              value={draft[name]}
              onChange={(value) => change({ [name]: value })}
            />
          ))}
        </SimpleGrid>
        <TextInput
          label={t('evidence.note')}
          value={draft.note}
          onChange={(event) => change({ note: event.currentTarget.value })}
        />
        <DialogActions
          failure={send.failure}
          disabled={!ready}
          pending={send.pending}
          confirm={t('evidence.save')}
          onClose={props.onClose}
          onConfirm={() => void save()}
        />
      </Stack>
    </Modal>
  )
}
