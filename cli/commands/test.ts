import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Command } from '../command.ts'

export const test: Command = {
  name: 'test',
  summary: 'Run the test suite, or the files named',
  operands: { text: '[FILE…]', least: 0, most: 1000 },
  flags: {},
  help: 'Example: einklang test engine/consent',
  async run(call) {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
    const child = spawn(process.execPath, [vitest, 'run', ...call.operands], {
      cwd: root,
      stdio: ['inherit', call.json ? 2 : 'inherit', 'inherit'],
    })
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)))
    if (code !== 0) call.fail()
    return call.json ? { passed: code === 0 } : undefined
  },
}
