import { api } from '@einklang/contract'
import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  MultiSelect,
  NumberInput,
  Select,
  Stack,
  Table,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useWords } from '../../shell/words.ts'
import { AddName } from './add-name.tsx'

type Call = api.ingest.PlannedCall
type Property = api.ingest.PlanProperty

/** Without keys that say nothing, so that a change and its opposite leave no trace. */
function without<Value extends object>(value: Value): Value {
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== undefined && one !== '' && one !== false),
  ) as Value
}

/** The properties of one call as a table; what lies deeper is shown and edited as text. */
export function PlanProperties(props: {
  name: string
  call: Call
  isEvent: boolean
  writable: boolean
  onChange: (call: Call | undefined) => void
}): ReactNode {
  const { t } = useTranslation()
  const { call, writable } = props
  const properties = Object.entries(call.properties ?? {}).sort(([one], [other]) => (one < other ? -1 : 1))
  const required = new Set(call.required)

  function put(next: Partial<Call>): void {
    const { additionalProperties, ...rest } = { ...call, ...next }
    props.onChange({ ...without(rest), ...(additionalProperties === false ? { additionalProperties } : {}) })
  }
  function putProperty(one: string, property: Property | null): void {
    const entries = Object.entries(call.properties ?? {}).filter(([other]) => other !== one)
    put({
      properties: Object.fromEntries(property === null ? entries : [...entries, [one, property]]),
      ...(property === null ? { required: (call.required ?? []).filter((other) => other !== one) } : {}),
    })
  }
  function require(one: string, is: boolean): void {
    const names = is ? [...required, one].sort() : [...required].filter((other) => other !== one)
    const { required: _, ...rest } = call
    props.onChange(names.length === 0 ? rest : { ...rest, required: names })
  }
  function add(name: string): boolean {
    if (call.properties?.[name] !== undefined) return false
    putProperty(name, { type: 'string' })
    return true
  }

  return (
    <Stack>
      <Group justify="space-between">
        <Text fw={600}>{props.name}</Text>
        {writable && props.isEvent ? (
          <Button size="xs" variant="subtle" color="red" onClick={() => props.onChange(undefined)}>
            {t('plans.removeEvent')}
          </Button>
        ) : null}
      </Group>
      <Group grow align="flex-start">
        <TextInput
          size="xs"
          label={t('plans.purpose')}
          readOnly={!writable}
          value={call.description ?? ''}
          onChange={(event) => put({ description: event.currentTarget.value })}
        />
        <TextInput
          size="xs"
          label={t('plans.owner')}
          readOnly={!writable}
          value={call.owner ?? ''}
          onChange={(event) => put({ owner: event.currentTarget.value })}
        />
      </Group>
      <Group grow align="flex-start">
        {props.isEvent ? (
          <TagsInput
            size="xs"
            label={t('plans.aliases')}
            readOnly={!writable}
            value={call.aliases ?? []}
            onChange={(aliases) => put(aliases.length > 0 ? { aliases } : { aliases: undefined as never })}
          />
        ) : null}
        <TagsInput
          size="xs"
          label={t('plans.identifiers')}
          readOnly={!writable}
          value={call.identifiers ?? []}
          onChange={(identifiers) =>
            put(identifiers.length > 0 ? { identifiers } : { identifiers: undefined as never })
          }
        />
      </Group>
      <Checkbox
        size="xs"
        label={t('plans.closed')}
        disabled={!writable}
        checked={call.additionalProperties === false}
        onChange={(event) => put({ additionalProperties: !event.currentTarget.checked })}
      />
      <Table.ScrollContainer minWidth={1080}>
        <Table verticalSpacing={4} aria-label={t('plans.properties')} data-testid="plan-properties">
          <Table.Thead>
            <Table.Tr>
              {(['property', 'type', 'required', 'rule', 'class', 'action'] as const).map((column) => (
                <Table.Th key={column}>{t(`plans.${column}`)}</Table.Th>
              ))}
              <Table.Th aria-label={t('plans.remove')} />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {properties.map(([one, property]) => (
              <PropertyRow
                key={one}
                name={one}
                property={property}
                required={required.has(one)}
                writable={writable}
                onRequire={(is) => require(one, is)}
                onChange={(next) => putProperty(one, next)}
              />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {properties.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('plans.noProperties')}
        </Text>
      ) : null}
      {writable ? <AddName label={t('plans.property')} testid="property-name" onAdd={add} /> : null}
    </Stack>
  )
}

function PropertyRow(props: {
  name: string
  property: Property
  required: boolean
  writable: boolean
  onRequire: (is: boolean) => void
  onChange: (property: Property | null) => void
}): ReactNode {
  const { t } = useTranslation()
  const words = useWords()
  const { property, writable, name } = props
  const types = property.type === undefined ? [] : Array.isArray(property.type) ? property.type : [property.type]
  const put = (next: { [key in keyof Property]?: Property[key] | undefined }) =>
    props.onChange(without({ ...property, ...next }) as Property)
  const inner = Object.keys(property.properties ?? property.items?.properties ?? {})
  const reference = property.$ref
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
          {name}
        </Text>
        {property.description ? (
          <Text size="xs" c="dimmed">
            {property.description}
          </Text>
        ) : null}
      </Table.Td>
      <Table.Td>
        {reference === undefined ? (
          <MultiSelect
            size="xs"
            w={150}
            aria-label={`${t('plans.type')}: ${name}`}
            data={api.ingest.planTypes.map((value) => ({ value, label: words('planType', value) }))}
            value={types}
            readOnly={!writable || inner.length > 0}
            onChange={(chosen) =>
              props.onChange(
                // Rules belong to a type: another type begins without them.
                without({
                  type: (chosen.length === 1 ? chosen[0] : chosen) as Property['type'] & string,
                  description: property.description,
                  examples: property.examples,
                  'x-class': property['x-class'],
                  'x-action': property['x-action'],
                }) as Property,
              )
            }
          />
        ) : (
          <Text size="xs">{reference.replace('#/common/', '')}</Text>
        )}
      </Table.Td>
      <Table.Td>
        <Checkbox
          size="xs"
          aria-label={`${t('plans.required')}: ${name}`}
          disabled={!writable}
          checked={props.required}
          onChange={(event) => props.onRequire(event.currentTarget.checked)}
        />
      </Table.Td>
      <Table.Td>
        <Rule name={name} property={property} types={types} inner={inner} writable={writable} onChange={put} />
      </Table.Td>
      <Table.Td>
        <Select
          size="xs"
          w={120}
          aria-label={`${t('plans.class')}: ${name}`}
          data={api.ingest.dataClasses.map((value) => ({ value, label: words('dataClass', value) }))}
          value={property['x-class'] ?? null}
          clearable={writable}
          readOnly={!writable || reference !== undefined}
          onChange={(value) => put({ 'x-class': (value ?? undefined) as Property['x-class'] & string })}
        />
      </Table.Td>
      <Table.Td>
        <Select
          size="xs"
          w={120}
          aria-label={`${t('plans.action')}: ${name}`}
          placeholder={words('planAction', 'usual')}
          data={api.ingest.planActions.map((value) => ({ value, label: words('planAction', value) }))}
          value={property['x-action'] ?? null}
          clearable={writable}
          readOnly={!writable || reference !== undefined}
          onChange={(value) => put({ 'x-action': (value ?? undefined) as Property['x-action'] & string })}
        />
      </Table.Td>
      <Table.Td>
        {writable ? (
          <ActionIcon
            size="sm"
            variant="subtle"
            color="red"
            aria-label={`${t('plans.remove')}: ${name}`}
            onClick={() => props.onChange(null)}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        ) : null}
      </Table.Td>
    </Table.Tr>
  )
}

/** What a value must be beyond its type. */
function Rule(props: {
  name: string
  property: Property
  types: api.ingest.PlanType[]
  inner: string[]
  writable: boolean
  onChange: (next: { [key in keyof Property]?: Property[key] | undefined }) => void
}): ReactNode {
  const { t } = useTranslation()
  const { property, types, name, writable } = props
  if (props.inner.length > 0)
    return (
      <Text size="xs" c="dimmed" lineClamp={2}>
        {props.inner.join(', ')} ({t('plans.editAsText')})
      </Text>
    )
  const isText = types.includes('string')
  const isNumber = types.includes('number') || types.includes('integer')
  return (
    <Group gap={4} wrap="nowrap">
      {isText ? (
        <>
          <TagsInput
            size="xs"
            w={150}
            aria-label={`${t('plans.values')}: ${name}`}
            placeholder={property.enum === undefined ? t('plans.values') : ''}
            readOnly={!writable || property.enum?.some((one) => typeof one !== 'string')}
            value={property.enum?.map(String) ?? []}
            onChange={(values) => props.onChange({ enum: values.length > 0 ? values : undefined })}
          />
          {property.enum === undefined ? (
            <>
              <TextInput
                size="xs"
                w={120}
                aria-label={`${t('plans.pattern')}: ${name}`}
                placeholder={t('plans.pattern')}
                readOnly={!writable}
                value={property.pattern ?? ''}
                onChange={(event) => props.onChange({ pattern: event.currentTarget.value })}
              />
              <Select
                size="xs"
                w={120}
                aria-label={`${t('plans.format')}: ${name}`}
                placeholder={t('plans.format')}
                data={[...api.ingest.planFormats]}
                value={property.format ?? null}
                clearable={writable}
                readOnly={!writable}
                onChange={(value) => props.onChange({ format: (value ?? undefined) as Property['format'] & string })}
              />
            </>
          ) : null}
        </>
      ) : null}
      {isNumber
        ? (['minimum', 'maximum'] as const).map((key) => (
            <NumberInput
              key={key}
              size="xs"
              w={100}
              hideControls
              aria-label={`${t(`plans.${key}`)}: ${name}`}
              placeholder={t(`plans.${key}`)}
              readOnly={!writable}
              value={property[key] ?? ''}
              onChange={(value) => props.onChange({ [key]: typeof value === 'number' ? value : undefined })}
            />
          ))
        : null}
    </Group>
  )
}
