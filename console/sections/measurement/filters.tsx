import { api } from '@einklang/contract'
import { Select } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'

/** Narrows the figures to the members of a segment. */
export function Segments(): ReactNode {
  const may = useMay()
  return may(api.audience.list) ? <Chosen /> : null
}

function Chosen(): ReactNode {
  const { t } = useTranslation()
  const [filters, change] = useFilters()
  const list = useAnswer(api.audience.list)
  return (
    <Select
      size="sm"
      w={220}
      clearable
      searchable
      label={t('measurement.segment')}
      placeholder={t('kit.all')}
      value={filters.segment ?? null}
      onChange={(segment) => change({ segment: segment ?? undefined })}
      data={(list.data?.items ?? []).map((one) => ({ value: one.audience, label: one.name }))}
    />
  )
}
