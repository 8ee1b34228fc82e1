import { api } from '@einklang/contract'
import { Badge, Group, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../../kit/data-table.tsx'
import { Ago, DateTime } from '../../kit/figures.tsx'
import { FilterBar } from '../../kit/filter-bar.tsx'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { nameOf } from '../../kit/person.ts'
import { Empty, Fetch, Loading } from '../../kit/states.tsx'
import { usePages } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { PersonLink, ScreenLink } from '../../shell/link.tsx'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'
import { Counter } from './counter.tsx'

type Found = (typeof api.profile.search)['answer']['_zod']['output']['items'][number]

/** Whoever may search lists customers; staff of a store find one by what the customer shows. */
export function Customers(): ReactNode {
  return useMay()(api.profile.search) ? <Search /> : <Counter />
}

/** Found while typing; the question stands in the address. */
function Search(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const navigate = useNavigate()
  useLiveAnswers(['identity', 'profile'])
  const [filters, change] = useFilters()
  const [text, setText] = useState(filters.q ?? '')
  const [wanted] = useDebouncedValue(text, 150)
  useEffect(() => {
    if (wanted !== (filters.q ?? '')) change({ q: wanted })
    // Only typing moves the address; the way back is below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wanted])
  useEffect(() => setText((now) => (filters.q === undefined && now === '' ? now : (filters.q ?? ''))), [filters.q])

  const found = usePages(api.profile.search, {
    query: {
      q: filters.q ?? '',
      limit: 100,
      kind: (filters.kind ?? 'known') as 'known',
      order: (filters.order ?? 'best') as 'best',
      ...(filters.channel === undefined ? {} : { channel: filters.channel as 'email' }),
      ...(filters.city === undefined ? {} : { city: filters.city }),
    },
  })
  const columns = useMemo(
    (): Column<Found>[] => [
      {
        id: 'name',
        header: t('person.name'),
        cell: (row) => (
          <Group gap={6} wrap="nowrap">
            <PersonLink person={row.person} name={nameOf(row, t('person.anonymous'))} />
            {row.matched === null || filters.q === undefined ? null : (
              <Badge size="xs" variant="light" color="gray" tt="none">
                {words('matched', row.matched)}
              </Badge>
            )}
          </Group>
        ),
        sort: (row) => nameOf(row, '').toLowerCase(),
      },
      {
        id: 'email',
        header: t('person.email'),
        cell: (row) => row.email ?? '–',
        sort: (row) => row.email,
        width: 180,
      },
      { id: 'phone', header: t('person.phone'), cell: (row) => row.phone ?? '–', width: 152 },
      {
        id: 'city',
        header: t('person.city'),
        cell: (row) => [row.postalCode, row.city].filter(Boolean).join(' ') || '–',
        sort: (row) => row.city,
        width: 144,
      },
      { id: 'card', header: t('person.card'), cell: (row) => row.loyaltyCard ?? '–', width: 142 },
      {
        id: 'first',
        header: t('person.firstSeen'),
        cell: (row) => <DateTime at={row.firstSeen} day />,
        sort: (row) => row.firstSeen,
        width: 112,
      },
      {
        id: 'last',
        header: t('person.lastSeen'),
        cell: (row) => <Ago at={row.lastSeen} />,
        sort: (row) => row.lastSeen,
        width: 140,
      },
    ],
    [t, words, filters.q],
  )
  const total = found.first?.total
  return (
    <Page
      title={t('nav.profile')}
      hint={t('hint.profile')}
      actions={<ScreenLink to="/identity">{t('identity.title')}</ScreenLink>}
    >
      <TextInput
        size="md"
        type="search"
        autoFocus
        aria-label={t('person.search')}
        placeholder={t('person.search')}
        leftSection={<IconSearch size={18} aria-hidden />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        data-testid="customer-search"
      />
      <FilterBar
        values={filters}
        onChange={change}
        fields={[
          {
            name: 'kind',
            label: t('person.kind'),
            kind: 'choice',
            usual: words('personKind', 'known'),
            options: (['known', 'anonymous', 'all'] as const).map((value) => ({
              value,
              label: words('personKind', value),
            })),
          },
          {
            name: 'channel',
            label: t('person.reachableBy'),
            kind: 'choice',
            options: ['email', 'sms', 'push', 'letter', 'phone'].map((value) => ({
              value,
              label: words('channel', value),
            })),
          },
          { name: 'city', label: t('person.city'), kind: 'text' },
          {
            name: 'order',
            label: t('person.order'),
            kind: 'choice',
            usual: words('personOrder', 'best'),
            options: ['best', 'last_seen', 'first_seen', 'name'].map((value) => ({
              value,
              label: words('personOrder', value),
            })),
          },
        ]}
        end={
          <Text size="sm" c="dimmed" pb={8} role="status">
            {total === undefined
              ? ''
              : total === null
                ? t('person.manyFound')
                : t('person.found', { count: total, shown: format.count(total) })}
          </Text>
        }
      />
      <Fetch
        of={found}
        loading={<Loading rows={12} height={36} />}
        empty={(rows) =>
          rows.length === 0 ? (
            filters.q === undefined ? (
              <Empty title={t('person.none')} hint={t('person.noneHint')} />
            ) : (
              <Empty title={t('person.noMatch', { q: filters.q })} hint={t('person.noMatchHint')} />
            )
          ) : null
        }
      >
        {(rows) => (
          <DataTable
            testid="customers"
            label={t('nav.profile')}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.person}
            onOpen={(row) => void navigate({ to: '/profile/$person', params: { person: row.person } })}
            more={found.more}
            onEnd={found.onEnd}
            height="calc(100dvh - 300px)"
          />
        )}
      </Fetch>
    </Page>
  )
}
