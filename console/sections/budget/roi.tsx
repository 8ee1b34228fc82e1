import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Button, Stack, Text } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { csvOf, saveCsv } from '../../kit/csv.ts'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useSession } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Note } from '../measurement/note.tsx'
import { usePeriod } from '../measurement/period.ts'

type Answer = AnswerOf<typeof api.budget.roi>
type Row = Answer['rows'][number]

/** What each channel and campaign earned after goods and spend; where each increment comes from is said. */
export function Roi(): ReactNode {
  const { t } = useTranslation()
  const period = usePeriod()
  const answer = useAnswer(api.budget.roi, { query: period }, { keep: true })
  return (
    <Fetch
      of={answer}
      loading={<Loading rows={8} height={40} />}
      empty={(value) =>
        value.rows.length === 0 ? <Empty title={t('budget.none')} hint={t('budget.noneHint')} /> : null
      }
    >
      {(value) => <Table answer={value} />}
    </Fetch>
  )
}

function Table(props: { answer: Answer }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { currency: houseCurrency } = useSession()
  const { answer } = props
  const currency = answer.note.currency ?? houseCurrency
  const columns = useMemo((): Column<Row>[] => {
    const money = (value: number | null): string => (value === null ? '–' : format.money(value, currency))
    return [
      {
        id: 'channel',
        header: t('roi.what'),
        sort: (row) => `${row.channel} ${row.campaign ?? ''}`,
        cell: (row) => (
          <>
            {row.campaign ?? <b>{words('media', row.channel)}</b>}
            {row.campaign === null ? null : (
              <Text size="xs" c="dimmed">
                {words('media', row.channel)}
              </Text>
            )}
          </>
        ),
      },
      {
        id: 'spend',
        header: t('budget.spend'),
        width: 130,
        align: 'right',
        sort: (row) => row.spend,
        cell: (row) => money(row.spend),
      },
      {
        id: 'increment',
        header: t('roi.increment'),
        width: 190,
        align: 'right',
        sort: (row) => row.increment,
        cell: (row) => (
          <>
            {money(row.increment)}
            {row.incrementLow === null ? null : (
              <Text size="xs" c="dimmed">
                {money(row.incrementLow)} – {money(row.incrementHigh)}
              </Text>
            )}
          </>
        ),
      },
      {
        id: 'source',
        header: t('roi.source'),
        width: 170,
        sort: (row) => row.source,
        cell: (row) => (
          <Badge size="sm" tt="none" variant="light" color={row.source === 'attribution' ? 'yellow' : 'teal'}>
            {t(`roi.source_${row.source}`)}
          </Badge>
        ),
      },
      {
        id: 'profit',
        header: t('roi.profit'),
        width: 140,
        align: 'right',
        sort: (row) => row.profit,
        cell: (row) => money(row.profit),
      },
      {
        id: 'roi',
        header: 'ROI',
        width: 150,
        align: 'right',
        sort: (row) => row.roi,
        cell: (row) =>
          row.roi === null ? (
            '–'
          ) : (
            <>
              {format.percent(row.roi, 0)}
              {row.roiLow === null || row.roiHigh === null ? null : (
                <Text size="xs" c="dimmed">
                  {format.percent(row.roiLow, 0)} – {format.percent(row.roiHigh, 0)}
                </Text>
              )}
            </>
          ),
      },
      {
        id: 'marginal',
        header: t('roi.marginal'),
        width: 150,
        align: 'right',
        sort: (row) => row.marginalRoi,
        cell: (row) => (row.marginalRoi === null ? '–' : format.percent(row.marginalRoi, 0)),
      },
    ]
  }, [t, format, words, currency])
  function save(): void {
    const csv = csvOf(
      [
        'channel',
        'campaign',
        'spend',
        'increment',
        'increment_low',
        'increment_high',
        'source',
        'profit',
        'roi',
        'marginal_roi',
      ],
      answer.rows.map((row) => [
        row.channel,
        row.campaign,
        row.spend / 100,
        row.increment === null ? null : row.increment / 100,
        row.incrementLow === null ? null : row.incrementLow / 100,
        row.incrementHigh === null ? null : row.incrementHigh / 100,
        row.source,
        row.profit === null ? null : row.profit / 100,
        row.roi,
        row.marginalRoi,
      ]),
    )
    saveCsv('einklang-roi.csv', csv)
  }
  return (
    <Stack>
      <Panel
        title={t('roi.title')}
        definition={t('roi.meaning')}
        testid="roi"
        actions={
          <Button size="xs" variant="default" onClick={save}>
            CSV
          </Button>
        }
      >
        <Text size="sm" mb="sm">
          {answer.margin === null
            ? t('roi.noMargin')
            : t('roi.margin', {
                margin: format.percent(answer.margin),
                covered: format.percent(answer.marginCovers, 0),
              })}
        </Text>
        <DataTable
          label={t('roi.title')}
          columns={columns}
          rows={answer.rows}
          rowKey={(row) => `${row.channel}/${row.campaign ?? ''}`}
          sorted={{ id: 'spend', desc: true }}
        />
      </Panel>
      <Note note={answer.note} period={answer.period} />
    </Stack>
  )
}
