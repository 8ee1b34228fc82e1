import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from '@einklang/world'
import { afterAll, expect, test } from 'vitest'
import { makeApart } from './make.ts'

const room = mkdtempSync(join(tmpdir(), 'einklang-make-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

test('the world made in a process of its own, stopped and continued, is the world made here', async () => {
  const request = { size: 'S', seed: 7, weeks: 20, workers: 1, options: { scale: 0.004 } } as const
  const apart = { ...request, write: join(room, 'apart') }
  const stopping = new AbortController()
  const stopped = makeApart(apart, { onProgress: (done) => done > 3 && stopping.abort(), signal: stopping.signal })
  await expect(stopped).rejects.toThrow('run it again with the same arguments to go on')
  expect(existsSync(join(room, 'apart', 'product', 'manifest.json'))).toBe(false)
  await makeApart(apart, { onProgress: () => {}, signal: new AbortController().signal })
  const made = JSON.parse(readFileSync(join(room, 'apart', 'product', 'manifest.json'), 'utf8')) as { sha256: string }
  const here = await generate({ ...request, write: join(room, 'here') })
  expect(made.sha256).toBe(here.sha256)
}, 60_000)
