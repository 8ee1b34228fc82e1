import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from './failure.ts'

/** Keys derived from the installation's master secret (kept in the data directory or `EINKLANG_SECRET`). */
export type Secrets = {
  /** HMAC-SHA256 of the text under a key that only this purpose uses; base64url. */
  sign(purpose: string, text: string): string
  /** Constant-time check of `sign`. */
  verify(purpose: string, text: string, signature: string): boolean
  /** AES-256-GCM; `bound` (table, row) must be given again to open. */
  seal(purpose: string, plain: Uint8Array, bound: string): Uint8Array
  open(purpose: string, sealed: Uint8Array, bound: string): Uint8Array
}

/** Everything hangs on one secret of at least 32 characters; losing it makes sealed values and links unreadable. */
export function createSecrets(master: string): Secrets {
  assert(master.length >= 32, 'the master secret has fewer than 32 characters')
  const keys = new Map<string, Buffer>()
  const keyFor = (use: 'sign' | 'seal', purpose: string): Buffer => {
    const name = `einklang/${use}/${purpose}`
    const known = keys.get(name)
    if (known) return known
    const made = Buffer.from(hkdfSync('sha256', master, 'einklang', name, 32))
    keys.set(name, made)
    return made
  }
  // A key object is prepared once; plain bytes would be prepared again for every signature, at six times the cost.
  const signing = new Map<string, KeyObject>()
  const sign = (purpose: string, text: string) => {
    let key = signing.get(purpose)
    if (!key) {
      key = createSecretKey(keyFor('sign', purpose))
      signing.set(purpose, key)
    }
    return createHmac('sha256', key).update(text).digest('base64url')
  }
  return {
    sign,
    verify(purpose, text, signature) {
      const expected = Buffer.from(sign(purpose, text))
      const given = Buffer.from(signature)
      return expected.length === given.length && timingSafeEqual(expected, given)
    },
    // Layout: version byte, 12 bytes nonce, 16 bytes tag, ciphertext.
    seal(purpose, plain, bound) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', keyFor('seal', purpose), nonce).setAAD(Buffer.from(bound))
      const text = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), text])
    },
    open(purpose, sealed, bound) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      if (bytes.length < 29 || bytes[0] !== 1) throw new Error(`A sealed ${purpose} value has an unknown form`)
      const cipher = createDecipheriv('aes-256-gcm', keyFor('seal', purpose), bytes.subarray(1, 13))
        .setAAD(Buffer.from(bound))
        .setAuthTag(bytes.subarray(13, 29))
      try {
        return Buffer.concat([cipher.update(bytes.subarray(29)), cipher.final()])
      } catch (cause) {
        throw new Error(
          `A sealed ${purpose} value cannot be opened: it was moved, changed, or the master secret is another one`,
          { cause },
        )
      }
    },
  }
}

/** The secret of this installation: given, or kept in `master.secret` of the data directory (0600), made on first start. */
export function masterSecret(given: string | null, dataDirectory: string): string {
  if (given !== null) return given
  const file = join(dataDirectory, 'master.secret')
  if (!existsSync(file)) {
    mkdirSync(dataDirectory, { recursive: true })
    // Written beside and linked, so that a crash leaves no half secret and two starters agree on one.
    const fresh = `${file}.${process.pid}`
    writeFileSync(fresh, `${randomBytes(48).toString('base64url')}\n`, { mode: 0o600 })
    try {
      linkSync(fresh, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      rmSync(fresh, { force: true })
    }
  }
  return readFileSync(file, 'utf8').trim()
}
