import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Empty } from '../../kit/states.tsx'
import { useFilters } from '../../shell/filters.ts'

/** Nothing in the period that was asked for; where there are older facts, one click shows them. */
export function NothingThen(props: {
  title: string
  hint: string
  since: string | null
  other?: ReactNode
}): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const [filters, change] = useFilters()
  const { since } = props
  const offer = since !== null && filters.from !== since
  return (
    <Empty
      title={props.title}
      hint={props.hint}
      action={
        offer ? (
          <Button variant="light" onClick={() => change({ from: since, to: undefined })} data-testid="whole-time">
            {t('measurement.wholeTime', { day: format.date(since) })}
          </Button>
        ) : (
          props.other
        )
      }
    />
  )
}
