import type { Purpose, Stream } from './chance.ts'
import { geos } from './places.ts'

/**
 * Advertising channels with the retailer's true response. `broad` channels act on the sales of a region and week
 * through adstock and saturation; `addressed` channels act through each single exposure of a person.
 */
export const mediaChannels = [
  {
    name: 'brand_search',
    way: 'broad',
    share: 0.08,
    halfLife: 0,
    roas: 0.3,
    slope: 1,
    half: 1.5,
    web: 0.95,
    season: 1,
  },
  {
    name: 'generic_search',
    way: 'broad',
    share: 0.24,
    halfLife: 0.3,
    roas: 2.6,
    slope: 1.1,
    half: 1.4,
    web: 0.8,
    season: 1.2,
  },
  {
    name: 'social_ads',
    way: 'broad',
    share: 0.18,
    halfLife: 1,
    roas: 1.8,
    slope: 1.2,
    half: 1.3,
    web: 0.55,
    season: 0.6,
  },
  { name: 'display', way: 'broad', share: 0.06, halfLife: 0.5, roas: 0.5, slope: 1, half: 1.2, web: 0.75, season: 0.6 },
  { name: 'email', way: 'addressed', share: 0.03, halfLife: 0.5, roas: 9, slope: 1, half: 1, web: 0.7, season: 0 },
  { name: 'sms', way: 'addressed', share: 0.01, halfLife: 0.2, roas: 4, slope: 1, half: 1, web: 0.5, season: 0 },
  {
    name: 'direct_mail',
    way: 'addressed',
    share: 0.14,
    halfLife: 3,
    roas: 1.9,
    slope: 1,
    half: 1,
    web: 0.3,
    season: 0,
  },
  { name: 'catalogue', way: 'addressed', share: 0.1, halfLife: 5, roas: 2.4, slope: 1, half: 1, web: 0.8, season: 0 },
  { name: 'radio', way: 'broad', share: 0.09, halfLife: 2, roas: 1.1, slope: 1.5, half: 1.3, web: 0.3, season: 0.3 },
  {
    name: 'regional_tv',
    way: 'broad',
    share: 0.03,
    halfLife: 3,
    roas: 0.9,
    slope: 1.6,
    half: 1.2,
    web: 0.4,
    season: 0.3,
  },
  {
    name: 'out_of_home',
    way: 'broad',
    share: 0.02,
    halfLife: 1.5,
    roas: 0.7,
    slope: 1.2,
    half: 1.3,
    web: 0.2,
    season: 0.2,
  },
  { name: 'phone', way: 'addressed', share: 0.02, halfLife: 0.15, roas: 1.5, slope: 1, half: 1, web: 0.2, season: 0 },
] as const

export type MediaName = (typeof mediaChannels)[number]['name']
export const mediaNames = mediaChannels.map((channel) => channel.name)
export const channelIndex = Object.fromEntries(mediaNames.map((name, at) => [name, at])) as {
  [name in MediaName]: number
}

export const meanBasketCents = 9_200
/** Media spend as a share of revenue. */
export const spendShare = 0.06

/** Geometric adstock: each week keeps `2^(−1/halfLife)` of the week before and adds its own. */
export function adstock(spend: Float64Array, halfLife: number, weeks: number): Float64Array {
  const keep = halfLife === 0 ? 0 : 2 ** (-1 / halfLife)
  const stock = new Float64Array(spend.length)
  for (let geo = 0; geo * weeks < spend.length; geo++) {
    let level = 0
    for (let week = 0; week < weeks; week++) {
      level = level * keep + (spend[geo * weeks + week] as number)
      stock[geo * weeks + week] = level * (1 - keep)
    }
  }
  return stock
}

export function hill(x: number, half: number, slope: number): number {
  if (x <= 0) return 0
  const power = x ** slope
  return power / (power + half ** slope)
}

export type Holdout = { channel: number; geos: number[]; from: number; until: number }

export type Media = {
  /** Cents per channel, at geo × weeks + week; of addressed channels the plan only. */
  spend: Float64Array[]
  /** Expected additional revenue in cents of each broad channel, same layout. */
  increment: Float64Array[]
  /** Scale of each broad channel's response: cents per unit of Hill, times the size of the geo. */
  strength: Float64Array
  /** Mean weekly spend per unit of geo weight, by which adstock is normalised. */
  unit: Float64Array
  holdouts: Holdout[]
  halfLives: number[]
}

/** Expected additional revenue of a broad channel for any spend series. */
export function expectedIncrement(media: Media, channel: number, spend: Float64Array, weeks: number): Float64Array {
  const law = mediaChannels[channel] as (typeof mediaChannels)[number]
  const stock = adstock(spend, law.halfLife, weeks)
  const result = new Float64Array(spend.length)
  const strength = media.strength[channel] as number
  const unit = media.unit[channel] as number
  if (unit === 0) return result
  for (const geo of geos) {
    for (let week = 0; week < weeks; week++) {
      const at = geo.index * weeks + week
      result[at] = strength * geo.weight * hill((stock[at] as number) / (unit * geo.weight), law.half, law.slope)
    }
  }
  return result
}

/** Plans the spend of every channel and sets each response so that the marginal return at history is the table's. */
export function createMedia(needs: {
  stream: Stream
  plan: Purpose
  weeks: number
  revenue: number
  season: Float64Array
  saleWeeks: Uint8Array
  collinearity: number
}): Media {
  const { stream, weeks, season } = needs
  const cells = geos.length * weeks
  const common = new Float64Array(weeks)
  stream.open(needs.plan, 0)
  let level = 0
  for (let week = 0; week < weeks; week++) {
    level = 0.5 * level + Math.sqrt(0.75) * stream.normal()
    common[week] = level
  }
  const holdouts = planHoldouts(stream.open(needs.plan, 1), weeks)
  const spend: Float64Array[] = []
  for (const [index, law] of mediaChannels.entries()) {
    const series = new Float64Array(cells)
    const draw = stream.open(needs.plan, 10 + index)
    let own = 0
    let sum = 0
    const tilt = geos.map(() => Math.exp(0.15 * draw.normal()))
    for (let week = 0; week < weeks; week++) {
      own = 0.5 * own + Math.sqrt(0.75) * draw.normal()
      const mixed = Math.sqrt(needs.collinearity) * (common[week] as number) + Math.sqrt(1 - needs.collinearity) * own
      let amount = (season[week] as number) ** law.season * Math.exp(0.45 * mixed)
      if (law.name === 'radio') amount *= draw.happens(0.55) ? 1 : 0.05
      // Television runs in bursts, and the bursts coincide with the sales: that is the trap.
      if (law.name === 'regional_tv') amount *= needs.saleWeeks[week] === 1 ? 1.6 : week % 13 < 3 ? 1 : 0
      for (const geo of geos) {
        const off = holdouts.some(
          (one) => one.channel === index && week >= one.from && week < one.until && one.geos.includes(geo.index),
        )
        const cell = off ? 0 : amount * geo.weight * (tilt[geo.index] as number) * Math.exp(0.2 * draw.normal())
        series[geo.index * weeks + week] = cell
        sum += cell
      }
    }
    const scale = (needs.revenue * spendShare * law.share) / Math.max(sum, 1e-9)
    for (let at = 0; at < cells; at++) series[at] = Math.round((series[at] as number) * scale)
    spend.push(series)
  }
  boostBrandSearch(spend, weeks)
  const media: Media = {
    spend,
    increment: [],
    strength: new Float64Array(mediaChannels.length),
    unit: new Float64Array(mediaChannels.length),
    holdouts,
    halfLives: mediaChannels.map((law) => law.halfLife),
  }
  for (const [index, law] of mediaChannels.entries()) {
    const series = spend[index] as Float64Array
    const total = series.reduce((sum, cell) => sum + cell, 0)
    media.unit[index] = total / weeks
    if (law.way === 'broad' && total > 0) {
      media.strength[index] = 1
      const more = expectedIncrement(
        media,
        index,
        series.map((cell) => cell * 1.01),
        weeks,
      )
      const now = expectedIncrement(media, index, series, weeks)
      const gain = more.reduce((sum, cell, at) => sum + cell - (now[at] as number), 0)
      media.strength[index] = (law.roas * 0.01 * total) / gain
      media.increment.push(expectedIncrement(media, index, series, weeks))
    } else media.increment.push(new Float64Array(cells))
  }
  return media
}

/** Radio sends people to the search engine: up to 12 % more brand search (clicks, and with them spend). */
function boostBrandSearch(spend: Float64Array[], weeks: number): void {
  const radio = spend[channelIndex.radio] as Float64Array
  const brand = spend[channelIndex.brand_search] as Float64Array
  const stock = adstock(radio, 2, weeks)
  const mean = stock.reduce((sum, cell) => sum + cell, 0) / Math.max(1, stock.length)
  for (let at = 0; at < brand.length; at++)
    brand[at] = Math.round(
      (brand[at] as number) * (1 + 0.12 * Math.min(1.5, (stock[at] as number) / Math.max(mean, 1))),
    )
}

/** Eight episodes in which one channel pauses in three regions for three or four weeks. */
function planHoldouts(stream: Stream, weeks: number): Holdout[] {
  if (weeks < 40) return []
  const tested = (
    [
      'generic_search',
      'social_ads',
      'display',
      'radio',
      'brand_search',
      'social_ads',
      'generic_search',
      'out_of_home',
    ] as const
  ).map((name) => channelIndex[name])
  return tested.map((channel, index) => {
    const from = Math.floor(((index + 0.2) * (weeks - 6)) / tested.length) + stream.below(3)
    const first = stream.below(geos.length)
    return {
      channel,
      geos: [0, 3, 5].map((step) => (first + step) % geos.length),
      from,
      until: from + 3 + stream.below(2),
    }
  })
}
