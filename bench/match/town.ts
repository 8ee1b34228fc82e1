import { closeSync, openSync, writeSync } from 'node:fs'
import { englishNicknames } from '@einklang/server/matching'
import { drawsFrom } from '@einklang/stats'

export type Town = {
  seed: number
  /** How many times as many errors as in `er-synth-retail`. */
  defects?: number
  /** Names to draw from, frequent ones listed often; without them the names are made up. */
  names?: { firsts: string[]; surnames: string[] }
}

/**
 * Made-up customers of a shop, by the rates of `er-synth-retail`: households of 1–3 people of mostly one surname, 1–5
 * records a person, each after the first with its own errors. No real person: surnames are syllables, mailboxes example.
 */
export function writeTown(path: string, records: number, { seed, defects = 1, names }: Town): void {
  const draws = drawsFrom('town', seed)
  const chance = (share: number) => draws.uniform() < share
  const errs = (share: number) => chance(share * defects)
  const pick = <Item>(list: readonly Item[]) => list[draws.below(list.length)] as Item
  const nicknames = englishNicknames
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  const known = nicknames.map(([name]) => name as string)
  const short = new Map(nicknames.map(([name, ...forms]) => [name as string, forms]))
  const syllables =
    'an bel cor dun el far gor hal in jas kel lor mun nor ol per quin ros sol tan ul ver wen yor zim ber ger man ster feld'.split(
      ' ',
    )
  const madeUp = Array.from(
    { length: Math.max(3000, Math.round(records / 40)) },
    () => pick(syllables) + pick(syllables) + (chance(0.5) ? pick(syllables) : ''),
  )
  // Names are frequent and rare as in life: the share of the n-th falls with its place.
  const skewed = <Item>(list: readonly Item[]) => list[Math.floor(list.length * draws.uniform() ** 2.2)] as Item
  const firstName = () => (names ? pick(names.firsts) : skewed(known))
  const surname = () => (names && chance(0.35) ? pick(names.surnames) : skewed(madeUp))
  const domains = ['gmail.com', 'web.de', 'gmx.de', 'yahoo.com', 'outlook.com', 't-online.de', 'icloud.com']
  const digits = (count: number) => Array.from({ length: count }, () => String(draws.below(10))).join('')
  const slip = (text: string) => {
    if (text.length < 3) return text
    const at = draws.below(text.length - 1)
    const letter = String.fromCharCode(97 + draws.below(26))
    const kind = draws.below(4)
    if (kind === 0) return text.slice(0, at) + letter + text.slice(at + 1)
    if (kind === 1) return text.slice(0, at) + text.slice(at + 1)
    if (kind === 2) return text.slice(0, at) + letter + text.slice(at)
    return text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2)
  }
  const slipDigit = (text: string) => {
    const at = text.length - 1 - draws.below(Math.min(6, text.length))
    return text.slice(0, at) + String(draws.below(10)) + text.slice(at + 1)
  }
  const date = () =>
    `${1935 + draws.below(72)}-${String(1 + draws.below(12)).padStart(2, '0')}-${String(1 + draws.below(28)).padStart(2, '0')}`
  const place = () => ({
    postcode: String(10_000 + draws.below(Math.max(8000, Math.min(89_000, Math.round(records / 12))))),
    city: `city${draws.below(400)}`,
  })
  const mailbox = (first: string, last: string) =>
    `${pick([`${first}.${last}`, `${first}_${last}`, `${first}${last}`, `${first[0]}${last}`])}${draws.below(100)}@${pick(domains)}`

  const file = openSync(path, 'w')
  let lines = ['unique_id,cluster,household,source,first_name,surname,dob,email,phone,postcode,city']
  let [record, person, household] = [0, 0, 0]
  while (record < records) {
    household++
    const family = surname()
    const home = place()
    const shared = `+491${digits(10)}`
    for (let member = 1 + draws.below(3); member > 0 && record < records; member--) {
      person++
      const first = firstName()
      const last = chance(0.9) ? family : surname()
      const birth = date()
      let mail = mailbox(first, last)
      const phone = chance(0.8) ? `+491${digits(10)}` : shared
      let at = home
      for (let copy = 0, copies = 1 + draws.below(5); copy < copies && record < records; copy++) {
        let [given, surname, born, number] = [first, last, birth, phone]
        if (copy > 0) {
          if (chance(0.08)) mail = mailbox(first, last)
          if (chance(0.08)) at = place()
          if (chance(0.06)) given = pick(short.get(first) ?? [first])
          if (errs(0.06)) given = slip(given)
          if (errs(0.06)) surname = slip(surname)
          if (errs(0.04)) born = slip(born)
          if (errs(0.02)) number = slipDigit(number)
          if (errs(0.01)) [given, surname] = [surname, given]
        }
        const cells = [
          `r${record}`,
          `p${person}`,
          `h${household}`,
          pick(['pos', 'web', 'app', 'crm', 'catalogue']),
          chance(0.02) ? '' : given,
          chance(0.01) ? '' : surname,
          chance(0.45) ? '' : born,
          chance(0.25) ? '' : copy > 0 && errs(0.02) ? slip(mail) : mail,
          chance(0.35) ? '' : number,
          chance(0.25) ? '' : copy > 0 && errs(0.02) ? slipDigit(at.postcode) : at.postcode,
          chance(0.25) ? '' : at.city,
        ]
        lines.push(cells.join(','))
        record++
        if (lines.length < 10_000) continue
        writeSync(file, `${lines.join('\n')}\n`)
        lines = []
      }
    }
  }
  if (lines.length > 0) writeSync(file, `${lines.join('\n')}\n`)
  closeSync(file)
}
