import { type TestGround, testGround } from '@einklang/platform/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Audited, appendAudit, listAudit, verifyAudit } from './audit.ts'
import { type ChainEntry, canonicalJson, chainVerifier, entryHash } from './chain.ts'

let town: TestGround
beforeEach(async () => {
  town = await testGround()
})
afterEach(() => town.close())

const viewed = (id: string): Audited => ({
  actor: { kind: 'key', key: 'k1', name: 'ERP', roles: ['support'] },
  action: 'person.viewed',
  object: { kind: 'person', id },
  purpose: 'support',
  details: { fields: ['email', 'phone'], score: 0.1, nested: { b: null, a: 'ü\n' } },
})

test('parallel writers leave one unbroken chain', async () => {
  const { database } = town.ground
  await Promise.all(
    Array.from({ length: 40 }, (_, index) => database.transaction((tx) => appendAudit(tx, viewed(`p${index}`)))),
  )
  expect(await verifyAudit(database)).toMatchObject({ entries: 40, valid: true, firstBad: null })
})

test('an entry whose transaction fails leaves no gap', async () => {
  const { database } = town.ground
  await database.transaction((tx) => appendAudit(tx, viewed('a')))
  const failing = database.transaction(async (tx) => {
    await appendAudit(tx, viewed('b'))
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  await database.transaction((tx) => appendAudit(tx, viewed('c')))
  expect(await verifyAudit(database)).toMatchObject({ entries: 2, valid: true })
})

test('the database refuses to change, delete or truncate the log', async () => {
  const { database } = town.ground
  await database.transaction((tx) => appendAudit(tx, viewed('a')))
  await expect(database.run`update governance.audit_entry set action = 'x'`).rejects.toThrow('append-only')
  await expect(database.run`delete from governance.audit_entry`).rejects.toThrow('append-only')
  await expect(database.run`truncate governance.audit_entry`).rejects.toThrow('append-only')
})

test('tampering past the triggers is found, also a cut-off end', async () => {
  const { database } = town.ground
  for (const id of ['a', 'b', 'c', 'd']) await database.transaction((tx) => appendAudit(tx, viewed(id)))
  const tampered = async (sequence: number, reason: RegExp) =>
    expect(await verifyAudit(database)).toMatchObject({
      valid: false,
      firstBad: { sequence, reason: expect.stringMatching(reason) },
    })

  await database.run`alter table governance.audit_entry disable trigger all`
  await database.run`delete from governance.audit_entry where sequence = 4`
  await tampered(4, /cut off/)
  await database.run`update governance.audit_entry set details = '{}' where sequence = 2`
  await tampered(2, /does not match/)
  await database.run`delete from governance.audit_entry where sequence = 1`
  await tampered(2, /missing/)
})

test('the log is filtered and paged, newest first', async () => {
  const { database } = town.ground
  for (const id of ['a', 'b', 'c']) await database.transaction((tx) => appendAudit(tx, viewed(id)))
  await database.transaction((tx) =>
    appendAudit(tx, {
      actor: 'system',
      action: 'person.erased',
      object: { kind: 'person', id: 'a' },
      result: 'refused',
      reason: 'on hold',
    }),
  )
  const ids = async (filter: object) =>
    (await listAudit(database, { limit: 50, ...filter })).items.map((entry) => entry.sequence)
  expect(await ids({})).toEqual([4, 3, 2, 1])
  expect(await ids({ action: 'person.' })).toEqual([4, 3, 2, 1])
  expect(await ids({ action: 'person.viewed', objectId: 'a' })).toEqual([1])
  expect(await ids({ result: 'refused' })).toEqual([4])
  expect(await ids({ actor: 'k1', to: '2026-03-02T09:00:00.001Z' })).toEqual([3, 2, 1])
  const page = await listAudit(database, { limit: 3 })
  expect(page.next).toBe('2')
  expect(await ids({ after: page.next })).toEqual([1])
})

function chainOf(count: number): ChainEntry[] {
  const chain: ChainEntry[] = []
  for (let sequence = 1; sequence <= count; sequence++) {
    const previous = chain.at(-1)?.hash ?? null
    const facts = {
      sequence,
      at: new Date(sequence * 1000).toISOString(),
      actor: { kind: 'system' as const, id: 'system', name: 'Einklang' },
      action: 'price.changed',
      object: { kind: 'product', id: `sku-${sequence % 7}` },
      purpose: null,
      result: 'ok' as const,
      reason: null,
      details: { amount: sequence },
    }
    chain.push({ ...facts, previous, hash: entryHash(previous, facts) })
  }
  return chain
}

function verdictOn(chain: ChainEntry[], original: ChainEntry[]) {
  const verifier = chainVerifier()
  for (const entry of chain) if (!verifier.add(entry)) break
  const end = original.at(-1)
  return verifier.verdict({ sequence: original.length, hash: end?.hash ?? null })
}

test('every random edit, deletion, insertion, swap and truncation is found', () => {
  const original = chainOf(60)
  expect(verdictOn(original, original).valid).toBe(true)
  const position = fc.nat(59)
  const tampering = fc.oneof(
    fc
      .tuple(position, fc.constantFrom('action', 'at', 'hash', 'previous'), fc.string())
      .map(([at, field, text]) =>
        original.map((entry, index) => (index === at ? { ...entry, [field]: `${text}!` } : entry)),
      ),
    position.map((at) => original.toSpliced(at, 1)),
    fc.tuple(position, position).map(([from, to]) => original.toSpliced(to, 0, original[from] as ChainEntry)),
    fc.nat(58).map((at) => original.toSpliced(at, 2, original[at + 1] as ChainEntry, original[at] as ChainEntry)),
    fc.nat(59).map((length) => original.slice(0, length)),
  )
  fc.assert(
    fc.property(tampering, (chain) => verdictOn(chain, original).valid === false),
    { numRuns: 2000, seed: 7 },
  )
})

test('canonical JSON has one spelling whatever the order of keys', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'ü' }], a: 1e21, A: true, gone: undefined })).toBe(
    '{"A":true,"a":1e+21,"b":[1,{"c":"ü","d":null}]}',
  )
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})
