import { api } from '@einklang/contract'
import { Select } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { useWords } from '../../shell/words.ts'

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

/** Orders of one kind of channel, or of all. */
export function SoldVia(): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [filters, change] = useFilters()
  return (
    <Select
      size="sm"
      w={180}
      clearable
      label={t('measurement.soldVia')}
      placeholder={t('kit.all')}
      value={filters.soldVia ?? null}
      onChange={(soldVia) => change({ soldVia: soldVia ?? undefined })}
      data={['web', 'app', 'store'].map((value) => ({ value, label: words('channel', value) }))}
    />
  )
}
