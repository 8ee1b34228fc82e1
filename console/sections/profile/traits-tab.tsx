import type { Json } from '@einklang/contract'
import { Badge, Text } from '@mantine/core'
import { type ReactNode, useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty } from '../../kit/states.tsx'
import { useWords } from '../../shell/words.ts'
import type { PersonView } from './person.tsx'

type Trait = PersonView['traits'][number]

function shown(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The other statements, one line per value. */
function alsoSaid(trait: Trait): { value: string; sources: string[]; same: boolean }[] {
  const holds = shown(trait.value)
  return [...Map.groupBy(trait.others, (other) => shown(other.value))].map(([value, said]) => ({
    value,
    sources: [...new Set(said.map((other) => other.sourceName ?? '–'))],
    same: value === holds,
  }))
}

/** What holds, who said it, and what else was said. */
export function TraitsTab(props: { traits: Trait[] }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const dated = useCallback(
    (text: string) => (/^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$/.test(text) ? format.date(text) : text),
    [format],
  )
  const columns = useMemo(
    (): Column<Trait>[] => [
      {
        id: 'name',
        header: t('trait.name'),
        width: 130,
        sort: (row) => row.name,
        cell: (row) => words('trait', row.name),
      },
      {
        id: 'value',
        header: t('trait.value'),
        cell: (row) => (
          <>
            <Text size="sm" fw={550} style={{ overflowWrap: 'anywhere' }}>
              {dated(shown(row.value))}
            </Text>
            {row.failedSince === null ? null : (
              <Text size="xs" c="orange" data-testid="trait-failed">
                {t('trait.failed', { since: format.date(row.failedSince) })}
              </Text>
            )}
            {row.lastKnownGood === null ? null : (
              <Text size="xs" fw={550} data-testid="trait-good">
                {t('trait.lastKnownGood', {
                  value: shown(row.lastKnownGood.value),
                  at: format.date(row.lastKnownGood.at),
                })}
              </Text>
            )}
            {alsoSaid(row).map(({ value, sources, same }) => (
              <Text key={value} size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                {same
                  ? t('trait.agree', { sources: sources.join(', ') })
                  : t('trait.other', { value: dated(value), source: sources.join(', ') })}
              </Text>
            ))}
          </>
        ),
      },
      {
        id: 'source',
        header: t('trait.source'),
        width: 140,
        sort: (row) => row.sourceName,
        cell: (row) => row.sourceName ?? '–',
      },
      {
        id: 'trust',
        header: t('identity.trust'),
        width: 105,
        cell: (row) => (
          <Badge variant="light" color={row.trust === 'verified' ? 'teal' : 'gray'} tt="none">
            {words('trust', row.trust)}
          </Badge>
        ),
      },
      {
        id: 'at',
        header: t('trait.at'),
        width: 120,
        sort: (row) => row.at,
        cell: (row) => <DateTime at={row.at} day />,
      },
    ],
    [t, words, format, dated],
  )
  return (
    <Panel title={t('person.tab.traits')} definition={t('trait.meaning')} testid="traits">
      {props.traits.length === 0 ? (
        <Empty title={t('trait.none')} />
      ) : (
        <DataTable
          label={t('person.tab.traits')}
          columns={columns}
          rows={props.traits}
          rowKey={(row) => row.name}
          height={560}
        />
      )}
    </Panel>
  )
}
