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
