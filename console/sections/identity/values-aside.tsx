import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { usePages } from '../../shell/api.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useNames } from '../../shell/names.ts'
import { useWords } from '../../shell/words.ts'
import { MarkValue } from '../profile/mark-value.tsx'

type Value = AnswerOf<typeof api.identity.values>['items'][number]

/** Values that name nobody, why, and the way back. */
export function ValuesAside(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const values = usePages(api.identity.values, { query: { limit: 50 } })
  const nameOf = useNames((values.data ?? []).map(({ person }) => person))
  const columns: Column<Value>[] = [
    {
      id: 'value',
      header: t('identity.value'),
      cell: (row) => (
        <>
          <Text size="xs" c="dimmed">
            {words('namespace', row.namespace)}
          </Text>
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {row.value}
          </Text>
        </>
      ),
    },
    {
      id: 'as',
      header: t('identity.asideAs'),
      cell: (row) => (
        <>
          <Badge variant="light" color={row.as === 'household_card' ? 'grape' : 'orange'} tt="none">
            {words('identifierMark', row.as)}
          </Badge>
          <Text size="xs" c="dimmed" mt={2}>
            {row.said
              ? [row.actor?.replace(/^\w+:/, ''), row.reason].filter(Boolean).join(': ')
              : t('identity.asideNoticed')}
          </Text>
        </>
      ),
    },
    {
      id: 'person',
      header: t('identity.asideOf'),
      cell: (row) =>
        row.person === null ? (
          '–'
        ) : (
          <PersonLink person={row.person} name={nameOf(row.person) ?? t('person.anonymous')} />
        ),
    },
    { id: 'seen', header: t('person.lastSeen'), width: 130, cell: (row) => <DateTime at={row.lastSeenAt} day /> },
    {
      id: 'deeds',
      header: '',
      width: 140,
      cell: (row) => (
        <MarkValue
          row={{
            ...row,
            class: /^(?:user_id|customer_no|loyalty_card)/.test(row.namespace) ? 'strong' : 'other',
            status: row.as === 'blocked' ? 'blocked' : 'shared',
            marked: row.said ? row.as : null,
          }}
        />
      ),
    },
  ]
  return (
    <Fetch
      of={values}
      loading={<Loading rows={4} height={44} />}
      empty={(rows) =>
        rows.length === 0 ? <Empty title={t('identity.nothingAside')} hint={t('identity.nothingAsideHint')} /> : null
      }
    >
      {(rows) => (
        <DataTable
          label={t('identity.aside')}
          columns={columns}
          rows={rows}
          rowKey={(row) => `${row.namespace} ${row.value}`}
          onEnd={values.onEnd}
          more={values.more}
          testid="values-aside"
        />
      )}
    </Fetch>
  )
}
