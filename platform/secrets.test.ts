import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSecrets, masterSecret } from './secrets.ts'

const secrets = createSecrets('x'.repeat(40))

test('a signature holds for its text and purpose only', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(42), (text, other, place) => {
      const signature = secrets.sign('unsubscribe', text)
      expect(secrets.verify('unsubscribe', text, signature)).toBe(true)
      expect(secrets.verify('click', text, signature)).toBe(false)
      if (other !== text) expect(secrets.verify('unsubscribe', other, signature)).toBe(false)
      const changed = `${signature.slice(0, place)}${signature[place] === 'A' ? 'B' : 'A'}${signature.slice(place + 1)}`
      if (changed !== signature) expect(secrets.verify('unsubscribe', text, changed)).toBe(false)
      expect(createSecrets('y'.repeat(40)).verify('unsubscribe', text, signature)).toBe(false)
    }),
  )
})

test('a sealed value opens only where it belongs and unchanged', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), (plain, seed) => {
      const sealed = secrets.seal('connector', plain, 'delivery.connector/1')
      expect(new Uint8Array(secrets.open('connector', sealed, 'delivery.connector/1'))).toEqual(plain)
      expect(() => secrets.open('connector', sealed, 'delivery.connector/2')).toThrow('cannot be opened')
      expect(() => secrets.open('other', sealed, 'delivery.connector/1')).toThrow('cannot be opened')
      const changed = new Uint8Array(sealed)
      const place = seed % changed.length
      changed[place] = (changed[place] as number) ^ 1
      expect(() => secrets.open('connector', changed, 'delivery.connector/1')).toThrow(/cannot be opened|unknown form/)
    }),
  )
})

test('the master secret is made once and readable by us alone', () => {
  const directory = mkdtempSync(join(tmpdir(), 'secret-'))
  const made = masterSecret(null, directory)
  expect(made.length).toBeGreaterThanOrEqual(64)
  expect(masterSecret(null, directory)).toBe(made)
  expect(statSync(join(directory, 'master.secret')).mode & 0o777).toBe(0o600)
  expect(masterSecret('given', directory)).toBe('given')
  rmSync(directory, { recursive: true })
})
