import { api, type PersonId } from '@einklang/contract'
import { Badge, Card, Group, Select, Stack, Text } from '@mantine/core'
import { IconArrowRight } from '@tabler/icons-react'
import { memo, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Empty, Fetch } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { useFilters } from '../../shell/filters.ts'
import { useWords } from '../../shell/words.ts'
import classes from './path-tab.module.css'

type Conversion = (typeof api.measurement.personJourney)['answer']['_zod']['output']['conversions'][number]

/** Which channel got the credit for which order, and why. */
export function PathTab(props: { person: PersonId }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const [filters, change] = useFilters()
  const journey = useAnswer(api.measurement.personJourney, { params: { person: props.person } })
  return (
    <Panel
      title={t('person.tab.path')}
      definition={t('path.meaning')}
      testid="path"
      actions={
        <Select
          size="xs"
          w={210}
          aria-label={t('measurement.model')}
          allowDeselect={false}
          value={filters.model ?? 'last_nondirect'}
          onChange={(model) => change({ model: model ?? undefined })}
          data={(['last_nondirect', 'last', 'first', 'linear'] as const).map((value) => ({
            value,
            label: words('model', value),
          }))}
        />
      }
    >
      <Fetch
        of={journey}
        empty={(value) =>
          value.conversions.length + value.open.length === 0 ? (
            <Empty
              title={t(value.hidden === null ? 'path.none' : 'path.hidden')}
              hint={t(value.hidden === null ? 'path.noneHint' : `path.hidden_${value.hidden}`)}
            />
          ) : null
        }
      >
        {(value) => (
          <Stack>
            {value.open.length === 0 ? null : (
              <div>
                <Text size="sm" fw={550} mb={4}>
                  {t('path.open')}
                </Text>
                <Steps steps={value.open.map((touch) => ({ ...touch, share: null }))} />
              </div>
            )}
            {value.conversions.map((conversion) => (
              <Credit key={conversion.event} conversion={conversion} model={filters.model ?? 'last_nondirect'} />
            ))}
            <Text size="xs" c="dimmed">
              {value.note.definition}
            </Text>
          </Stack>
        )}
      </Fetch>
    </Panel>
  )
}

export const Credit = memo(function Credit(props: { conversion: Conversion; model: string }): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const words = useWords()
  const { conversion, model } = props
  const steps = conversion.touches.map((touch) => ({
    ...touch,
    share: touch.credit.find((credit) => credit.model === model)?.share ?? 0,
  }))
  return (
    <Card withBorder padding="sm" data-testid="credited">
      <Group justify="space-between" align="flex-start">
        <div>
          <Text size="sm" fw={600}>
            {conversion.orderNo ?? t('path.order')} · {format.money(conversion.value, conversion.currency)}
          </Text>
          <Text size="xs" c="dimmed">
            <DateTime at={conversion.at} /> · {words('channel', conversion.soldVia)}
            {conversion.place === null ? '' : ` · ${conversion.place}`}
          </Text>
        </div>
        {conversion.first ? (
          <Badge variant="light" tt="none">
            {t('path.first')}
          </Badge>
        ) : null}
      </Group>
      <Text size="sm" my={6}>
        {conversion.because}
      </Text>
      <Steps steps={steps} />
    </Card>
  )
})

type Step = { at: string; channel: string; campaign: string | null; kind: string; share: number | null }

/** Hundreds of these stand on one screen, so they are plain elements. */
function Steps(props: { steps: Step[] }): ReactNode {
  const format = useFormat()
  const words = useWords()
  return (
    <ol className={classes.steps}>
      {props.steps.map((step, index) => (
        <li key={`${step.at}${step.channel}${step.campaign ?? ''}`} className={classes.step}>
          {index === 0 ? null : <IconArrowRight size={14} aria-hidden />}
          <div className={classes.touch}>
            <div className={classes.name}>{words('media', step.channel)}</div>
            <div className={classes.dimmed} title={step.campaign ?? ''}>
              {step.campaign ?? words('touch', step.kind)}
            </div>
            <div className={classes.dimmed}>{format.date(step.at)}</div>
            {step.share === null ? null : (
              <div className={classes.share}>
                <div className={classes.bar} aria-hidden>
                  <div style={{ width: `${step.share * 100}%` }} />
                </div>
                {format.percent(step.share, 0)}
              </div>
            )}
          </div>
        </li>
      ))}
    </ol>
  )
}
