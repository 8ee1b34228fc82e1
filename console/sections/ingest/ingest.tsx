import { api } from '@einklang/contract'
import { Badge, Group } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Page } from '../../kit/page.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { Checks } from './checks.tsx'
import { Imports } from './imports.tsx'
import { Plans } from './plans.tsx'
import { Quality } from './quality.tsx'
import { Quarantine } from './quarantine.tsx'
import { Schema } from './schema.tsx'
import { Sources } from './sources.tsx'
import { Stream } from './stream.tsx'

/** What comes in, from where, and what could not be believed. */
export function Ingest(): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const may = useMay()
  const [filters, change] = useFilters()
  useLiveAnswers(['ingest'])
  const quarantine = useAnswer(api.ingest.quarantine, { query: {} }, { enabled: may(api.ingest.quarantine) })
  const open = quarantine.data?.open ?? 0
  return (
    <Page title={t('nav.ingest')} hint={t('hint.ingest')}>
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) => {
          const others = Object.keys(filters).map((name) => [name, undefined])
          change({ ...Object.fromEntries(others), tab })
        }}
        tabs={[
          { value: 'sources', label: t('ingest.sources'), panel: () => <Sources /> },
          ...(may(api.ingest.events) ? [{ value: 'stream', label: t('ingest.stream'), panel: () => <Stream /> }] : []),
          ...(may(api.ingest.seenEvents)
            ? [{ value: 'schema', label: t('ingest.schema'), panel: () => <Schema /> }]
            : []),
          ...(may(api.ingest.plans) ? [{ value: 'plans', label: t('ingest.plans'), panel: () => <Plans /> }] : []),
          ...(may(api.ingest.imports)
            ? [{ value: 'imports', label: t('ingest.imports'), panel: () => <Imports /> }]
            : []),
          ...(may(api.ingest.quality)
            ? [{ value: 'quality', label: t('ingest.quality'), panel: () => <Quality /> }]
            : []),
          ...(may(api.ingest.checks) ? [{ value: 'checks', label: t('ingest.checks'), panel: () => <Checks /> }] : []),
          ...(may(api.ingest.quarantine)
            ? [
                {
                  value: 'quarantine',
                  label: (
                    <Group gap={6} wrap="nowrap">
                      {t('ingest.quarantine')}
                      {open === 0 ? null : (
                        <Badge size="sm" color="orange" variant="light">
                          {format.count(open)}
                        </Badge>
                      )}
                    </Group>
                  ),
                  panel: () => <Quarantine />,
                },
              ]
            : []),
        ]}
      />
    </Page>
  )
}
