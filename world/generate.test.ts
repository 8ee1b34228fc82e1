import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type GenerateRequest, generate, Stopped, smallTown, UsageError, writeWorld } from './index.ts'

const room = mkdtempSync(join(tmpdir(), 'einklang-world-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

// Six hundred persons in two partitions over 20 weeks: enough for parts to be made in any order.
const small = {
  size: 'S',
  seed: 11,
  weeks: 20,
  options: { scale: 0.06 },
  until: new Date('2024-05-15T09:30:00Z'),
} as const

function folder(name: string): { write: string; truth: string } {
  return { write: join(room, name), truth: join(room, `${name}-truth`) }
}

/** Path → hash of everything that lies on disk. */
function hashes(path: string): { [path: string]: string } {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file.slice(path.length), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  )
}

test('the bytes are the same for 1, 2 and 4 workers, and after a stop at a random point', async () => {
  const one = folder('one')
  await generate({ ...small, ...one, workers: 1 })
  const expected = { product: hashes(join(one.write, 'product')), truth: hashes(one.truth) }
  expect(Object.keys(expected.product).length).toBeGreaterThan(100)
  const four = folder('four')
  await generate({ ...small, ...four, workers: 4 })
  expect(hashes(join(four.write, 'product'))).toEqual(expected.product)
  expect(hashes(four.truth)).toEqual(expected.truth)
  const stopped = folder('stopped')
  // Two stops, and the rest on two threads: what was finished is kept, whoever made it.
  for (const after of [3, 40]) {
    const stop = new AbortController()
    const onProgress: GenerateRequest['onProgress'] = ({ done }) => {
      if (done === after) stop.abort()
    }
    await expect(generate({ ...small, ...stopped, workers: 1, onProgress, signal: stop.signal })).rejects.toThrow(
      Stopped,
    )
    expect(existsSync(join(stopped.write, 'product', 'manifest.json'))).toBe(false)
  }
  await generate({ ...small, ...stopped, workers: 2 })
  expect(hashes(join(stopped.write, 'product'))).toEqual(expected.product)
  expect(hashes(stopped.truth)).toEqual(expected.truth)
  expect(existsSync(join(stopped.truth, '.work'))).toBe(false)
}, 180_000)

test('the manifest tells of every file its rows, its hash and how to import it', async () => {
  const place = folder('manifest')
  const manifest = await generate({ size: 'town', seed: 7, write: place.write, workers: 1 })
  expect(manifest.files.length).toBe(Object.keys(hashes(join(place.write, 'product'))).length - 1)
  for (const file of manifest.files) {
    const bytes = readFileSync(join(place.write, 'product', file.path))
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256)
    const lines = bytes.toString('latin1').split('\n').length - 1
    const headed = file.path.endsWith('.csv') ? 1 : 0
    expect([file.path, lines - headed]).toEqual([file.path, file.rows])
    if (file.mapping && headed) {
      const text = bytes.toString(file.mapping.encoding === 'windows-1252' ? 'latin1' : 'utf8')
      const columns = (text.split('\n')[0] as string).split(file.mapping.delimiter ?? ',')
      expect(Object.values(file.mapping.fields).filter((column) => !columns.includes(column))).toEqual([])
    }
  }
  // Made once: the same call finds it complete and leaves it alone.
  expect(await generate({ size: 'town', seed: 7, write: place.write, workers: 1 })).toEqual(manifest)
})

test('another seed is another world', async () => {
  const [one, other] = [smallTown(1), smallTown(2)]
  expect(one.files.get('loyalty.csv')?.bytes.equals(other.files.get('loyalty.csv')?.bytes as Buffer)).toBe(false)
})

test('a channel that is off sends nothing and costs nothing', async () => {
  const place = folder('off')
  const manifest = await generate({
    size: 'town',
    seed: 7,
    write: place.write,
    workers: 1,
    options: { channelsOff: ['email', 'radio'] },
  })
  expect(manifest.counts.emails).toBe(0)
  expect(readFileSync(join(place.write, 'product/media/spend_klassisch.csv'), 'utf8')).not.toContain('radio')
})

test('the small town has forty people known by name', () => {
  const town = smallTown(7)
  expect(Object.keys(town.people).slice(0, 3)).toEqual(['ada', 'ben', 'cem'])
  expect(Object.keys(town.people).length).toBe(40)
  expect(town.people.ada).toMatchObject({ first: 'Ada', email: 'ada@example.com', hasAccount: true, hasCard: true })
  expect(town.stores.length).toBe(3)
  expect(town.products.length).toBeGreaterThanOrEqual(200)
  const calls = town.calls()
  expect(calls.length).toBeGreaterThan(100)
  const times = calls.map((call) => String(call.timestamp))
  expect(times).toEqual(times.toSorted())
  for (const call of calls) expect(['page', 'screen', 'track', 'identify']).toContain(call.type)
})

test('truth inside the product’s directory is refused, also behind a link', async () => {
  const write = join(room, 'refused')
  const refused = (truth: string) => generate({ size: 'town', seed: 7, write, truth, workers: 1 })
  await expect(refused(join(write, 'product'))).rejects.toThrow(/lies inside the product/)
  await expect(refused(join(write, 'product', 'deep', 'truth'))).rejects.toThrow(UsageError)
  mkdirSync(join(write, 'product', 'hidden'), { recursive: true })
  symlinkSync(join(write, 'product', 'hidden'), join(room, 'link'))
  await expect(refused(join(room, 'link'))).rejects.toThrow(/Choose a directory outside/)
  expect(existsSync(join(write, 'product', 'hidden', 'identity.ndjson'))).toBe(false)
})

test.each([
  [{ size: 'XL' }, /Unknown size “XL”. Allowed: town, S, M/],
  [{ size: 'S', weeks: '19' }, /19 weeks do not fit size S. Allowed: 20 to 260/],
  [{ seed: '7.5' }, /--seed 7.5 is no whole number/],
  [{ seed: 'abc' }, /--seed abc is no whole number/],
  [{ start: '2024-01-02' }, /--start 2024-01-02 is no Monday/],
  [{ until: 'tomorrow' }, /--until tomorrow is no instant/],
  [{ channelsOff: 'email,fax' }, /Unknown channel “fax” in channels off. Allowed: brand_search/],
  [{ collinearity: '0.5' }, /Collinearity 0.5 is not offered. Allowed: 0.3, 0.6, 0.9/],
  [{ defects: '99' }, /Allowed: 0 to 10/],
  [{ workers: '0' }, /0 workers are not possible/],
])('%o is refused with what is allowed', async (args, message) => {
  const attempt = async () => writeWorld({ write: join(room, 'bad'), ...args })
  await expect(attempt()).rejects.toThrow(message)
  await expect(attempt()).rejects.toMatchObject({ exitCode: 2 })
  expect(existsSync(join(room, 'bad'))).toBe(false)
})

test('a file where a directory should be is said in one sentence', async () => {
  writeFileSync(join(room, 'file'), '')
  const write = join(room, 'file', 'world')
  await expect(generate({ size: 'town', seed: 7, write, workers: 1 })).rejects.toThrow(
    /is no directory: choose another one/,
  )
})
