/** Fetched when somebody chooses a password: the list is large, and asked for seldom. */
async function commonPasswords(): Promise<ReadonlySet<string | number>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'])
}

const look: { [sign: string]: string } = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
}

/**
 * Why a new password is refused, or null. There is no rule of composition (spec security §3): length is the
 * door's business, here we ask only whether somebody would try it early.
 */
export async function weakness(
  password: string,
  house: { brand: string; email: string; name: string },
): Promise<string | null> {
  const lower = password.normalize('NFKC').toLowerCase()
  if (isCommon(lower, await commonPasswords())) return 'It is on the list of the most used passwords.'
  if (/^\d+$/.test(lower)) return 'It consists of digits only.'
  if (new Set(lower).size < 5) return 'It repeats too few characters.'
  for (const word of [house.brand, 'einklang', house.email.split('@')[0] ?? '', ...house.name.split(/\s+/)]) {
    // What remains beside the known word must be a password by itself.
    const known = word.toLowerCase()
    if (known.length < 4 || !lower.includes(known)) continue
    if (lower.replaceAll(known, '').length < 8) return 'It is built from a name that everybody knows here.'
  }
  return null
}

/** Listed as it is, spelled with signs for letters, with a tail of digits, or the same listed word twice. */
function isCommon(lower: string, common: ReadonlySet<string | number>): boolean {
  const spelled = lower.replace(/[0134578@$]/g, (sign) => look[sign] ?? sign)
  const core = (text: string) => text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  return [lower, spelled, core(lower), core(spelled)].some((form) => {
    const half = form.slice(0, form.length / 2)
    return common.has(form) || (form === half + half && common.has(half))
  })
}

// No letters and digits that look alike in print: this is read from a screen and typed once.
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'

/** A password to be printed once: five groups of four, 99 bits. `bytes` gives random bytes. */
export function generatePassword(bytes: (count: number) => Uint8Array): string {
  const signs: string[] = []
  while (signs.length < 20) {
    for (const byte of bytes(32)) {
      // 248 = 8 × 31: bytes above would make the first letters likelier.
      if (byte < 248 && signs.length < 20) signs.push(alphabet[byte % 31] ?? '')
    }
  }
  return signs.join('').replace(/.{4}(?!$)/g, '$&-')
}
