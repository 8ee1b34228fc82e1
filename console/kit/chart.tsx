import { ActionIcon, Box, Group, Skeleton, Table, Tooltip } from '@mantine/core'
import { IconChartHistogram, IconDownload, IconPhoto, IconTable, IconVector } from '@tabler/icons-react'
import { type ReactNode, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ChartHandle } from './chart-canvas.tsx'
import { csvOf, saveCsv } from './csv.ts'
import { later } from './later.tsx'

const LateCanvas = later(() => import('./chart-canvas.tsx').then((module) => module.ChartCanvas))

export type Series = {
  name: string
  kind: 'line' | 'area' | 'bar'
  /** Parallel to the categories; null = no value. */
  values: (number | null)[]
  /** Series of one stack stand on each other. */
  stack?: string
  /** Interval of each value, told together with it. */
  intervals?: ([number, number] | null)[]
  /** Uses the axis at the right, with `formatRight`. */
  right?: boolean
}

/** A diagram with its data behind it: as a table for every reader, as a picture and as a file. */
export function Chart(props: {
  label: string
  categories: string[]
  series: Series[]
  format: (value: number) => string
  formatAxis?: (value: number) => string
  formatRight?: (value: number) => string
  height?: number
  horizontal?: boolean
  fileName?: string
}): ReactNode {
  const { t } = useTranslation()
  const [asTable, setAsTable] = useState(false)
  const handle = useRef<ChartHandle | null>(null)
  const file = props.fileName ?? 'einklang'
  const height = props.height ?? 280

  function saveData(): void {
    const rows = props.categories.map((category, index) => [
      category,
      ...props.series.map((series) => series.values[index] ?? null),
    ])
    const csv = csvOf(['', ...props.series.map((series) => series.name)], rows)
    saveCsv(`${file}.csv`, csv)
  }

  return (
    <Box pos="relative">
      <Group gap={2} pos="absolute" top={-2} right={0} style={{ zIndex: 2 }}>
        <Tool label={t(asTable ? 'kit.asChart' : 'kit.asTable')} onClick={() => setAsTable(!asTable)}>
          {asTable ? <IconChartHistogram size={15} aria-hidden /> : <IconTable size={15} aria-hidden />}
        </Tool>
        <Tool label={t('kit.savePng')} onClick={() => handle.current?.save(`${file}.png`, 'png')} disabled={asTable}>
          <IconPhoto size={15} aria-hidden />
        </Tool>
        <Tool label={t('kit.saveSvg')} onClick={() => handle.current?.save(`${file}.svg`, 'svg')} disabled={asTable}>
          <IconVector size={15} aria-hidden />
        </Tool>
        <Tool label={t('kit.saveCsv')} onClick={saveData}>
          <IconDownload size={15} aria-hidden />
        </Tool>
      </Group>
      {asTable ? (
        <ChartTable {...props} height={height} />
      ) : (
        <Box role="img" aria-label={props.label} h={height} data-testid="chart">
          <LateCanvas {...props} height={height} handle={handle} meanwhile={<Skeleton h={height} radius="md" />} />
        </Box>
      )}
    </Box>
  )
}

function Tool(props: { label: string; onClick: () => void; disabled?: boolean; children: ReactNode }): ReactNode {
  return (
    <Tooltip label={props.label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="md"
        aria-label={props.label}
        onClick={props.onClick}
        disabled={props.disabled ?? false}
      >
        {props.children}
      </ActionIcon>
    </Tooltip>
  )
}

function ChartTable(props: {
  label: string
  categories: string[]
  series: Series[]
  format: (value: number) => string
  formatRight?: (value: number) => string
  height: number
}): ReactNode {
  return (
    <Box mah={props.height} pt={28} style={{ overflow: 'auto' }} tabIndex={0}>
      <Table aria-label={props.label} stickyHeader fz="sm" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th />
            {props.series.map((series) => (
              <Table.Th key={series.name} ta="right">
                {series.name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.categories.map((category, index) => (
            <Table.Tr key={category}>
              <Table.Th scope="row" fw={400}>
                {category}
              </Table.Th>
              {props.series.map((series) => {
                const value = series.values[index]
                const format = series.right === true ? (props.formatRight ?? props.format) : props.format
                return (
                  <Table.Td key={series.name} ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
                    {value === null || value === undefined ? '–' : format(value)}
                  </Table.Td>
                )
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Box>
  )
}
