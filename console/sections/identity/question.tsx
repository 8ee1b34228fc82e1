import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { Badge, Box, Card, Group, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { DateTime } from '../../kit/figures.tsx'
import { useFormat } from '../../kit/format.ts'
import { Panel } from '../../kit/page.tsx'
import { Fetch, Loading } from '../../kit/states.tsx'
import { useAnswer } from '../../shell/api.ts'
import { PersonLink } from '../../shell/link.tsx'
import { useWords } from '../../shell/words.ts'

type Whole = AnswerOf<typeof api.identity.reviewItem>
type Field = Whole['fields'][number]

const colours: { [agreement: string]: string } = { same: 'teal', alike: 'yellow', different: 'red', missing: 'gray' }

/** One question: both records field by field, what weighs how much, and what a merge would bring. */
export function Question(props: {
  item: string
  nameOf: (person: PersonId) => string | undefined
  children: ReactNode
}): ReactNode {
  const { i18n } = useTranslation()
  const words = useWords()
  const question = useAnswer(api.identity.reviewItem, { params: { item: props.item } }, { keep: true })
  return (
    <Fetch of={question} loading={<Loading rows={6} height={60} />}>
      {(value) => (
        <Stack data-testid="question">
          <Card withBorder>
            <Stack gap="xs">
              <Text size="sm" fw={600}>
                {i18n.language === 'de'
                  ? words('conflict', value.item.kind === 'grey_link' ? 'grey_link' : value.item.code)
                  : value.item.why}
              </Text>
              {props.children}
              <Merged whole={value} nameOf={props.nameOf} />
            </Stack>
          </Card>
          {value.sides.length === 0 ? null : (
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              {value.sides.map((side, index) => (
                <Side
                  key={`${value.item.id} ${side.person}`}
                  side={side}
                  identifiers={value.identifiers.filter((one) => one.side === (index === 0 ? 'one' : 'other'))}
                  name={props.nameOf(side.person)}
                />
              ))}
            </SimpleGrid>
          )}
          {value.fields.length === 0 ? null : <Fields fields={value.fields} />}
          {value.weight === null ? null : <Waterfall fields={value.fields} total={value.weight} />}
        </Stack>
      )}
    </Fetch>
  )
}

function Merged(props: { whole: Whole; nameOf: (person: PersonId) => string | undefined }): ReactNode {
  const { t } = useTranslation()
  const { merged } = props.whole
  if (merged === null) return null
  return (
    <Text size="xs" c="dimmed" data-testid="would-merge">
      {t('identity.wouldMerge', {
        name: props.nameOf(merged.person) ?? t('person.anonymous'),
        identifiers: merged.identifiers,
        orders: merged.orders ?? '–',
      })}
    </Text>
  )
}

function Side(props: {
  side: Whole['sides'][number]
  identifiers: Whole['identifiers']
  name: string | undefined
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { side } = props
  return (
    <Card withBorder padding="sm">
      <PersonLink person={side.person} name={props.name ?? t('person.anonymous')} />
      <Text size="xs" c="dimmed">
        {t('identity.sideFacts', { orders: side.orders ?? '–', identifiers: side.identifiers })} · {t('identity.since')}{' '}
        <DateTime at={side.since} day />
      </Text>
      {side.household === null ? null : (
        <Badge variant="light" color="grape" tt="none" size="sm" mt={4}>
          {t('identity.inHousehold')}
        </Badge>
      )}
      <Stack gap={2} mt="xs">
        {props.identifiers.slice(0, 8).map((one) => (
          <Group key={`${one.namespace} ${one.value}`} gap={6} wrap="nowrap">
            <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
              {words('namespace', one.namespace)}
            </Text>
            <Text size="xs" truncate title={one.value}>
              {one.value}
            </Text>
          </Group>
        ))}
      </Stack>
    </Card>
  )
}

function Fields(props: { fields: Field[] }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  return (
    <Panel title={t('identity.beside')} definition={t('identity.besideMeaning')}>
      <Table style={{ overflowWrap: 'anywhere' }}>
        <Table.Tbody>
          {props.fields.map((field) => (
            <Table.Tr key={field.field} data-agreement={field.agreement}>
              <Table.Td w={{ base: 112, sm: 130 }} style={{ overflowWrap: 'normal' }}>
                <Text size="sm" c="dimmed">
                  {words('trait', field.field)}
                </Text>
                <Agreement agreement={field.agreement} hiddenFrom="sm" />
              </Table.Td>
              <Table.Td>
                <Value field={field.field} value={field.one} />
              </Table.Td>
              <Table.Td>
                <Value field={field.field} value={field.other} />
              </Table.Td>
              <Table.Td w={110} visibleFrom="sm">
                <Agreement agreement={field.agreement} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Panel>
  )
}

function Agreement(props: { agreement: string; hiddenFrom?: 'sm' }): ReactNode {
  const words = useWords()
  const { agreement, ...shown } = props
  return (
    <Badge variant="light" color={colours[agreement] ?? 'gray'} tt="none" size="sm" {...shown}>
      {words('agreement', agreement)}
    </Badge>
  )
}

const written = ['first_name', 'last_name', 'street', 'city', 'address']

/** Fields are compared folded; names and places are shown with capitals, birth dates as usual here. */
function Value(props: { field: string; value: string | null }): ReactNode {
  const format = useFormat()
  const { field, value } = props
  if (value === null) return <Text size="sm">–</Text>
  if (field === 'birthday' && /^\d{4}-\d\d-\d\d$/.test(value)) return <Text size="sm">{format.date(value)}</Text>
  return (
    <Text size="sm" tt={written.includes(field) ? 'capitalize' : field === 'country' ? 'uppercase' : 'none'}>
      {value}
    </Text>
  )
}

/** Each field's weight begins where the one before ended; the last bar is what they come to. */
function Waterfall(props: { fields: Field[]; total: number }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const weighed = props.fields.filter((field) => field.weight !== null)
  const told = weighed.reduce((sum, field) => sum + (field.weight ?? 0), 0)
  const bars = [
    { name: t('identity.prior'), weight: props.total - told },
    ...weighed.map((field) => ({ name: words('trait', field.field), weight: field.weight ?? 0 })),
  ]
  let running = 0
  const placed = bars.map((bar) => {
    const from = running
    running += bar.weight
    return { ...bar, from, to: running }
  })
  const low = Math.min(0, ...placed.map((bar) => Math.min(bar.from, bar.to)))
  const high = Math.max(0, ...placed.map((bar) => Math.max(bar.from, bar.to)))
  const span = Math.max(1, high - low)
  const at = (value: number): string => `${((value - low) / span) * 100}%`
  return (
    <Panel title={t('identity.weights')} definition={t('identity.weightsMeaning')} testid="waterfall">
      <Stack gap={4}>
        {[...placed, { name: t('identity.sum'), weight: props.total, from: 0, to: props.total }].map((bar, index) => (
          <Group key={`${bar.name} ${index}`} gap="xs" wrap="nowrap">
            <Text size="xs" w={110} truncate c={index === placed.length ? '' : 'dimmed'}>
              {bar.name}
            </Text>
            <Box style={{ position: 'relative', flex: 1, height: 14 }} aria-hidden>
              <Box
                style={{
                  position: 'absolute',
                  insetInlineStart: at(0),
                  top: 0,
                  bottom: 0,
                  width: 1,
                  background: 'var(--mantine-color-dimmed)',
                }}
              />
              <Box
                style={{
                  position: 'absolute',
                  insetInlineStart: at(Math.min(bar.from, bar.to)),
                  width: `${(Math.abs(bar.to - bar.from) / span) * 100}%`,
                  top: 2,
                  bottom: 2,
                  borderRadius: 2,
                  background: bar.weight >= 0 ? 'var(--mantine-color-teal-6)' : 'var(--mantine-color-red-6)',
                }}
              />
            </Box>
            <Text size="xs" w={56} ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
              {format.decimal(bar.weight, 1)}
            </Text>
          </Group>
        ))}
      </Stack>
    </Panel>
  )
}
