import { type AnswerOf, api } from '@einklang/contract'
import { Badge, Group, Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import { Interval } from '../../kit/interval.tsx'
import { Panel } from '../../kit/page.tsx'
import { ScreenLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Answer = AnswerOf<typeof api.measurement.attribution>

/** What experiments found beside what the models credit in the same days, and why they differ. */
export function ExperimentsBeside(props: { answer: Answer; currency: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { answer, currency } = props
  const { compared } = answer
  const models = answer.models.filter(({ model }) => compared[0]?.credits.some((credit) => credit.model === model))
  const ends = compared.flatMap(({ found, credits }) => [found.low, found.high, ...credits.map((one) => one.revenue)])
  const [from, to] = [Math.min(0, ...ends), Math.max(1, ...ends)]
  return (
    <Panel title={t('compared.title')} definition={t('compared.meaning')} testid="experiments-beside">
      {compared.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('compared.none')}{' '}
          <ScreenLink to="/measurement" search={(before) => ({ ...before, tab: 'experiments' })}>
            {t('compared.add')}
          </ScreenLink>
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={720}>
          <Table fz="sm" verticalSpacing={6} aria-label={t('compared.title')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('compared.experiment')}</Table.Th>
                <Table.Th>{t('compared.found')}</Table.Th>
                {models.map(({ model }) => (
                  <Table.Th key={model} ta="right">
                    {words('model', model)}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {compared.map((one) => (
                <Table.Tr key={`${one.name} ${one.from}`}>
                  <Table.Td style={{ verticalAlign: 'top', minWidth: 220 }}>
                    <Stack gap={2}>
                      <Text size="sm" fw={600}>
                        {one.name}
                      </Text>
                      <Group gap={6}>
                        <Badge size="xs" variant="light" tt="none">
                          {t(`compared.kind_${one.kind}`)}
                        </Badge>
                        <Text size="xs" c="dimmed">
                          {[
                            one.channel === null ? null : words('media', one.channel),
                            one.kind === 'holdout' ? null : one.campaign,
                            `${format.date(one.from)} – ${format.date(one.to)}`,
                          ]
                            .filter((part) => part !== null)
                            .join(' · ')}
                        </Text>
                      </Group>
                      <Text size="xs" maw={520}>
                        {one.why}
                      </Text>
                    </Stack>
                  </Table.Td>
                  <Table.Td style={{ verticalAlign: 'top' }}>
                    <Interval
                      estimate={one.found.value}
                      low={one.found.low}
                      high={one.found.high}
                      from={from}
                      to={to}
                      format={(value) => format.money(Math.round(value), currency)}
                    />
                    <Text size="xs">
                      {format.money(Math.round(one.found.value), currency)}{' '}
                      <Text span size="xs" c="dimmed">
                        ({format.money(Math.round(one.found.low), currency)} –{' '}
                        {format.money(Math.round(one.found.high), currency)})
                      </Text>
                    </Text>
                  </Table.Td>
                  {models.map(({ model }) => (
                    <Table.Td key={model} ta="right" style={{ verticalAlign: 'top' }}>
                      {format.money(one.credits.find((credit) => credit.model === model)?.revenue ?? 0, currency)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Panel>
  )
}
