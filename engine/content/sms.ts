const basic =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
const extended = '^{}\\[~]|€\f'

export type SmsSize = { encoding: 'GSM-7' | 'UCS-2'; length: number; segments: number }

/**
 * What a text costs as SMS (3GPP 23.038): 160 septets alone or 153 per part; one character outside the GSM table
 * makes the whole message UCS-2 with 70 or 67 units. A two-unit character is never split between parts.
 */
export function smsSize(text: string): SmsSize {
  const gsm = Array.from(text).map((character) =>
    basic.includes(character) ? 1 : extended.includes(character) ? 2 : 0,
  )
  if (!gsm.includes(0)) return sized('GSM-7', gsm, 160, 153)
  const units = Array.from(text).map((character) => character.length)
  return sized('UCS-2', units, 70, 67)
}

function sized(encoding: SmsSize['encoding'], units: number[], alone: number, perPart: number): SmsSize {
  const length = units.reduce((sum, unit) => sum + unit, 0)
  if (length <= alone) return { encoding, length, segments: length === 0 ? 0 : 1 }
  let segments = 1
  let filled = 0
  for (const unit of units) {
    if (filled + unit > perPart) {
      segments++
      filled = 0
    }
    filled += unit
  }
  return { encoding, length, segments }
}

/** The first character that makes a message cost more than half as many parts again, with its plain counterpart. */
export function costlyCharacter(text: string): { character: string; plain: string | null } | null {
  const character = Array.from(text).find((one) => !basic.includes(one) && !extended.includes(one))
  if (character === undefined) return null
  return { character, plain: plainOf[character] ?? null }
}

const plainOf: { [character: string]: string } = {
  '„': '"',
  '“': '"',
  '”': '"',
  '‘': "'",
  '’': "'",
  '–': '-',
  '—': '-',
  '…': '...',
  '`': "'",
  '\t': ' ',
  '\u00a0': ' ',
  ç: 'c',
}
