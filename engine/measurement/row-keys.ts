import { type Block, idsOf, numbersOf } from '@einklang/platform'
import { copyId, grown, Ids, sameId } from './ids.ts'

/** What orders and paths are kept under: whose it is, when, and the order or touch that it ends with. */
export type RowKeys = { size: number; person: Uint32Array; at: Float64Array; event: Uint32Array }

export function noKeys(): RowKeys {
  return { size: 0, person: new Uint32Array(0), at: new Float64Array(0), event: new Uint32Array(0) }
}

export function addKeys(keys: RowKeys, { columns, rows }: Block): void {
  const [person, at, event] = [idsOf(columns.person), numbersOf(columns.at), idsOf(columns.event)]
  for (let row = 0; row < rows; row++) addKey(keys, person, at[row] as number, event, row)
}

function addKey(keys: RowKeys, person: Uint32Array, at: number, event: Uint32Array, row: number): void {
  const size = ++keys.size
  keys.person = grown(keys.person, size * 4)
  keys.at = grown(keys.at, size)
  keys.event = grown(keys.event, size * 4)
  copyId(person, row, keys.person, size - 1)
  keys.at[size - 1] = at
  copyId(event, row, keys.event, size - 1)
}

/** Which of the keys before are no more; an event ends one row. */
export function goneAmong(before: RowKeys, now: RowKeys): RowKeys {
  const gone = noKeys()
  if (before.size === 0) return gone
  const events = new Ids()
  const rows: number[] = []
  for (let row = 0; row < now.size; row++) rows[events.add(now.event, row)] = row
  for (let row = 0; row < before.size; row++) {
    const same = rows[events.find(before.event, row)]
    const stays = same !== undefined && now.at[same] === before.at[row] && sameId(now.person, same, before.person, row)
    if (!stays) addKey(gone, before.person, before.at[row] as number, before.event, row)
  }
  return {
    ...gone,
    person: gone.person.slice(0, gone.size * 4),
    at: gone.at.slice(0, gone.size),
    event: gone.event.slice(0, gone.size * 4),
  }
}
