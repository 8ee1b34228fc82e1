import { access, readFile } from 'node:fs/promises'
import { api, type ImportKind, type ImportMapping, importKinds } from '@einklang/contract'
import type { Client } from '@einklang/sdk'
import { type Command, dataFlags, Misuse } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'
import { importFile } from '../import.ts'
import { startProgress } from '../progress.ts'
import { nearest } from '../suggest.ts'
import { findSource } from './sources.ts'

const kinds = Object.keys(importKinds)

export const importCommand: Command = {
  name: 'import',
  summary: 'Bring files of other systems in; an interrupted upload continues where it stopped',
  operands: { text: 'FILE…', least: 1, most: 1000 },
  flags: {
    kind: { value: 'KIND', text: `one of ${kinds.join(', ')}` },
    source: { value: 'SOURCE', text: 'the source it comes from (einklang source list)' },
    mapping: {
      value: 'FILE|NAME',
      text: 'JSON file with our field → column, or a saved mapping (default: recognised by the column names)',
    },
    'save-mapping': { value: 'NAME', text: 'keep the mapping that was used under this name' },
    'dry-run': { text: 'check every row and change nothing' },
    ...dataFlags,
    ...reachFlags,
  },
  help: 'Rows that do not fit and values that are not used go to FILE.rejects.csv with row number and reason; the others are imported.',
  async run(call) {
    const kind = kindOf(call.flag('kind'))
    const source = call.flag('source')
    if (source === undefined) throw new Misuse('"import" needs --source.', 'einklang source list')
    const wanted = call.flag('mapping')
    const inFile = wanted === undefined || (await isFile(wanted)) ? await mappingIn(wanted) : undefined
    // A wrong name is told before anything starts.
    for (const file of call.operands) await access(file)
    return withServer(call, async (reached) => {
      const { id } = await findSource(reached.client, source)
      const mapping = inFile ?? (wanted === undefined ? undefined : await savedAs(reached.client, wanted))
      const items = []
      for (const file of call.operands) {
        call.tell(file)
        const detail = await importFile(reached, {
          file,
          kind,
          source: id,
          dryRun: call.switch('dry-run'),
          ...(mapping ? { mapping } : {}),
          step: (label, total) => startProgress({ label, total, unit: 'bytes' }),
          rejectsFile: `${file}.rejects.csv`,
        })
        if (detail.state !== 'done') call.fail()
        const name = call.flag('save-mapping')
        if (name !== undefined && detail.state === 'done') {
          await reached.client.call(api.ingest.saveMapping, {
            params: { name },
            body: { kind, mapping: detail.mapping, columns: detail.columns },
          })
        }
        if (detail.rejectsPath !== null)
          call.tell(`Rows that do not fit, values not used or doubted: ${file}.rejects.csv`)
        const { state, accepted, rejected, duplicates, waiting, rowsRead, error, findings } = detail
        const known = duplicates > 0 ? `, ${duplicates} known already` : ''
        const refused = rejected > 0 ? `, ${rejected} rejected` : ''
        call.show(`${file}: ${state}, ${accepted} of ${rowsRead} rows${refused}${known}`)
        // Rows that can be read and cannot be believed are no rejects; a newcomer would look for them in vain.
        if (waiting > 0)
          call.show(
            detail.dryRun
              ? `  ${waiting} would wait in quarantine`
              : `  ${waiting} ${waiting === 1 ? 'waits' : 'wait'} in quarantine (console: Data → Quarantine)`,
          )
        for (const { code, path, action, count, rows, message } of findings)
          call.show(`  ${count} × ${code} ${path} (${action}), rows ${rows.join(', ')}: ${message}`)
        items.push({
          file,
          import: detail.id,
          state,
          rowsRead,
          accepted,
          rejected,
          duplicates,
          waiting,
          error,
          findings,
        })
      }
      return { items }
    })
  },
}

/** The kind of file that is meant. */
export function kindOf(kind: string | undefined): ImportKind {
  if (kind === undefined) throw new Misuse('"import" needs --kind.', `--kind ${kinds.join('|')}`)
  if (!kinds.includes(kind)) {
    const meant = nearest(kind, kinds)
    throw new Misuse(`There is no kind of import "${kind}".`, meant ? `--kind ${meant}` : `--kind ${kinds.join('|')}`)
  }
  return kind as ImportKind
}

async function isFile(name: string): Promise<boolean> {
  return access(name).then(
    () => true,
    () => /[./\\]/.test(name),
  )
}

async function savedAs(client: Client, name: string): Promise<ImportMapping> {
  const { items } = await client.call(api.ingest.savedMappings, { query: {} })
  const found = items.find((one) => one.name === name)
  if (found) return found.mapping as ImportMapping
  const meant = nearest(
    name,
    items.map((one) => one.name),
  )
  throw new Misuse(`There is no file and no saved mapping "${name}".`, meant ?? undefined)
}

/** A mapping in a JSON file. */
export async function mappingIn(file: string | undefined): Promise<ImportMapping | undefined> {
  if (file === undefined) return undefined
  const text = await readFile(file, 'utf8')
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Misuse(`${file} is not JSON: ${(error as Error).message}.`)
  }
  const mapping = api.ingest.importMapping.safeParse(parsed)
  if (mapping.success) return mapping.data as ImportMapping
  const issue = mapping.error.issues[0]
  throw new Misuse(`${file} is not a mapping: ${issue?.path.join('.')} ${issue?.message}.`)
}
