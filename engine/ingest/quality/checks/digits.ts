/** Check digit of GTIN-8, 12, 13 and 14 (GS1 General Specifications 7.9): weights 3 and 1 from the right. */
export function gtinHolds(digits: string): boolean {
  if (!/^(?:\d{8}|\d{12,14})$/.test(digits)) return false
  let sum = 0
  for (let at = 0; at < digits.length - 1; at++)
    sum += (digits.charCodeAt(digits.length - 2 - at) - 48) * (at % 2 === 0 ? 3 : 1)
  return (10 - (sum % 10)) % 10 === digits.charCodeAt(digits.length - 1) - 48
}

/** Luhn's formula (ISO/IEC 7812-1): every second digit from the right doubled. */
export function luhnHolds(digits: string): boolean {
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    let digit = digits.charCodeAt(digits.length - 1 - at) - 48
    if (at % 2 === 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2
    sum += digit
  }
  return sum % 10 === 0
}

/** ISO 13616: the country and check digits moved to the end, letters as numbers, modulo 97 is 1. */
export function ibanHolds(given: string): boolean {
  const iban = given.replaceAll(/[\s-]/g, '').toUpperCase()
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{10,30}$/.test(iban)) return false
  const length = ibanLengths[iban.slice(0, 2)]
  if (length !== undefined && iban.length !== length) return false
  let rest = 0
  for (const sign of iban.slice(4) + iban.slice(0, 4)) {
    const number = Number.parseInt(sign, 36)
    rest = (number > 9 ? rest * 100 + number : rest * 10 + number) % 97
  }
  return rest === 1
}

const ibanLengths: { [country: string]: number } = {
  AT: 20,
  BE: 16,
  CH: 21,
  CZ: 24,
  DE: 22,
  DK: 18,
  ES: 24,
  FR: 27,
  GB: 22,
  HU: 28,
  IE: 22,
  IT: 27,
  LI: 21,
  LU: 20,
  NL: 18,
  PL: 28,
  PT: 25,
  SE: 24,
  SI: 19,
  SK: 24,
}

const taxPatterns: { [country: string]: RegExp } = {
  AT: /^ATU\d{8}$/,
  BE: /^BE[01]\d{9}$/,
  CH: /^CHE\d{9}(?:MWST|TVA|IVA)?$/,
  CZ: /^CZ\d{8,10}$/,
  DE: /^DE\d{9}$/,
  DK: /^DK\d{8}$/,
  ES: /^ES[A-Z0-9]\d{7}[A-Z0-9]$/,
  FR: /^FR[A-HJ-NP-Z0-9]{2}\d{9}$/,
  IT: /^IT\d{11}$/,
  LU: /^LU\d{8}$/,
  NL: /^NL\d{9}B\d{2}$/,
  PL: /^PL\d{10}$/,
}

/** Shape of a VAT number, and its check digits where they are published: DE (ISO 7064 mod 11,10), AT, IT. */
export function taxIdHolds(given: string): boolean {
  const id = given.replaceAll(/[\s.-]/g, '').toUpperCase()
  const pattern = taxPatterns[id.slice(0, 2)]
  if (pattern === undefined) return /^[A-Z]{2}[A-Z0-9]{6,14}$/.test(id)
  if (!pattern.test(id)) return false
  if (id.startsWith('DE')) return mod1110(id.slice(2))
  if (id.startsWith('IT')) return luhnHolds(id.slice(2))
  return id.startsWith('AT') ? austrian(id.slice(3)) : true
}

function mod1110(digits: string): boolean {
  let product = 10
  for (let at = 0; at < digits.length - 1; at++) {
    const sum = (digits.charCodeAt(at) - 48 + product) % 10 || 10
    product = (sum * 2) % 11
  }
  return (11 - product) % 10 === digits.charCodeAt(digits.length - 1) - 48
}

function austrian(digits: string): boolean {
  let sum = 0
  for (let at = 0; at < 7; at++) {
    const digit = digits.charCodeAt(at) - 48
    sum += at % 2 === 1 ? Math.trunc(digit / 5) + ((digit * 2) % 10) : digit
  }
  return (10 - ((sum + 4) % 10)) % 10 === digits.charCodeAt(7) - 48
}
