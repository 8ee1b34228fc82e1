import { type AnswerOf, api, type InputOf, minorDigits } from '@einklang/contract'
import {
  ActionIcon,
  Button,
  FileInput,
  List,
  Modal,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../../kit/confirm.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useDeed, usePages } from '../../shell/api.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { usePeriod } from '../measurement/period.ts'

type Line = AnswerOf<typeof api.budget.mediaLines>['items'][number]
type Draft = InputOf<typeof api.budget.setMediaLine>['body']

/** Vehicles and campaigns with what was planned, booked and aired. */
export function MediaPlan(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const period = usePeriod()
  const [editing, setEditing] = useState<Line | 'new' | null>(null)
  const [reading, setReading] = useState(false)
  const [removing, setRemoving] = useState<Line | null>(null)
  const lines = usePages(api.budget.mediaLines, { query: { ...period, limit: 100 } })
  const remove = useDeed(api.budget.removeMediaLine, { refresh: ['budget'], done: t('mediaPlan.removed') })
  const mayWrite = may(api.budget.setMediaLine)
  const columns = useMemo(
    (): Column<Line>[] => [
      {
        id: 'starts',
        header: t('mediaPlan.days'),
        width: 215,
        sort: (row) => row.starts,
        cell: (row) =>
          row.starts === row.ends ? format.date(row.starts) : `${format.date(row.starts)} – ${format.date(row.ends)}`,
      },
      {
        id: 'vehicle',
        header: t('mediaPlan.vehicle'),
        sort: (row) => row.vehicle || row.campaign,
        cell: (row) => (
          <>
            {row.vehicle || row.campaign || words('media', row.channel)}
            <Text size="xs" c="dimmed" truncate>
              {[words('media', row.channel), row.vehicle === '' ? '' : row.campaign, row.geo]
                .filter((part) => part !== '')
                .join(' · ')}
            </Text>
          </>
        ),
      },
      {
        id: 'reach',
        header: t('mediaPlan.reachOf'),
        width: 150,
        align: 'right',
        cell: (row) =>
          row.reachOfOne === null
            ? '–'
            : `${format.percent(row.reachOfOne)} / ${row.reachOfTwo === null ? '–' : format.percent(row.reachOfTwo)}`,
      },
      {
        id: 'insertions',
        header: t('mediaPlan.insertions'),
        width: 190,
        align: 'right',
        cell: (row) =>
          [row.insertions, row.booked, row.aired].every((count) => count === null)
            ? '–'
            : [row.insertions, row.booked, row.aired]
                .map((count) => (count === null ? '–' : format.count(count)))
                .join(' / '),
      },
      {
        id: 'persons',
        header: t('mediaPlan.persons'),
        width: 170,
        align: 'right',
        cell: (row) =>
          row.plannedReach === null && row.reached === null
            ? '–'
            : [row.plannedReach, row.reached].map((count) => (count === null ? '–' : format.short(count))).join(' / '),
      },
      {
        id: 'cost',
        header: t('mediaPlan.cost'),
        width: 145,
        align: 'right',
        sort: (row) => row.cost,
        cell: (row) => (row.cost === null || row.currency === null ? '–' : format.wholeMoney(row.cost, row.currency)),
      },
      {
        id: 'remove',
        header: '',
        width: 56,
        cell: (row) =>
          mayWrite ? (
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t('mediaPlan.remove', { name: row.vehicle || row.campaign || words('media', row.channel) })}
              onClick={(event) => {
                event.stopPropagation()
                setRemoving(row)
              }}
            >
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          ) : null,
      },
    ],
    [t, format, words, mayWrite],
  )
  return (
    <Panel
      title={t('mediaPlan.title')}
      definition={t('mediaPlan.meaning')}
      testid="media-plan"
      actions={
        mayWrite ? (
          <>
            <Button size="xs" variant="default" onClick={() => setReading(true)} data-testid="read-media">
              {t('mediaPlan.read')}
            </Button>
            <Button
              size="xs"
              leftSection={<IconPlus size={14} aria-hidden />}
              onClick={() => setEditing('new')}
              data-testid="add-media"
            >
              {t('mediaPlan.add')}
            </Button>
          </>
        ) : null
      }
    >
      <Fetch
        of={lines}
        loading={<Loading rows={3} height={40} />}
        empty={(rows) =>
          rows.length === 0 ? <Empty title={t('mediaPlan.none')} hint={t('mediaPlan.noneHint')} /> : null
        }
      >
        {(rows) => (
          <DataTable
            testid="media-lines"
            label={t('mediaPlan.title')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            more={lines.more}
            onEnd={lines.onEnd}
            onOpen={mayWrite ? setEditing : undefined}
            height={360}
          />
        )}
      </Fetch>
      {editing === null ? null : <Edit line={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {reading ? <ReadFile onClose={() => setReading(false)} /> : null}
      <Confirm
        opened={removing !== null}
        title={t('mediaPlan.removeTitle')}
        text={t('mediaPlan.removeText')}
        confirm={t('mediaPlan.removeIt')}
        danger
        pending={remove.pending}
        onClose={() => setRemoving(null)}
        onConfirm={() => {
          if (removing !== null) void remove.run({ params: { line: removing.id } })
          setRemoving(null)
        }}
      />
    </Panel>
  )
}

const numbers = [
  'population',
  'insertions',
  'booked',
  'aired',
  'plannedContacts',
  'plannedReach',
  'contacts',
  'reached',
] as const
type Typed = { [field in (typeof numbers)[number] | 'ofOne' | 'ofTwo' | 'cost']: number | string }

function Edit(props: { line: Line | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { currency: houseCurrency } = useSession()
  const { line } = props
  const currency = line?.currency ?? houseCurrency
  const unit = 10 ** minorDigits(currency)
  const [texts, setTexts] = useState({
    starts: line?.starts ?? '',
    ends: line?.ends ?? '',
    campaign: line?.campaign ?? '',
    vehicle: line?.vehicle ?? '',
    geo: line?.geo ?? '',
  })
  const [channel, setChannel] = useState<string | null>(line?.channel ?? null)
  const [figures, setFigures] = useState<Typed>({
    ...(Object.fromEntries(numbers.map((field) => [field, line?.[field] ?? ''])) as {
      [field in (typeof numbers)[number]]: number | string
    }),
    ofOne: line?.reachOfOne == null ? '' : line.reachOfOne * 100,
    ofTwo: line?.reachOfTwo == null ? '' : line.reachOfTwo * 100,
    cost: line?.cost == null ? '' : line.cost / unit,
  })
  const set = useDeed(api.budget.setMediaLine, { refresh: ['budget'], quiet: true, done: t('kit.saved') })
  const number = (field: keyof Typed): number | null => (figures[field] === '' ? null : Number(figures[field]))
  async function save(): Promise<void> {
    if (channel === null) return
    const [one, two, cost] = [number('ofOne'), number('ofTwo'), number('cost')]
    const body: Draft = {
      ...texts,
      ends: texts.ends === '' ? texts.starts : texts.ends,
      channel,
      ...(Object.fromEntries(numbers.map((field) => [field, number(field)])) as {
        [field in (typeof numbers)[number]]: number | null
      }),
      reachOfOne: one === null ? null : one / 100,
      reachOfTwo: two === null ? null : two / 100,
      cost: cost === null ? null : Math.round(cost * unit),
      currency: cost === null ? null : currency,
    }
    if ((await set.run({ body })) !== undefined) props.onClose()
  }
  const text = (field: keyof typeof texts, more: { type?: string; required?: boolean; disabled?: boolean } = {}) => (
    <TextInput
      {...more}
      label={t(`mediaPlan.field_${field}`)}
      value={texts[field]}
      onChange={(event) => setTexts({ ...texts, [field]: event.currentTarget.value })}
    />
  )
  const figure = (field: keyof Typed, more: { suffix?: string; decimalScale?: number; description?: string } = {}) => (
    <NumberInput
      decimalScale={0}
      {...more}
      label={t(`mediaPlan.field_${field}`, { currency })}
      min={0}
      thousandSeparator={t('reach.thousands')}
      decimalSeparator={t('reach.decimals')}
      value={figures[field]}
      onChange={(value) => setFigures({ ...figures, [field]: value })}
    />
  )
  // What names a line cannot be changed on it: that would be another line.
  const named = line !== null
  return (
    <Modal opened onClose={props.onClose} title={t(named ? 'mediaPlan.edit' : 'mediaPlan.add')} size="lg">
      <Stack gap="sm">
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <Select
            label={t('measurement.channel')}
            required
            searchable
            disabled={named}
            value={channel}
            onChange={setChannel}
            data={[...new Set([...api.measurement.mediaChannels, ...(channel === null ? [] : [channel])])].map(
              (value) => ({
                value,
                label: words('media', value),
              }),
            )}
          />
          {text('vehicle', { disabled: named })}
          {text('starts', { type: 'date', required: true, disabled: named })}
          {text('ends', { type: 'date', disabled: named })}
          {text('campaign', { disabled: named })}
          {text('geo', { disabled: named })}
        </SimpleGrid>
        <Text size="sm" fw={600}>
          {t('mediaPlan.byTable')}
        </Text>
        <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
          {figure('population')}
          {figure('ofOne', { suffix: ' %', decimalScale: 2 })}
          {figure('ofTwo', { suffix: ' %', decimalScale: 2 })}
          {figure('insertions')}
          {figure('booked')}
          {figure('aired')}
        </SimpleGrid>
        <Text size="sm" fw={600}>
          {t('mediaPlan.asTold')}
        </Text>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          {figure('plannedContacts')}
          {figure('contacts')}
          {figure('plannedReach')}
          {figure('reached')}
          {figure('cost', { decimalScale: 2 })}
        </SimpleGrid>
        {named ? (
          <Text size="xs" c="dimmed">
            {t('mediaPlan.emptyStays')}
          </Text>
        ) : null}
        <DialogActions
          failure={set.failure}
          disabled={channel === null || texts.starts === ''}
          pending={set.pending}
          confirm={t('kit.save')}
          onClose={props.onClose}
          onConfirm={() => void save()}
        />
      </Stack>
    </Modal>
  )
}

/** A media plan or spot log of an agency: look first, then take. */
function ReadFile(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const [file, setFile] = useState<File | null>(null)
  const [channel, setChannel] = useState<string | null>(null)
  const [looked, setLooked] = useState<AnswerOf<typeof api.budget.importMedia> | null>(null)
  const send = useDeed(api.budget.importMedia, { refresh: ['budget'], quiet: true })
  async function give(dryRun: boolean): Promise<void> {
    if (file === null) return
    const answer = await send.run({ body: { text: await file.text(), channel, dryRun } })
    if (answer === undefined) return
    if (dryRun) setLooked(answer)
    else props.onClose()
  }
  const restart = () => {
    setLooked(null)
    send.reset()
  }
  return (
    <Modal opened onClose={props.onClose} title={t('mediaPlan.read')} size="lg">
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t('mediaPlan.readHint')}
        </Text>
        <FileInput
          label={t('spendFile.file')}
          accept=".csv,.tsv,.txt,text/csv"
          value={file}
          onChange={(next) => {
            setFile(next)
            restart()
          }}
        />
        <Select
          label={t('spendFile.channel')}
          clearable
          searchable
          value={channel}
          onChange={(value) => {
            setChannel(value)
            restart()
          }}
          data={api.measurement.mediaChannels.map((value) => ({ value, label: words('media', value) }))}
        />
        {looked === null ? null : (
          <Stack gap={4} data-testid="media-looked">
            <Text size="sm">{t('mediaPlan.looked', { count: looked.taken, shown: format.count(looked.taken) })}</Text>
            <Text size="xs" c="dimmed">
              {looked.columns.map(({ column }) => column).join(' · ')}
            </Text>
            <List size="sm">
              {looked.preview.map((line) => (
                <List.Item key={JSON.stringify(line)}>
                  {[
                    format.date(line.starts),
                    words('media', line.channel),
                    line.vehicle,
                    line.geo,
                    line.insertions === null ? '' : `${format.count(line.insertions)}×`,
                    line.aired === null ? '' : t('mediaPlan.airedOf', { count: line.aired }),
                  ]
                    .filter((part) => part !== '')
                    .join(' · ')}
                </List.Item>
              ))}
            </List>
            {looked.rejected.slice(0, 10).map((row) => (
              <Text key={`${row.row} ${row.column}`} size="xs" c="red">
                {t('spendFile.row', { row: row.row })}
                {row.column === null ? '' : `, ${row.column}`}: {row.reason}
              </Text>
            ))}
          </Stack>
        )}
        <DialogActions
          failure={send.failure}
          disabled={file === null || looked?.taken === 0}
          pending={send.pending}
          confirm={t(looked === null ? 'spendFile.look' : 'spendFile.take')}
          onClose={props.onClose}
          onConfirm={() => void give(looked === null)}
        />
      </Stack>
    </Modal>
  )
}
