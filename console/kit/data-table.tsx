import { Box, Group, Text } from '@mantine/core'
import { IconArrowDown, IconArrowsSort, IconArrowUp } from '@tabler/icons-react'
import {
  type ColumnDef,
  createSortedRowModel,
  rowSortingFeature,
  type SortingState,
  sortFn_basic,
  tableFeatures,
  useTable,
} from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  type RefObject,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useTranslation } from 'react-i18next'
import classes from './data-table.module.css'

export type Column<Row> = {
  id: string
  header: string
  cell: (row: Row) => ReactNode
  /** Given: the column can be sorted by this value. */
  sort?: (row: Row) => string | number | null
  align?: 'right'
  /** Pixels; columns without a width share the rest. */
  width?: number
}

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
})

const rowHeight = 44
/** Pixels that are drawn before the height of the screen is known. */
const initialHeight = 600

/**
 * A table of any length. Rows beyond what fits are virtual; arrow keys move, Enter opens, a click on a heading sorts.
 * `onEnd` is asked for more when the last rows come into sight.
 */
export function DataTable<Row extends object>(props: {
  label: string
  columns: Column<Row>[]
  rows: Row[]
  rowKey: (row: Row) => string
  onOpen?: ((row: Row) => void) | undefined
  onEnd?: (() => void) | undefined
  more?: boolean | undefined
  sorted?: { id: string; desc: boolean }
  /** Height of the scrolling area once the rows no longer fit. */
  height?: number | string
  selected?: string | undefined
  testid?: string
}): ReactNode {
  const { t } = useTranslation()
  const [sorting, setSorting] = useState<SortingState>(props.sorted === undefined ? [] : [props.sorted])
  const [active, setActive] = useState(0)
  const area = useRef<HTMLDivElement>(null)
  const body = useRef<HTMLTableSectionElement>(null)

  const columns = useMemo(
    () =>
      props.columns.map(
        (column): ColumnDef<typeof features, Row> => ({
          id: column.id,
          accessorFn: (row) => column.sort?.(row) ?? undefined,
          enableSorting: column.sort !== undefined,
          sortFn: 'basic',
          sortUndefined: 'last',
        }),
      ),
    [props.columns],
  )
  const table = useTable(
    { features, columns, data: props.rows, state: { sorting }, onSortingChange: setSorting },
    (state) => ({ sorting: state.sorting }),
  )
  const rows = table.getRowModel().rows
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => area.current,
    estimateSize: () => rowHeight,
    overscan: 6,
    initialRect: { width: 0, height: initialHeight },
  })
  const items = virtual.getVirtualItems()
  const first = items[0]
  const last = items.at(-1)
  const above = first?.start ?? 0
  const below = last === undefined ? 0 : virtual.getTotalSize() - last.end

  const { onEnd, more } = props
  const seen = last?.index ?? -1
  useEffect(() => {
    if (more === true && onEnd !== undefined && seen >= rows.length - 8) onEnd()
  }, [seen, rows.length, more, onEnd])

  function move(to: number): void {
    const index = Math.max(0, Math.min(rows.length - 1, to))
    setActive(index)
    virtual.scrollToIndex(index)
    requestAnimationFrame(() => body.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus())
  }

  // Rows are drawn again only when they change themselves, so what they call must stay the same.
  const does = useRef<RowDeeds<Row>>(null)
  does.current = {
    focused: setActive,
    pressed(event, index, row) {
      const jumps: { [key: string]: number } = {
        ArrowDown: index + 1,
        ArrowUp: index - 1,
        PageDown: index + 10,
        PageUp: index - 10,
        Home: 0,
        End: rows.length - 1,
      }
      const to = jumps[event.key]
      if (event.target !== event.currentTarget) return
      if (to !== undefined) {
        event.preventDefault()
        move(to)
      } else if ((event.key === 'Enter' || event.key === ' ') && props.onOpen !== undefined) {
        event.preventDefault()
        props.onOpen(row)
      }
    },
    clicked(event, row) {
      // A link or button inside the row speaks for itself, and marking text is not opening.
      if ((event.target as Element).closest('a,button,input,label') !== null) return
      if (document.getSelection()?.type === 'Range') return
      props.onOpen?.(row)
    },
  }

  const widthOf = new Map(props.columns.map((column) => [column.id, column.width]))
  const least = props.columns.reduce((sum, column) => sum + (column.width ?? 140), 0)
  return (
    <Box
      ref={area}
      className={classes.area}
      style={{ maxHeight: props.height ?? 'calc(100dvh - 260px)' }}
      data-testid={props.testid}
    >
      <table
        className={classes.table}
        style={{ minWidth: least }}
        aria-label={props.label}
        aria-rowcount={rows.length + 1}
      >
        <colgroup>
          {props.columns.map((column) => (
            <col key={column.id} style={column.width === undefined ? {} : { width: widthOf.get(column.id) }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {props.columns.map((column) => {
              const now = sorting.find((sort) => sort.id === column.id)
              const state = now === undefined ? 'none' : now.desc ? 'descending' : 'ascending'
              return (
                <th
                  key={column.id}
                  scope="col"
                  className={column.align === 'right' ? classes.right : undefined}
                  {...(column.sort === undefined ? {} : { 'aria-sort': state })}
                >
                  {column.sort === undefined ? (
                    column.header
                  ) : (
                    <button
                      type="button"
                      className={classes.sort}
                      onClick={() => setSorting([{ id: column.id, desc: now === undefined ? true : !now.desc }])}
                    >
                      {column.header}
                      {state === 'none' ? (
                        <IconArrowsSort size={13} aria-hidden opacity={0.4} />
                      ) : state === 'descending' ? (
                        <IconArrowDown size={13} aria-hidden />
                      ) : (
                        <IconArrowUp size={13} aria-hidden />
                      )}
                    </button>
                  )}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody ref={body}>
          {above > 0 ? <tr style={{ height: above }} aria-hidden /> : null}
          {items.map((item) => {
            const row = rows[item.index]
            if (row === undefined) return null
            const key = props.rowKey(row.original)
            return (
              <TableRow
                key={key}
                id={key}
                row={row.original}
                index={item.index}
                columns={props.columns}
                measure={virtual.measureElement}
                chosen={props.selected === key}
                reached={item.index === Math.min(active, rows.length - 1)}
                opens={props.onOpen !== undefined}
                does={does}
              />
            )
          })}
          {below > 0 ? <tr style={{ height: below }} aria-hidden /> : null}
        </tbody>
      </table>
      {more === true ? (
        <Group justify="center" p="xs">
          <Text size="xs" c="dimmed">
            {t('kit.more')}
          </Text>
        </Group>
      ) : null}
    </Box>
  )
}

type RowDeeds<Row> = {
  focused: (index: number) => void
  pressed: (event: KeyboardEvent, index: number, row: Row) => void
  clicked: (event: MouseEvent, row: Row) => void
}

function PlainRow<Row extends object>(props: {
  id: string
  row: Row
  index: number
  columns: Column<Row>[]
  measure: (element: HTMLElement | null) => void
  chosen: boolean
  /** The row that the tab key leads to. */
  reached: boolean
  opens: boolean
  does: RefObject<RowDeeds<Row> | null>
}): ReactNode {
  const { row, index, does } = props
  return (
    <tr
      ref={props.measure}
      data-index={index}
      data-row={props.id}
      aria-rowindex={index + 2}
      aria-selected={props.chosen}
      tabIndex={props.reached ? 0 : -1}
      className={props.opens ? `${classes.row} ${classes.open}` : classes.row}
      onFocus={() => does.current?.focused(index)}
      onKeyDown={(event) => does.current?.pressed(event, index, row)}
      onClick={(event) => does.current?.clicked(event, row)}
    >
      {props.columns.map((column) => (
        <td key={column.id} className={column.align === 'right' ? classes.right : undefined}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  )
}

const TableRow = memo(PlainRow) as typeof PlainRow
