import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Misuse } from '../command.ts'
import { nearest } from '../suggest.ts'

const folder = fileURLToPath(new URL('../../bench', import.meta.url))

export const bench: Command = {
  name: 'bench',
  summary: 'Measure one claim of docs/benchmarks.md on this machine; without a name, list them',
  operands: { text: '[NAME] [ARGUMENT…]', least: 0, most: 20 },
  flags: {},
  help: 'What is measured and how stands in bench/NAME. Example: einklang bench ingest',
  async run(call) {
    const names = claims()
    const [name, ...rest] = call.operands
    if (name === undefined) {
      for (const known of names) call.show(known)
      return { items: names }
    }
    if (!names.includes(name)) {
      const meant = nearest(name, names)
      throw new Misuse(`There is no benchmark "${name}".`, meant ? `einklang bench ${meant}` : 'einklang bench')
    }
    const words = [
      '--conditions=source',
      '--disable-warning=ExperimentalWarning',
      join(folder, name, 'index.ts'),
      ...rest,
    ]
    // With --json our stdout is for the one document; what the benchmark prints goes beside it.
    const child = spawn(process.execPath, words, { stdio: ['inherit', call.json ? 2 : 'inherit', 'inherit'] })
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)))
    if (code !== 0) call.fail()
    return { name, passed: code === 0 }
  },
}

function claims(): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'index.ts')))
    .map((entry) => entry.name)
    .sort()
}
