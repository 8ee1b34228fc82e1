import { api } from '@einklang/contract'
import { Badge, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { AddButton } from '../../kit/add-button.tsx'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { Sparkline } from '../../kit/sparkline.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useSaid, useWords } from '../../shell/words.ts'

type Row = (typeof api.audience.list)['answer']['_zod']['output']['items'][number]

export function Audiences(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const said = useSaid()
  const may = useMay()
  const navigate = useNavigate()
  const list = useAnswer(api.audience.list)
  useLiveAnswers(['audience', 'ingest'])
  const persons = list.data?.persons ?? 0
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: 'name',
        header: t('audience.name'),
        sort: (row) => row.name.toLowerCase(),
        cell: (row) => (
          <Stack gap={0} py={2}>
            <ScreenLink to="/audience/$audience" params={{ audience: row.audience }} fw={550}>
              {row.name}
            </ScreenLink>
            <Text size="xs" c="dimmed" lineClamp={2}>
              {said(row.sentence)}
            </Text>
          </Stack>
        ),
      },
      {
        id: 'size',
        header: t('audience.size'),
        width: 172,
        align: 'right',
        sort: (row) => row.size,
        cell: (row) => (
          <>
            <Text size="sm" fw={600}>
              {row.building ? <Badge variant="light">{t('audience.building')}</Badge> : format.count(row.size)}
            </Text>
            <Text size="xs" c="dimmed">
              {persons === 0 ? '' : format.percent(row.size / persons)}
            </Text>
          </>
        ),
      },
      {
        id: 'trend',
        header: t('audience.trend'),
        width: 130,
        cell: (row) =>
          row.history.length < 2 ? '–' : <Sparkline label={row.name} values={row.history.map((point) => point.size)} />,
      },
      {
        id: 'moved',
        header: t('audience.moved'),
        width: 130,
        align: 'right',
        sort: (row) => row.entered - row.left,
        cell: (row) => `+${format.count(row.entered)} / −${format.count(row.left)}`,
      },
      { id: 'purpose', header: t('consent.purpose'), width: 170, cell: (row) => words('purpose', row.purpose) },
      {
        id: 'updated',
        header: t('audience.updated'),
        width: 172,
        sort: (row) => row.updatedAt,
        cell: (row) => <DateTime at={row.updatedAt} />,
      },
    ],
    [t, format, words, said, persons],
  )
  const create = may(api.audience.create) ? (
    <AddButton
      label={t('audience.new')}
      testid="new-audience"
      onClick={() => void navigate({ to: '/audience/$audience', params: { audience: 'new' } })}
    />
  ) : null
  return (
    <Page title={t('nav.audience')} hint={t('hint.audience')} actions={create}>
      <Fetch
        of={list}
        loading={<Loading rows={8} height={48} />}
        empty={(value) =>
          value.items.length === 0 ? (
            <Empty title={t('audience.none')} hint={t('audience.noneHint')} action={create} />
          ) : null
        }
      >
        {(value) => (
          <DataTable
            testid="audiences"
            label={t('nav.audience')}
            columns={columns}
            rows={value.items}
            rowKey={(row) => row.audience}
            sorted={{ id: 'size', desc: true }}
            onOpen={(row) => void navigate({ to: '/audience/$audience', params: { audience: row.audience } })}
          />
        )}
      </Fetch>
    </Page>
  )
}
