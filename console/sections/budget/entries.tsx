import { type AnswerOf, api, minorDigits } from '@einklang/contract'
import { Badge, Button, Group, Modal, NumberInput, Select, Stack, Switch, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useDeed, usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { usePeriod } from '../measurement/period.ts'
import { SpendFile } from './spend-file.tsx'

type Entry = AnswerOf<typeof api.budget.entries>['items'][number]

/** The spend ledger: corrections are further lines. */
export function Entries(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [filters, change] = useFilters()
  const [adding, setAdding] = useState(false)
  const [reading, setReading] = useState(false)
  const period = usePeriod()
  const entries = usePages(api.budget.entries, {
    query: {
      ...period,
      limit: 100,
      replaced: filters.replaced === 'show' ? 'show' : 'hide',
      ...(filters.channel === undefined ? {} : { channel: filters.channel }),
    },
  })
  const columns = useMemo(
    (): Column<Entry>[] => [
      {
        id: 'day',
        header: t('budget.day'),
        width: 165,
        sort: (row) => row.day,
        cell: (row) => `${format.date(row.day)}${row.days > 1 ? ` (+${row.days - 1})` : ''}`,
      },
      {
        id: 'channel',
        header: t('measurement.channel'),
        width: 170,
        sort: (row) => row.channel,
        cell: (row) => words('media', row.channel),
      },
      {
        id: 'campaign',
        header: t('measurement.campaign'),
        sort: (row) => row.campaign,
        cell: (row) => row.campaign ?? '–',
      },
      { id: 'geo', header: t('budget.geo'), width: 120, sort: (row) => row.geo, cell: (row) => row.geo ?? '–' },
      {
        id: 'amount',
        header: t('budget.spend'),
        width: 140,
        align: 'right',
        sort: (row) => row.amount,
        cell: (row) => format.money(row.amount, row.currency),
      },
      {
        id: 'origin',
        header: t('budget.origin'),
        width: 220,
        cell: (row) => (
          <Group gap={4}>
            {row.origin}
            {row.replaced ? (
              <Badge size="xs" variant="light" color="gray" tt="none">
                {t('budget.replaced')}
              </Badge>
            ) : null}
          </Group>
        ),
      },
      {
        id: 'at',
        header: t('budget.recorded'),
        width: 172,
        sort: (row) => row.recordedAt,
        cell: (row) => <DateTime at={row.recordedAt} />,
      },
    ],
    [t, format, words],
  )
  return (
    <Stack>
      <Group justify="space-between">
        <Switch
          label={t('budget.showReplaced')}
          checked={filters.replaced === 'show'}
          onChange={(event) => change({ replaced: event.currentTarget.checked ? 'show' : undefined })}
        />
        <Group gap="xs">
          {may(api.budget.importSpend) ? (
            <Button variant="default" onClick={() => setReading(true)} data-testid="read-spend">
              {t('spendFile.open')}
            </Button>
          ) : null}
          {may(api.budget.addEntry) ? (
            <Button
              leftSection={<IconPlus size={16} aria-hidden />}
              onClick={() => setAdding(true)}
              data-testid="add-spend"
            >
              {t('budget.add')}
            </Button>
          ) : null}
        </Group>
      </Group>
      <Fetch
        of={entries}
        loading={<Loading rows={8} />}
        empty={(rows) => (rows.length === 0 ? <Empty title={t('budget.none')} hint={t('budget.noneHint')} /> : null)}
      >
        {(rows) => (
          <DataTable
            testid="spend-entries"
            label={t('budget.entries')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            more={entries.more}
            onEnd={entries.onEnd}
          />
        )}
      </Fetch>
      {reading ? <SpendFile onClose={() => setReading(false)} /> : null}
      {adding ? <Add onClose={() => setAdding(false)} /> : null}
    </Stack>
  )
}

function Add(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { currency } = useSession()
  const [day, setDay] = useState('')
  const [days, setDays] = useState<'1' | '7'>('1')
  const [channel, setChannel] = useState<string | null>(null)
  const [campaign, setCampaign] = useState('')
  const [amount, setAmount] = useState<number | string>('')
  const [impressions, setImpressions] = useState<number | string>('')
  const [reach, setReach] = useState<number | string>('')
  const add = useDeed(api.budget.addEntry, { refresh: ['budget'], quiet: true, done: t('kit.saved') })
  async function save(): Promise<void> {
    if (channel === null) return
    const done = await add.run({
      body: {
        day,
        days: days === '7' ? 7 : 1,
        channel,
        campaign: campaign.trim() === '' ? null : campaign.trim(),
        amount: Math.round(Number(amount) * 10 ** minorDigits(currency)),
        currency,
        impressions: impressions === '' ? null : Number(impressions),
        reach: reach === '' ? null : Number(reach),
      },
    })
    if (done !== undefined) props.onClose()
  }
  return (
    <Modal opened onClose={props.onClose} title={t('budget.add')}>
      <Stack gap="sm">
        <Group grow>
          <TextInput
            type="date"
            label={t('budget.day')}
            required
            value={day}
            onChange={(event) => setDay(event.currentTarget.value)}
          />
          <Select
            label={t('budget.covers')}
            allowDeselect={false}
            value={days}
            onChange={(value) => setDays(value === '7' ? '7' : '1')}
            data={[
              { value: '1', label: t('budget.oneDay') },
              { value: '7', label: t('budget.oneWeek') },
            ]}
          />
        </Group>
        <Select
          label={t('measurement.channel')}
          required
          searchable
          value={channel}
          onChange={setChannel}
          data={api.measurement.mediaChannels.map((value) => ({ value, label: words('media', value) }))}
        />
        <TextInput
          label={t('measurement.campaign')}
          value={campaign}
          onChange={(event) => setCampaign(event.currentTarget.value)}
        />
        <NumberInput
          label={`${t('budget.spend')} (${currency})`}
          required
          min={0}
          decimalScale={2}
          value={amount}
          onChange={setAmount}
        />
        <Group grow align="flex-start">
          <NumberInput
            label={t('reach.contacts')}
            description={t('budget.contactsMeaning')}
            min={0}
            decimalScale={0}
            value={impressions}
            onChange={setImpressions}
          />
          <NumberInput
            label={t('reach.persons')}
            description={t('budget.personsMeaning')}
            min={0}
            decimalScale={0}
            value={reach}
            onChange={setReach}
          />
        </Group>
        <DialogActions
          failure={add.failure}
          disabled={day === '' || channel === null || amount === ''}
          pending={add.pending}
          confirm={t('kit.save')}
          onClose={props.onClose}
          onConfirm={() => void save()}
        />
      </Stack>
    </Modal>
  )
}
