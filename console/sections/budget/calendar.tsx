import type { AnswerOf, api } from '@einklang/contract'
import { Box, Table, Text } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { useWords } from '../../shell/words.ts'

type Line = AnswerOf<typeof api.budget.plan>['lines'][number]

const stays = { position: 'sticky', left: 0, background: 'var(--mantine-color-body)' } as const

/** The year at a glance: channels down, months across, spent of planned in each cell. */
export function Calendar(props: { lines: Line[] }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const months = [...new Set(props.lines.map((line) => line.month))].sort()
  const rows = [...Map.groupBy(props.lines, (line) => `${line.channel} ${line.currency}`).values()]
  // The month that runs is what one looks for; the year before it lies to the left.
  const running = props.lines.find((line) => line.elapsed < 1)?.month
  const cell = useRef<HTMLTableCellElement>(null)
  useEffect(() => {
    if (running !== undefined) cell.current?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [running])
  return (
    <Panel title={t('budget.calendar')} definition={t('budget.calendarMeaning')} testid="budget-calendar">
      <Table.ScrollContainer minWidth={months.length * 96 + 160}>
        <Table fz="xs" verticalSpacing={4} withColumnBorders>
          <Table.Thead>
            <Table.Tr>
              <Table.Th style={stays}>{t('measurement.channel')}</Table.Th>
              {months.map((month) => (
                <Table.Th key={month} ta="right" ref={month === running ? cell : undefined}>
                  {month}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((lines) => (
              <Table.Tr key={`${lines[0]?.channel}${lines[0]?.currency}`}>
                <Table.Th scope="row" style={stays}>
                  {words('media', lines[0]?.channel ?? '')}
                </Table.Th>
                {months.map((month) => {
                  const line = lines.find((one) => one.month === month)
                  return (
                    <Table.Td key={month} ta="right">
                      {line === undefined ? null : (
                        <>
                          {format.wholeMoney(line.spent, line.currency)}
                          <Text size="xs" c={line.alert === null ? 'dimmed' : 'red'}>
                            {line.amount === 0
                              ? t('budget.unplanned')
                              : `/ ${format.wholeMoney(line.amount, line.currency)}`}
                          </Text>
                          {line.used === null ? null : (
                            <Box h={3} mt={2} bg="var(--mantine-color-default-border)">
                              <Box
                                h={3}
                                w={`${Math.min(100, line.used * 100)}%`}
                                bg={line.used > 1 ? 'red' : 'var(--mantine-primary-color-filled)'}
                              />
                            </Box>
                          )}
                        </>
                      )}
                    </Table.Td>
                  )
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  )
}
