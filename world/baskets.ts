import { pickIndex, type Stream } from './chance.ts'
import { carries, categories, type Model, onShelf, priceOf, sizesPerModel } from './products.ts'
import type { Setting } from './setting.ts'

export type Line = { sku: number; quantity: number; unit: number }
export type Basket = { lines: Line[]; total: number; coupon: string | null }

/** What a choice depends on: of a known person the person's own traits, of a walk-in drawn ones. */
export type Taste = {
  female: boolean
  shoeSize: number
  style: readonly [number, number, number]
  spendLevel: number
  priceSense: number
}

const candidates = 10

/**
 * A basket: a category by season and weather, then a choice among ten models drawn by popularity (logit over style, price
 * level and reduction), then the size; what is not on the shelf cannot be chosen. `place` −1 is the web warehouse.
 */
export function chooseBasket(
  setting: Setting,
  draw: Stream,
  of: { taste: Taste; week: number; place: number; joined: boolean; more: number },
): Basket {
  const count = 1 + Math.min(4, draw.geometric(0.725 / (1 + of.more)))
  const lines: Line[] = []
  let total = 0
  for (let number = 0; number < count; number++) {
    const line = chooseLine(setting, draw, of, number > 0)
    if (!line || lines.some((other) => other.sku === line.sku)) continue
    lines.push(line)
    total += line.unit * line.quantity
  }
  const coupon = draw.happens(0.05) ? `DANKE${10 + draw.below(90)}` : null
  if (coupon && lines.length > 0) {
    total = 0
    for (const line of lines) {
      line.unit = Math.round(line.unit * 0.9)
      total += line.unit * line.quantity
    }
  }
  return { lines, total, coupon }
}

function chooseLine(
  setting: Setting,
  draw: Stream,
  of: { taste: Taste; week: number; place: number; joined: boolean },
  further: boolean,
): Line | null {
  const { catalogue, purposes } = setting
  const week = Math.min(of.week, setting.weeks - 1)
  // A second article is often for care.
  const category =
    further && draw.happens(0.3)
      ? categories.length - 1
      : pickIndex(setting.categoryTables[week] as Float64Array, draw.uniform())
  const group = catalogue.byCategory[category]
  if (!group || group.models.length === 0) return null
  const care = (categories[category] as (typeof categories)[number]).kind === 'care'
  const usual = (categories[category] as (typeof categories)[number]).price * 100 * of.taste.spendLevel
  let best = -1
  let bestValue = Number.NEGATIVE_INFINITY
  let bestStep = 0
  let bestPrice = 0
  for (let tries = 0; tries < candidates; tries++) {
    const index = group.models[pickIndex(group.popularity, draw.uniform())] as number
    const noise = -Math.log(-Math.log(draw.uniform()))
    const model = catalogue.models[index] as Model
    if (of.week < model.from || of.week >= model.until) continue
    if (of.place >= 0 && !carries(purposes['model/assortment'], index, of.place)) continue
    const step = sizeStep(model, of.taste, draw, care)
    if (!onShelf(purposes['sku/supply'], index * sizesPerModel + step, of.place + 1, week, of.joined)) continue
    const price = priceOf(model, of.place, setting.weekOfYear[week] as number, setting.yearOf[week] as number, {
      deviation: purposes['model/deviation'],
      markdown: purposes['model/markdown'],
    })
    const level = Math.log(price / usual)
    const reduced = price < model.list ? 0.5 * of.taste.priceSense * (1 - price / model.list) * 4 : 0
    const style = of.taste.style
    const match = 0.35 * (model.style[0] * style[0] + model.style[1] * style[1] + model.style[2] * style[2])
    const mismatch =
      model.audience === 'Damen' && !of.taste.female ? 3 : model.audience === 'Herren' && of.taste.female ? 3 : 0
    const value = noise + match - 1.2 * level * level - 0.4 * of.taste.priceSense * level + reduced - mismatch
    if (value > bestValue) {
      bestValue = value
      best = index
      bestStep = step
      bestPrice = price
    }
  }
  if (best < 0) return null
  return { sku: best * sizesPerModel + bestStep, quantity: care && draw.happens(0.12) ? 2 : 1, unit: bestPrice }
}

function sizeStep(model: Model, taste: Taste, draw: Stream, care: boolean): number {
  if (care) return draw.below(sizesPerModel)
  const offset = model.audience === 'Kinder' ? draw.below(sizesPerModel) : taste.shoeSize - model.firstSize
  const near = offset + (draw.happens(0.15) ? (draw.happens(0.5) ? 1 : -1) : 0)
  return near < 0 || near >= sizesPerModel ? draw.below(sizesPerModel) : near
}
