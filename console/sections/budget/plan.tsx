import { type AnswerOf, api, minorDigits } from '@einklang/contract'
import { Button, Group, Modal, NumberInput, Progress, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DialogActions } from '../../kit/dialog-actions.tsx'
import { useFormat } from '../../kit/format.ts'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { useMay, useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Note } from '../measurement/note.tsx'
import { Calendar } from './calendar.tsx'

type Line = AnswerOf<typeof api.budget.plan>['lines'][number]

/** Planned against spent, with how much of the month has gone by. */
export function Plan(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const may = useMay()
  const [setting, setSetting] = useState(false)
  const plan = useAnswer(api.budget.plan, { query: {} })
  const columns = useMemo(
    (): Column<Line>[] => [
      { id: 'month', header: t('budget.month'), width: 120, sort: (row) => row.month, cell: (row) => row.month },
      {
        id: 'channel',
        header: t('measurement.channel'),
        sort: (row) => row.channel,
        cell: (row) => words('media', row.channel),
      },
      {
        id: 'planned',
        header: t('budget.planned'),
        width: 140,
        align: 'right',
        sort: (row) => row.amount,
        cell: (row) => (row.amount === 0 ? '–' : format.money(row.amount, row.currency)),
      },
      {
        id: 'spent',
        header: t('budget.spend'),
        width: 140,
        align: 'right',
        sort: (row) => row.spent,
        cell: (row) => format.money(row.spent, row.currency),
      },
      {
        id: 'used',
        header: t('budget.used'),
        width: 260,
        sort: (row) => row.used,
        cell: (row) =>
          row.used === null ? (
            '–'
          ) : (
            <>
              <Progress.Root size="lg" aria-label={format.percent(row.used)}>
                <Progress.Section value={Math.min(100, row.used * 100)} color={row.used > 1 ? 'red' : 'lagoon'} />
              </Progress.Root>
              <Text size="xs" c="dimmed">
                {t('budget.pace', { used: format.percent(row.used, 0), elapsed: format.percent(row.elapsed, 0) })}
              </Text>
              {row.alert === null ? null : (
                <Text size="xs" c="red" data-testid="pace-alert">
                  {t(`budget.alert_${row.alert}`, {
                    expected: row.expected === null ? '' : format.money(row.expected, row.currency),
                  })}
                </Text>
              )}
            </>
          ),
      },
    ],
    [t, format, words],
  )
  const add = may(api.budget.setPlan) ? (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setSetting(true)} data-testid="set-plan">
      {t('budget.setPlan')}
    </Button>
  ) : null
  return (
    <Stack>
      <Group justify="flex-end">{add}</Group>
      <Fetch
        of={plan}
        loading={<Loading rows={6} />}
        empty={(value) =>
          value.lines.length === 0 ? (
            <Empty title={t('budget.noPlan')} hint={t('budget.noPlanHint')} action={add} />
          ) : null
        }
      >
        {(value) => (
          <Stack>
            <Calendar lines={value.lines} />
            <DataTable
              label={t('budget.plan')}
              columns={columns}
              rows={value.lines}
              rowKey={(row) => `${row.month}${row.channel}${row.currency}`}
            />
            <Note note={value.note} />
          </Stack>
        )}
      </Fetch>
      {setting ? <Set onClose={() => setSetting(false)} /> : null}
    </Stack>
  )
}

function Set(props: { onClose: () => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { currency } = useSession()
  const [month, setMonth] = useState('')
  const [channel, setChannel] = useState<string | null>(null)
  const [amount, setAmount] = useState<number | string>('')
  const set = useDeed(api.budget.setPlan, { refresh: ['budget'], quiet: true, done: t('kit.saved') })
  async function save(): Promise<void> {
    if (channel === null) return
    const done = await set.run({
      body: { lines: [{ month, channel, amount: Math.round(Number(amount) * 10 ** minorDigits(currency)), currency }] },
    })
    if (done !== undefined) props.onClose()
  }
  return (
    <Modal opened onClose={props.onClose} title={t('budget.setPlan')}>
      <Stack gap="sm">
        <TextInput
          type="month"
          label={t('budget.month')}
          required
          value={month}
          onChange={(event) => setMonth(event.currentTarget.value)}
        />
        <Select
          label={t('measurement.channel')}
          required
          searchable
          value={channel}
          onChange={setChannel}
          data={api.measurement.mediaChannels.map((value) => ({ value, label: words('media', value) }))}
        />
        <NumberInput
          label={`${t('budget.planned')} (${currency})`}
          description={t('budget.zeroRemoves')}
          required
          min={0}
          decimalScale={2}
          value={amount}
          onChange={setAmount}
        />
        <DialogActions
          failure={set.failure}
          disabled={!/^\d{4}-\d{2}$/.test(month) || channel === null || amount === ''}
          pending={set.pending}
          confirm={t('kit.save')}
          onClose={props.onClose}
          onConfirm={() => void save()}
        />
      </Stack>
    </Modal>
  )
}
