import { type AnswerOf, api, type InputOf } from '@einklang/contract'
import {
  Button,
  Checkbox,
  FileInput,
  Group,
  List,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { useFormat } from '../../kit/format.ts'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

type Looked = AnswerOf<typeof api.budget.importSpend>
type Mapping = NonNullable<InputOf<typeof api.budget.importSpend>['body']['mapping']>
const profiles = ['auto', 'google_ads', 'meta', 'tiktok', 'microsoft', 'print', 'broadcast', 'plain'] as const
const fields = [
  'day',
  'week',
  'amount',
  'channel',
  'campaign',
  'geo',
  'currency',
  'impressions',
  'clicks',
  'reach',
] as const
const saved = 'saved '

const nothing: Mapping = {
  columns: {
    day: null,
    week: null,
    amount: '',
    channel: null,
    campaign: null,
    geo: null,
    currency: null,
    impressions: null,
    clicks: null,
    reach: null,
  },
  channel: null,
  currency: null,
  decimal: null,
  dayFirst: false,
}

/** Brings the export of an ad platform or agency into the ledger: look first, then take. */
export function SpendFile(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [file, setFile] = useState<File | null>(null)
  const [profile, setProfile] = useState<string>('auto')
  const [channel, setChannel] = useState<string | null>(null)
  const [looked, setLooked] = useState<Looked | null>(null)
  const [mapping, setMapping] = useState<Mapping | null>(null)
  const [saveAs, setSaveAs] = useState('')
  // What stands in the preview was made with exactly these choices.
  const [fresh, setFresh] = useState(false)
  const mappings = useAnswer(api.budget.mappings)
  const forget = useDeed(api.budget.removeMapping, { refresh: ['budget'], done: t('spendFile.forgotten') })
  const send = useDeed(api.budget.importSpend, { refresh: ['budget'], quiet: true })
  const own = profile.startsWith(saved) ? profile.slice(saved.length) : null
  async function give(dryRun: boolean): Promise<void> {
    if (file === null) return
    const answer = await send.run({
      body: {
        profile: own === null ? (profile as 'auto') : 'auto',
        channel,
        text: await file.text(),
        dryRun,
        mapping,
        saved: mapping === null ? own : null,
        saveAs: saveAs.trim() === '' || mapping === null ? null : saveAs.trim(),
      },
    })
    if (answer === undefined) return
    if (!dryRun) {
      props.onClose()
      return
    }
    setLooked(answer)
    setFresh(true)
    if (answer.profile === 'unknown') setMapping(guessed(answer.header, channel))
  }
  const restart = () => {
    setLooked(null)
    setMapping(null)
    setFresh(false)
    send.reset()
  }
  const looking = looked === null || !fresh || looked.profile === 'unknown'
  const complete =
    mapping === null || (mapping.columns.amount !== '' && (mapping.columns.day ?? mapping.columns.week) !== null)
  return (
    <Modal opened onClose={props.onClose} title={t('spendFile.title')} size="xl">
      <Stack gap="sm">
        <FileInput
          label={t('spendFile.file')}
          accept=".csv,.tsv,.txt,text/csv"
          value={file}
          onChange={(next) => {
            setFile(next)
            restart()
          }}
        />
        <Group grow align="flex-end">
          <Select
            label={t('spendFile.profile')}
            allowDeselect={false}
            value={profile}
            onChange={(value) => {
              setProfile(value ?? 'auto')
              restart()
            }}
            data={[
              {
                group: t('spendFile.platforms'),
                items: profiles.map((value) => ({ value, label: t(`spendFile.profile_${value}`) })),
              },
              ...((mappings.data?.items.length ?? 0) === 0
                ? []
                : [
                    {
                      group: t('spendFile.saved'),
                      items: (mappings.data?.items ?? []).map(({ name }) => ({
                        value: `${saved}${name}`,
                        label: name,
                      })),
                    },
                  ]),
            ]}
          />
          <Select
            label={t('spendFile.channel')}
            clearable
            searchable
            value={channel}
            onChange={(value) => {
              setChannel(value)
              setFresh(false)
              if (mapping !== null) setMapping({ ...mapping, channel: value })
            }}
            data={api.measurement.mediaChannels.map((value) => ({ value, label: words('media', value) }))}
          />
        </Group>
        {own === null ? null : (
          <Group justify="flex-end">
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              loading={forget.pending}
              onClick={() => {
                void forget.run({ body: { name: own } })
                setProfile('auto')
                restart()
              }}
            >
              {t('spendFile.forget', { name: own })}
            </Button>
          </Group>
        )}
        {looked === null ? null : mapping === null ? (
          <Group justify="space-between">
            <Text size="sm">
              {looked.saved === null
                ? t(`spendFile.profile_${looked.profile}`)
                : t('spendFile.usesSaved', { name: looked.saved })}
            </Text>
            <Button
              size="compact-sm"
              variant="subtle"
              onClick={() => {
                setMapping(looked.mapping ?? guessed(looked.header, channel))
                setSaveAs(looked.saved ?? '')
                setFresh(false)
              }}
            >
              {t('spendFile.assign')}
            </Button>
          </Group>
        ) : (
          <Assign
            looked={looked}
            mapping={mapping}
            onChange={(next) => {
              setMapping(next)
              setFresh(false)
            }}
          />
        )}
        {looked !== null && fresh && looked.profile !== 'unknown' ? <Preview looked={looked} /> : null}
        {mapping !== null && looked !== null && fresh && looked.profile === 'own' ? (
          <TextInput
            label={t('spendFile.saveAs')}
            description={t('spendFile.saveAsMeaning')}
            value={saveAs}
            maxLength={120}
            onChange={(event) => setSaveAs(event.currentTarget.value)}
          />
        ) : null}
        <DialogActions
          failure={send.failure}
          disabled={looking ? file === null || !complete : looked.taken === 0}
          pending={send.pending}
          confirm={t(looking ? 'spendFile.look' : 'spendFile.take')}
          onClose={props.onClose}
          onConfirm={() => void give(looking)}
        />
      </Stack>
    </Modal>
  )
}

const hints: { [field in (typeof fields)[number]]: RegExp } = {
  day: /^(day|date|tag|datum)|datum|date$/i,
  week: /week|woche|^kw/i,
  amount: /cost|spend|amount|betrag|kosten|netto|summe|ausgabe/i,
  channel: /channel|kanal|medium/i,
  campaign: /campaign|kampagne|motiv|titel|title/i,
  geo: /region|geo|land|ort/i,
  currency: /currency|währung/i,
  impressions: /impr|auflage|kontakte/i,
  clicks: /click|klick/i,
  reach: /reach|reichweite/i,
}

/** A first assignment by the words of the header; the reader corrects it. */
function guessed(header: string[], channel: string | null): Mapping {
  const find = (field: (typeof fields)[number]) => header.find((name) => name !== '' && hints[field].test(name)) ?? null
  return {
    ...nothing,
    channel,
    columns: {
      ...nothing.columns,
      day: find('day'),
      amount: find('amount') ?? '',
      channel: find('channel'),
      campaign: find('campaign'),
      currency: find('currency'),
    },
  }
}

/** Says which column is which, above the first lines of the file. */
function Assign(props: { looked: Looked; mapping: Mapping; onChange: (mapping: Mapping) => void }): ReactNode {
  const { t } = useTranslation()
  const { looked, mapping } = props
  const columns = [...new Set(looked.header.filter((name) => name !== ''))]
  return (
    <Stack gap="xs" data-testid="spend-assign">
      <Text size="sm" fw={600}>
        {t('spendFile.assignTitle')}
      </Text>
      <Table.ScrollContainer minWidth={400}>
        <Table fz="xs" verticalSpacing={2} withTableBorder aria-label={t('spendFile.sample')}>
          <Table.Thead>
            <Table.Tr>
              {looked.header.map((name, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: headers may repeat, their place is what they are
                <Table.Th key={index}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {looked.sample.map((row, line) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines of a file have no other name
              <Table.Tr key={line}>
                {row.map((cell, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: see above
                  <Table.Td key={index}>{cell}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <SimpleGrid cols={{ base: 2, sm: 3 }} spacing="xs">
        {fields.map((field) => (
          <Select
            key={field}
            size="xs"
            label={t(`spendFile.field_${field}`)}
            clearable={field !== 'amount'}
            searchable
            value={mapping.columns[field] || null}
            onChange={(value) =>
              props.onChange({
                ...mapping,
                columns: { ...mapping.columns, [field]: field === 'amount' ? (value ?? '') : value },
              })
            }
            data={columns}
          />
        ))}
        <Select
          size="xs"
          label={t('spendFile.decimal')}
          allowDeselect={false}
          value={mapping.decimal ?? 'auto'}
          onChange={(value) => props.onChange({ ...mapping, decimal: value === ',' || value === '.' ? value : null })}
          data={[
            { value: 'auto', label: t('spendFile.decimal_auto') },
            { value: ',', label: '1.234,56' },
            { value: '.', label: '1,234.56' },
          ]}
        />
        <Checkbox
          size="xs"
          mt={26}
          label={t('spendFile.dayFirst')}
          checked={mapping.dayFirst}
          onChange={(event) => props.onChange({ ...mapping, dayFirst: event.currentTarget.checked })}
        />
      </SimpleGrid>
    </Stack>
  )
}

/** What would be taken, before anything is. */
function Preview(props: { looked: Looked }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { currency } = useSession()
  const { looked } = props
  return (
    <Stack gap={4} data-testid="spend-looked">
      <Text size="sm">
        {t('spendFile.looked', {
          profile: looked.saved ?? t(`spendFile.profile_${looked.profile}`),
          taken: format.count(looked.taken),
          left: format.count(looked.left),
        })}
      </Text>
      <List size="sm">
        {looked.channels.map((row) => (
          <List.Item key={`${row.channel}${row.currency}`}>
            {words('media', row.channel)}: {format.money(row.amount, row.currency)}
          </List.Item>
        ))}
      </List>
      {looked.preview.length === 0 ? null : (
        <Table.ScrollContainer minWidth={400}>
          <Table fz="xs" verticalSpacing={2} aria-label={t('spendFile.preview')}>
            <Table.Tbody>
              {looked.preview.map((line) => (
                <Table.Tr key={`${line.day}${line.channel}${line.campaign}${line.geo}${line.currency}`}>
                  <Table.Td>
                    {line.days === 7 ? t('spendFile.weekOf', { day: format.date(line.day) }) : format.date(line.day)}
                  </Table.Td>
                  <Table.Td>{words('media', line.channel)}</Table.Td>
                  <Table.Td>{line.campaign}</Table.Td>
                  <Table.Td>{line.geo}</Table.Td>
                  <Table.Td ta="right">
                    {format.money(line.amount, line.currency === '' ? currency : line.currency)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {looked.rejected.slice(0, 10).map((row) => (
        <Text key={row.row} size="xs" c="red">
          {t('spendFile.row', { row: row.row })}: {row.reason}
        </Text>
      ))}
    </Stack>
  )
}
