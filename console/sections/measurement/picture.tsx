import { Box, Button, Group, Skeleton, Table } from '@mantine/core'
import { type ReactNode, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { csvOf, saveCsv } from '../../kit/csv.ts'
import { later } from '../../kit/later.tsx'
import type { Clicked, Inks, PictureHandle } from './picture-canvas.tsx'

const LateCanvas = later(() => import('./picture-canvas.tsx').then((module) => module.PictureCanvas))

/** A diagram with the figures behind it: as picture (PNG, SVG), as table on the screen and as file. */
export function Picture(props: {
  label: string
  fileName: string
  height: number
  /** Where the screen is narrower, the diagram is moved sideways instead of being squeezed. */
  leastWidth?: number
  option: (inks: Inks) => object
  header: string[]
  rows: (string | number | null)[][]
  onClick?: (clicked: Clicked) => void
}): ReactNode {
  const { t } = useTranslation()
  const [asTable, setAsTable] = useState(false)
  const handle = useRef<PictureHandle | null>(null)
  return (
    <Box>
      <Group gap={4} justify="flex-end" mb={4}>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => setAsTable(!asTable)}>
          {t(asTable ? 'kit.asChart' : 'kit.asTable')}
        </Button>
        {(['png', 'svg'] as const).map((kind) => (
          <Button
            key={kind}
            size="compact-xs"
            variant="subtle"
            color="gray"
            disabled={asTable}
            onClick={() => handle.current?.save(`${props.fileName}.${kind}`, kind)}
          >
            {kind.toUpperCase()}
          </Button>
        ))}
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          onClick={() => saveCsv(`${props.fileName}.csv`, csvOf(props.header, props.rows))}
        >
          CSV
        </Button>
      </Group>
      {asTable ? (
        <Box mah={props.height} style={{ overflow: 'auto' }} tabIndex={0}>
          <Table aria-label={props.label} stickyHeader fz="sm" verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                {props.header.map((name) => (
                  <Table.Th key={name}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {props.rows.map((row) => (
                <Table.Tr key={row.join('\u0000')}>
                  {row.map((value, index) => (
                    <Table.Td key={props.header[index]}>{value ?? '–'}</Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Box>
      ) : (
        <Box style={{ overflowX: 'auto' }} tabIndex={props.leastWidth === undefined ? undefined : 0}>
          <Box role="img" aria-label={props.label} h={props.height} miw={props.leastWidth} data-testid="picture">
            <LateCanvas
              option={props.option}
              height={props.height}
              onClick={props.onClick}
              handle={handle}
              meanwhile={<Skeleton h={props.height} radius="md" />}
            />
          </Box>
        </Box>
      )}
    </Box>
  )
}
