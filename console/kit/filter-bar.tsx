import { Group, Select, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { type ReactNode, useEffect, useState } from 'react'

export type FilterField =
  | {
      name: string
      label: string
      kind: 'choice'
      options: { value: string; label: string }[]
      usual?: string
      width?: number
    }
  | { name: string; label: string; kind: 'text'; width?: number }
  | { name: string; label: string; kind: 'day'; width?: number }

type Values = { [name: string]: string | undefined }

/** Filters of a list; the screen keeps them in its address. */
export function FilterBar(props: {
  fields: FilterField[]
  values: Values
  onChange: (change: Values) => void
  end?: ReactNode
}): ReactNode {
  return (
    <Group gap="sm" align="flex-end" wrap="wrap" role="search">
      {props.fields.map((field) => {
        const value = props.values[field.name]
        if (field.kind === 'choice') {
          return (
            <Select
              key={field.name}
              size="sm"
              w={field.width ?? 180}
              label={field.label}
              placeholder={field.usual ?? '–'}
              data={field.options}
              value={value ?? null}
              clearable
              searchable={field.options.length > 8}
              onChange={(chosen) => props.onChange({ [field.name]: chosen ?? undefined })}
              data-testid={`filter-${field.name}`}
            />
          )
        }
        return (
          <TypedField
            key={field.name}
            field={field}
            value={value ?? ''}
            onChange={(text) => props.onChange({ [field.name]: text === '' ? undefined : text })}
          />
        )
      })}
      {props.end}
    </Group>
  )
}

function TypedField(props: { field: FilterField; value: string; onChange: (value: string) => void }): ReactNode {
  const [text, setText] = useState(props.value)
  const tell = useDebouncedCallback(props.onChange, 250)
  // The address can change without typing: browser back, a link.
  useEffect(() => setText(props.value), [props.value])
  return (
    <TextInput
      size="sm"
      w={props.field.width ?? (props.field.kind === 'day' ? 150 : 220)}
      type={props.field.kind === 'day' ? 'date' : 'search'}
      label={props.field.label}
      leftSection={props.field.kind === 'text' ? <IconSearch size={15} aria-hidden /> : null}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value)
        tell(event.currentTarget.value)
      }}
      data-testid={`filter-${props.field.name}`}
    />
  )
}
