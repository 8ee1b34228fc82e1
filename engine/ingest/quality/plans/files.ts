import { type ImportKind, type Json, type JsonObject, kept, type NormalEvent, type SourceId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { type Call, emptyNode, type Node } from './document.ts'
import { planIn, storedPlan } from './store.ts'
import { judgeOf } from './violations.ts'

/** What a supplier of files has promised: columns by their names in the file. */
export type FileContract = {
  /** Required columns that a file with these columns lacks. */
  missing(columns: string[]): string[]
  /** Why a row breaks the contract, as a kept sentence; null = it keeps it. */
  broken(columns: string[], cells: string[] | JsonObject): string | null
}

/** The live plan's word on files of this kind; null = none. */
export async function fileContract(
  database: Database,
  source: SourceId,
  kind: ImportKind,
): Promise<FileContract | null> {
  const live = await planIn(database, source, ['live'])
  const plan = live && storedPlan(live.document)
  const file = plan?.files.get(kind)
  if (!plan || !file) return null
  const root: Node = { ...emptyNode(), types: ['object'], properties: new Map(file.columns), required: file.required }
  const call: Call = { kind: 'events', name: kind, root, identifiers: [], description: '', actions: plan.actions }
  const judge = judgeOf({ ...plan, events: new Map([[kind, call]]), aliases: new Map() })
  return {
    missing: (columns) => file.required.filter((name) => !columns.includes(name)),
    broken(columns, cells) {
      const properties: [string, Json][] = []
      for (const [column, node] of file.columns) {
        const cell = Array.isArray(cells) ? cells[columns.indexOf(column)] : ownOf(cells, column)
        const value = typeof cell === 'string' ? valueOf(node, cell.trim()) : cell
        // An empty cell is a value that is not there.
        if (value !== undefined && value !== null && value !== '') properties.push([column, value])
      }
      const event = { kind: 'track', name: kind, identifiers: [], properties: Object.fromEntries(properties) }
      const [found] = judge(event as unknown as NormalEvent)
      if (!found) return null
      const { expected, found: there } = found
      const column = found.path.replace(/^properties\./, '')
      return found.code === 'plan.missing_required'
        ? kept('plan_lacks', { column, expected })
        : kept('breaks_plan', { column, expected, found: there })
    },
  }
}

function ownOf(cells: JsonObject, column: string): Json | undefined {
  return Object.hasOwn(cells, column) ? cells[column] : undefined
}

/** A cell is text; where the plan wants a number or yes and no, it is read as one. A decimal comma is a comma here. */
function valueOf(node: Node, text: string): Json {
  const types = node.types ?? []
  if (types.includes('number') || types.includes('integer')) {
    const plain = /^[+-]?\d{1,3}(\.\d{3})*,\d+$/.test(text)
      ? text.replaceAll('.', '').replace(',', '.')
      : text.replace(/^([+-]?\d+),(\d+)$/, '$1.$2')
    if (/^[+-]?\d+(\.\d+)?$/.test(plain)) return Number(plain)
  }
  if (types.includes('boolean') && /^(true|false|ja|nein|yes|no|1|0)$/i.test(text))
    return /^(true|ja|yes|1)$/i.test(text)
  return text
}
