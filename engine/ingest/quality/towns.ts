import { foldText } from '@einklang/platform'
import { oneSlip } from '@einklang/stats'

/** How many people live in a town at a postcode, as the house's own customers tell it. `country` '' = they name none. */
export type TownPeople = { country: string; postalCode: string; town: string; people: number }
/** The town that was probably meant; null = the given one may well be right. */
export type MeantTown = (country: string, postalCode: string, city: string) => string | null

/** Fewer people of a postcode than that tell nothing about it. */
const enough = 20

type Known = { key: string; town: string; people: number }

/**
 * Postcode against town from what customers say. A small place that nobody else names is no mistake: only what is one slip
 * away from a town of the postcode, or is a known town that lies elsewhere, is doubted.
 */
export function townsFrom(rows: readonly TownPeople[]): MeantTown {
  const codes = new Map<string, Known[]>()
  const towns = new Map<string, number>()
  for (const { country, postalCode, town, people } of rows) {
    const key = townKey(town)
    if (key === '') continue
    const place = `${country}|${postalCode}`
    const known = codes.get(place) ?? []
    codes.set(place, known)
    const same = known.find((one) => one.key === key)
    // The spelling that most people use stands for the others.
    if (!same) known.push({ key, town, people })
    else {
      if (people > same.people) same.town = town
      same.people += people
    }
    towns.set(`${country}|${key}`, (towns.get(`${country}|${key}`) ?? 0) + people)
  }
  return (country, postalCode, city) => {
    const given = townKey(city)
    if (given === '') return null
    const known = codes.get(`${country}|${postalCode}`) ?? codes.get(`|${postalCode}`) ?? []
    let all = 0
    let first: Known | null = null
    let slipped: Known | null = null
    for (const one of known) {
      if (sameTown(one.key, given)) return null
      all += one.people
      if (first === null || one.people > first.people) first = one
      // Short names have too many real neighbours.
      if (given.length > 4 && one.people >= enough && oneSlip(one.key, given)) slipped = one
    }
    if (all < enough || first === null) return null
    if (slipped !== null) return slipped.town
    const elsewhere = Math.max(towns.get(`${country}|${given}`) ?? 0, towns.get(`|${given}`) ?? 0)
    return elsewhere >= enough && first.people * 2 > all ? first.town : null
  }
}

/** `Frankfurt a.M.`, `FRANKFURT (Main)` → `frankfurt a m`, `frankfurt`. */
function townKey(town: string): string {
  return foldText(town.slice(0, 80))
    .replace(/\(.*/, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .replace(/^st /, 'sankt ')
    .trim()
}

/** Districts and additions: `koeln` and `koeln ehrenfeld`, `frankfurt` and `frankfurt am main`. */
function sameTown(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other} `) || other.startsWith(`${one} `)
}
