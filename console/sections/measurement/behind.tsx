import { type AnswerOf, api } from '@einklang/contract'
import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { useAnswer } from '../../shell/api.ts'

type Figure = { persons: number; hidden: AnswerOf<typeof api.measurement.customerPersons>['hidden'] }

/** How many persons a list leaves out because a purpose does not permit showing them. */
function Hidden(props: { of: Figure; orders?: { all: number; listed: number } }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const { of, orders } = props
  const count = of.hidden.reduce((sum, { persons }) => sum + persons, 0)
  const sentences = [
    orders === undefined
      ? t('behind.persons', { count: of.persons, shown: format.count(of.persons) })
      : t('behind.orders', { count: orders.all, shown: format.count(orders.all), persons: format.count(of.persons) }),
    ...(count === 0
      ? []
      : [
          t('behind.hidden', {
            count,
            shown: format.count(count),
            reasons: of.hidden
              .map(({ because, persons }) => t(`behind.${because}`, { number: format.count(persons) }))
              .join('; '),
          }),
          ...(orders === undefined
            ? []
            : [
                t('behind.hiddenOrders', {
                  count: orders.all - orders.listed,
                  shown: format.count(orders.all - orders.listed),
                }),
              ]),
        ]),
  ]
  return (
    <Text size="sm" c="dimmed" data-testid="behind">
      {sentences.join(' ')}
    </Text>
  )
}

/** Of the orders behind a figure. */
export function BehindOrders(props: { query: object }): ReactNode {
  const behind = useAnswer(api.measurement.conversionPersons, { query: props.query }, { keep: true })
  if (behind.data === undefined) return null
  return <Hidden of={behind.data} orders={{ all: behind.data.orders, listed: behind.data.listedOrders }} />
}

/** Of one flow of the journey map. */
export function BehindWay(props: { query: { step: number; source: string; target: string } }): ReactNode {
  const behind = useAnswer(api.measurement.journeyWay, { query: props.query }, { keep: true })
  return behind.data === undefined ? null : <Hidden of={behind.data} />
}

/** Of the customers with a forecast. */
export function BehindForecasts(): ReactNode {
  const behind = useAnswer(api.measurement.customerPersons)
  return behind.data === undefined ? null : <Hidden of={behind.data} />
}
