/**
 * Number of `bits` (at most 53) that tells texts of one owner apart, such as contents under one id (cyrb53 of bryc, public
 * domain). Not cryptographic: a native hash costs more in the call than in the work.
 */
export function shortHash(text: string, bits: number): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return 4294967296 * ((2 ** (bits - 32) - 1) & low) + (high >>> 0)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the case that needs no work
const ascii = /^[\x00-\x7f]*$/

/** Small letters without accents: `Café` and `Köln` become `cafe` and `koln`, `Weiß` becomes `weiss`. */
export function unaccented(text: string): string {
  const small = text.toLowerCase()
  return ascii.test(small) ? small : small.replaceAll('ß', 'ss').normalize('NFKD').replaceAll(/\p{M}/gu, '')
}

/** Small letters without accents, umlauts written out: `Köln` becomes `koeln`. What else stays is the caller's choice. */
export function foldText(text: string): string {
  const small = text.toLowerCase()
  return ascii.test(small) ? small : unaccented(small.replaceAll('ä', 'ae').replaceAll('ö', 'oe').replaceAll('ü', 'ue'))
}
