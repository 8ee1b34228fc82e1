import { cumulate, hash, type Purpose, permute, pickIndex, type Stream, share } from './chance.ts'

export const sizesPerModel = 7

export const categories = [
  { name: 'Sneaker', weight: 26, price: 84, spread: 0.3, season: 0, kind: 'shoe' },
  { name: 'Stiefel', weight: 11, price: 118, spread: 0.32, season: -1, kind: 'shoe' },
  { name: 'Stiefeletten', weight: 10, price: 99, spread: 0.28, season: -0.8, kind: 'shoe' },
  { name: 'Sandalen', weight: 12, price: 58, spread: 0.3, season: 1, kind: 'shoe' },
  { name: 'Halbschuhe', weight: 12, price: 92, spread: 0.3, season: 0, kind: 'shoe' },
  { name: 'Pumps', weight: 7, price: 79, spread: 0.3, season: 0.2, kind: 'shoe' },
  { name: 'Kinderschuhe', weight: 10, price: 49, spread: 0.25, season: 0, kind: 'shoe' },
  { name: 'Sportschuhe', weight: 8, price: 96, spread: 0.28, season: 0.2, kind: 'shoe' },
  { name: 'Hausschuhe', weight: 4, price: 35, spread: 0.3, season: -0.6, kind: 'shoe' },
  { name: 'Pflege und Zubehör', weight: 10, price: 11, spread: 0.4, season: -0.2, kind: 'care' },
] as const

const brands: readonly [string, number, number][] = [
  ['Lindgrund', 18, 0.9],
  ['Rheinufer', 15, 1],
  ['Nordkehr', 12, 1.1],
  ['Tavolo', 10, 0.85],
  ['Ostermann & Söhne', 8, 1.35],
  ['Piazza Nove', 7, 1.4],
  ['Velo', 9, 1],
  ['Kiesel', 8, 0.75],
  ['Halde 7', 6, 1.15],
  ['Morgenrot', 7, 0.95],
]
const colours: readonly [string, string, number][] = [
  ['schwarz', 'SW', 30],
  ['weiß', 'WS', 18],
  ['cognac', 'CG', 14],
  ['dunkelblau', 'DB', 10],
  ['braun', 'BR', 10],
  ['grau', 'GR', 7],
  ['beige', 'BE', 6],
  ['rot', 'RO', 3],
  ['oliv', 'OL', 2],
]
const styleNames =
  'Alba Bente Cara Dorit Elin Frida Gesa Hella Ilka Jule Kaja Lotte Malin Nora Ose Pina Quinn Runa Svea Tilda Ulla Vita Wanda Xena Ylvi Zita Arne Bo Clas Dirk Enno Falk Gero Hauke Ivo Jelto Klaas Levke Momme Nis Onno Poul Rune Sönke Tjark Uwe Volker Wim Yoris Zeno'.split(
    ' ',
  )

export type Audience = 'Damen' | 'Herren' | 'Kinder' | 'Unisex'

export type Model = {
  index: number
  /** Number of the style, shared by its colours. */
  number: string
  name: string
  brand: string
  category: number
  audience: Audience
  colour: string
  colourCode: string
  firstSize: number
  /** List price in cents before store deviations. */
  list: number
  cost: number
  style: readonly [number, number, number]
  popularity: number
  /** Weeks on sale; a model leaves when its season is over. */
  from: number
  until: number
  /** An article number taken over from another article, which it named until that week. */
  former: { name: string; category: number; until: number } | null
}

export type Catalogue = {
  models: Model[]
  /** SKU texts by number: model × 7 + size step. */
  skus: string[]
  gtins: string[]
  /** JSON of the unchanging part of a product, without closing brace. */
  fragments: string[]
  /** Models per category, and cumulated popularity to draw from. */
  byCategory: { models: Int32Array; popularity: Float64Array }[]
}

export function gtin(thirteen: number): string {
  const body = `2${String(thirteen).padStart(11, '0')}`
  let sum = 0
  for (let at = 0; at < 12; at++) sum += Number(body[at]) * (at % 2 === 0 ? 1 : 3)
  return body + ((10 - (sum % 10)) % 10)
}

function sizeText(model: Model, step: number): string {
  return categories[model.category]?.kind === 'care'
    ? (['Std', '75ml', '150ml', 'S', 'M', 'L', 'XL'][step] as string)
    : String(model.firstSize + step)
}

export function sizeOf(model: Model, step: number): string {
  return sizeText(model, step)
}

export function createCatalogue(
  count: number,
  weeks: number,
  needs: { stream: Stream; model: Purpose; number: Purpose; gtin: Purpose },
): Catalogue {
  const byWeight = cumulate(categories.map((category) => category.weight))
  const brandTable = cumulate(brands.map(([, weight]) => weight))
  const colourTable = cumulate(colours.map(([, , weight]) => weight))
  const models: Model[] = []
  const skus: string[] = []
  const gtins: string[] = []
  const fragments: string[] = []
  const space = 100_000
  for (let index = 0; index < count; index++) {
    // Two neighbours are two colours of one style.
    const style = index >> 1
    const draw = needs.stream.open(needs.model, style, 1)
    const category = pickIndex(byWeight, draw.uniform())
    const law = categories[category] as (typeof categories)[number]
    const [brand, , tier] = brands[pickIndex(brandTable, draw.uniform())] as (typeof brands)[number]
    const audience: Audience =
      law.name === 'Kinderschuhe'
        ? 'Kinder'
        : law.kind === 'care'
          ? 'Unisex'
          : law.name === 'Pumps' || draw.happens(0.58)
            ? 'Damen'
            : 'Herren'
    const raw = law.price * tier * Math.exp(law.spread * draw.normal() - (law.spread * law.spread) / 2)
    const list =
      law.kind === 'care' ? Math.max(395, Math.round(raw) * 100 - 5) : Math.max(1995, Math.round(raw / 5) * 500 - 5)
    const vector = [draw.normal(), draw.normal(), draw.normal()] as const
    const seasonal = Math.abs(law.season) > 0.5
    const enters = weeks > 40 && draw.happens(0.45) ? draw.below(Math.max(1, weeks - 26)) : 0
    const own = needs.stream.open(needs.model, index, 2)
    let colour = pickIndex(colourTable, own.uniform())
    if (index % 2 === 1 && colours[colour]?.[0] === models[index - 1]?.colour) colour = (colour + 1) % colours.length
    const [colourName, colourCode] = colours[colour] as (typeof colours)[number]
    const number = String(10_000 + permute(needs.number, style, space - 10_000))
    const firstSize = audience === 'Kinder' ? 26 + 2 * (style % 4) : audience === 'Damen' ? 36 : 40
    const model: Model = {
      index,
      number,
      name: `${law.kind === 'care' ? ['Pflegecreme', 'Imprägnierspray', 'Einlegesohle', 'Schnürsenkel', 'Bürste'][style % 5] : `${law.name.replace(/n$/, '')} ${styleNames[style % styleNames.length]}`}`,
      brand,
      category,
      audience,
      colour: colourName,
      colourCode,
      firstSize,
      list,
      cost: Math.round(list * (0.38 + 0.1 * own.uniform())),
      style: vector,
      popularity: Math.exp(0.7 * own.normal()) * (index % 2 === 0 ? 1 : 0.6),
      from: enters,
      until: seasonal && enters === 0 && own.happens(0.3) ? Math.min(weeks, 60 + own.below(30)) : weeks + 104,
      former: null,
    }
    if (weeks > 60 && index % 211 === 100) {
      const other = models[index - 7] as Model
      model.former = { name: other.name, category: other.category, until: 55 + (index % 20) }
      model.from = 0
      model.until = weeks + 104
    }
    models.push(model)
    for (let step = 0; step < sizesPerModel; step++) {
      const sku = `${number}-${colourCode}-${sizeText(model, step)}`
      skus.push(sku)
      gtins.push(gtin(permute(needs.gtin, index * sizesPerModel + step, 10 ** 11)))
      fragments.push(
        `{"product_id":"${number}","sku":"${sku}","name":${JSON.stringify(model.name)},"brand":${JSON.stringify(brand)},"category":${JSON.stringify(law.name)},"variant":"${colourName} ${sizeText(model, step)}"`,
      )
    }
  }
  const byCategory = categories.map((_, category) => {
    const list = models.filter((model) => model.category === category)
    return {
      models: Int32Array.from(list, (model) => model.index),
      popularity: cumulate(list.map((model) => model.popularity)),
    }
  })
  return { models, skus, gtins, fragments, byCategory }
}

/** Where a price holds: the web shop and app, or a store. */
export type Pricing = { deviation: Purpose; markdown: Purpose }

/** Reduction of a model in a week: 0, 0.2, 0.3 or 0.5; winter goods in January and February, summer goods in July and August. */
export function markdown(model: Model, weekOfYear: number, year: number, pricing: Pricing): number {
  const season = (categories[model.category] as (typeof categories)[number]).season
  const chance = share(pricing.markdown, model.index, year)
  const winter = weekOfYear >= 0 && weekOfYear < 8
  const summer = weekOfYear >= 26 && weekOfYear < 34
  if (!winter && !summer) return 0
  const fits = (winter && season < -0.5) || (summer && season > 0.5)
  if (chance > (fits ? 0.75 : season === 0 ? 0.18 : 0.08)) return 0
  const step = winter ? weekOfYear : weekOfYear - 26
  return step < 3 ? 0.2 : step < 6 ? 0.3 : 0.5
}

/** List price of a model at a place (−1 = web and app): 3 % of model × store pairs deviate by five per cent. */
export function listPrice(model: Model, place: number, pricing: Pricing): number {
  if (place < 0 || (categories[model.category] as (typeof categories)[number]).kind === 'care') return model.list
  const chance = share(pricing.deviation, model.index, place + 1)
  if (chance >= 0.03) return model.list
  return Math.round((model.list * (chance < 0.015 ? 1.05 : 0.95)) / 500) * 500 - 5
}

/** The price asked, in cents. */
export function priceOf(model: Model, place: number, weekOfYear: number, year: number, pricing: Pricing): number {
  const list = listPrice(model, place, pricing)
  const off = markdown(model, weekOfYear, year, pricing)
  return off === 0 ? list : Math.round((list * (1 - off)) / 100) * 100 - 5
}

/** Does a store carry the model? The web warehouse carries all. */
export function carries(assortment: Purpose, model: number, store: number): boolean {
  return share(assortment, model, store) < 0.62
}

/** Weeks of one supply period: within it a size either is on the shelf or is missing. */
export const supplyWeeks = 6

/** Is the SKU on the shelf? Planned gaps: 9 % of periods before a place joins the shared stock, 4 % after. */
export function onShelf(supply: Purpose, sku: number, place: number, weekIndex: number, joined: boolean): boolean {
  const period = Math.floor(weekIndex / supplyWeeks)
  return hash(supply, sku, place * 64 + period) / 4294967296 >= (joined ? 0.04 : 0.09)
}
