import type { api, Json } from '@einklang/contract'
import { ActionIcon, Button, Code, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useWords } from '../../shell/words.ts'

type Repair = api.ingest.Repair
const kinds = ['map', 'default', 'rename'] as const

/** One repair in a line: what is done where. */
export function RepairLine(props: { repair: Repair }): ReactNode {
  const words = useWords()
  const { repair } = props
  return (
    <Text size="sm">
      {words('repairKind', repair.kind)}: <Code>{repair.path}</Code>{' '}
      {repair.kind === 'rename' ? (
        <>
          → <Code>{repair.to}</Code>
        </>
      ) : repair.kind === 'default' ? (
        <>
          = <Code>{JSON.stringify(repair.value)}</Code>
        </>
      ) : (
        <>
          <Code>{repair.from}</Code> → <Code>{JSON.stringify(repair.to)}</Code>
        </>
      )}
    </Text>
  )
}

/** What would be changed before items are read again. `place` is where the group's trouble lies. */
export function RepairForm(props: {
  repairs: Repair[]
  place: string
  values: string[]
  onChange: (repairs: Repair[]) => void
}): ReactNode {
  const { t } = useTranslation()
  const { repairs, onChange } = props
  const put = (at: number, repair: Repair) => onChange(repairs.map((one, index) => (index === at ? repair : one)))
  return (
    <Stack gap="xs">
      {repairs.map((repair, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a repair is its place in the order
        <Group key={at} align="end" gap="xs" wrap="nowrap">
          <Line repair={repair} values={props.values} onChange={(next) => put(at, next)} />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={30}
            aria-label={t('bench.remove')}
            onClick={() => onChange(repairs.filter((_, index) => index !== at))}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      <Button
        size="xs"
        variant="subtle"
        style={{ alignSelf: 'flex-start' }}
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() =>
          onChange([...repairs, { kind: 'map', path: props.place || 'event', from: props.values[0] ?? '', to: '' }])
        }
        data-testid="add-repair"
      >
        {t('bench.addRepair')}
      </Button>
    </Stack>
  )
}

function Line(props: { repair: Repair; values: string[]; onChange: (repair: Repair) => void }): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { repair, onChange } = props
  return (
    <>
      <Select
        size="xs"
        w={150}
        label={t('bench.kind')}
        allowDeselect={false}
        value={repair.kind}
        data={kinds.map((kind) => ({ value: kind, label: words('repairKind', kind) }))}
        onChange={(kind) => onChange(fresh(kind as Repair['kind'], repair.path, props.values[0] ?? ''))}
      />
      <TextInput
        size="xs"
        flex={1}
        label={t('bench.place')}
        value={repair.path}
        onChange={(event) => onChange({ ...repair, path: event.currentTarget.value })}
      />
      {repair.kind === 'map' ? (
        <TextInput
          size="xs"
          flex={1}
          label={t('bench.from')}
          value={repair.from}
          onChange={(event) => onChange({ ...repair, from: event.currentTarget.value })}
        />
      ) : null}
      <TextInput
        size="xs"
        flex={1}
        label={repair.kind === 'rename' ? t('bench.toPlace') : t('bench.to')}
        value={textOf(repair)}
        onChange={(event) => {
          const text = event.currentTarget.value
          if (repair.kind === 'rename') onChange({ ...repair, to: text })
          else if (repair.kind === 'default') onChange({ ...repair, value: text })
          else onChange({ ...repair, to: text })
        }}
        data-testid="repair-to"
      />
    </>
  )
}

function fresh(kind: Repair['kind'], path: string, value: string): Repair {
  if (kind === 'map') return { kind, path, from: value, to: '' }
  return kind === 'default' ? { kind, path, value: '' } : { kind, path, to: path }
}

function textOf(repair: Repair): string {
  const value: Json = repair.kind === 'default' ? repair.value : repair.to
  return typeof value === 'string' ? value : JSON.stringify(value)
}
