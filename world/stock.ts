import { dayOf, instant, iso, localDate } from './calendar.ts'
import { hash, share } from './chance.ts'
import { stockChunks } from './files.ts'
import { losesFeed } from './master.ts'
import { warehouse } from './places.ts'
import { carries, onShelf, sizesPerModel, supplyWeeks } from './products.ts'
import { tellEdge } from './sales.ts'
import type { Sink } from './visits.ts'

/** One sale (negative) or return (positive) at a place; place 0 is the web warehouse, place n the store n − 1. */
export type SaleMove = { sku: number; place: number; at: number; quantity: number }

/** Reads the movements that sales left for the stock: `sku,place,instant,quantity`. */
export function movesFrom(rows: Iterable<Buffer>): SaleMove[] {
  return Array.from(rows, (row) => {
    const [sku, place, at, quantity] = row.toString('latin1').split(',')
    return { sku: Number(sku), place: Number(place), at: Number(at), quantity: Number(quantity) }
  })
}

/**
 * Stock of a chunk of models, after all sales are known: supply follows the plan of shelf gaps (`onShelf`), so that what
 * was sold could be sold and what could not was not there. Σ movements = true stock. Records err: 30 % of
 * SKU × place periods before a place joins the shared stock, 7 % after.
 */
export function simulateStock(sink: Sink, chunk: number, moves: SaleMove[]): void {
  const { setting } = sink
  const byPair = new Map<number, SaleMove[]>()
  const places = setting.stores.length + 1
  for (const move of moves) {
    const key = move.sku * places + move.place
    const list = byPair.get(key)
    if (list) list.push(move)
    else byPair.set(key, [move])
  }
  const frame = timesOf(sink)
  const empty: SaleMove[] = []
  for (let model = chunk; model < setting.catalogue.models.length; model += stockChunks) {
    for (let step = 0; step < sizesPerModel; step++) {
      const sku = model * sizesPerModel + step
      for (let place = 0; place < places; place++) {
        const own = byPair.get(sku * places + place)
        if (place > 0 && !own && !carries(setting.purposes['model/assortment'], model, place - 1)) continue
        simulatePair(sink, sku, place, own ?? empty, frame)
      }
    }
  }
}

type Frame = { weekEnds: number[]; days: { at: number; file: number }[]; last: number; opening: number }

function timesOf(sink: Sink): Frame {
  const { setting, files } = sink
  const { calendar } = setting
  const weekEnds = files.stockWeeks.map((_, index) =>
    Math.min(setting.until - 1, instant(calendar, index * 7 + 6, 22 * 3600)),
  )
  const lastDay = Math.min(calendar.days - 1, dayOf(calendar, setting.until - 1))
  const days = files.stockDays.map((file, index) => ({
    file,
    at: Math.min(setting.until - 1, instant(calendar, lastDay - files.stockDays.length + 1 + index, 22 * 3600 + 1800)),
  }))
  return { weekEnds, days, last: setting.until - 1, opening: calendar.midnight[0] as number }
}

function simulatePair(sink: Sink, sku: number, place: number, moves: SaleMove[], frame: Frame): void {
  const { setting, files, rows } = sink
  const { purposes, calendar } = setting
  moves.sort((a, b) => a.at - b.at)
  const code = place === 0 ? warehouse.code : (setting.stores[place - 1] as { code: string }).code
  const text = `${setting.catalogue.skus[sku]},${code}`
  const tie = hash(purposes['row/tie'], sku, 50_000 + place)
  const joins = place === 0 ? Math.floor(setting.weeks / 2) : (setting.stores[place - 1] as { joins: number }).joins
  let onHand = 0
  let error = 0
  let told = Number.NaN
  let toldTrue = Number.NaN
  let toldPhantom = false
  let next = 0
  let nextDay = 0
  let toldDay = Number.NaN
  const record = (): number => {
    const value = onHand + error
    return value < 0 && tie % 40 !== 0 ? 0 : value
  }
  const post = (at: number, kind: string, quantity: number): void => {
    if (at >= setting.until) return
    const file = files.movements[files.monthOf(dayOf(calendar, at))]
    if (file !== undefined) rows.add(file, at, (tie + quantity) >>> 0, `${text},${iso(at)},${kind},${quantity}`)
  }
  const advance = (until: number): void => {
    while (next < moves.length && (moves[next] as SaleMove).at <= until) {
      const move = moves[next++] as SaleMove
      onHand += move.quantity
      post(move.at, move.quantity < 0 ? 'sale' : 'return', move.quantity)
    }
  }
  for (let week = 0; week < frame.weekEnds.length; week++) {
    const starts = calendar.midnight[week * 7] as number
    if (week % supplyWeeks === 0) {
      const period = week / supplyWeeks
      const periodEnd = calendar.midnight[Math.min(calendar.days, (week + supplyWeeks) * 7)] as number
      const planned = onShelf(purposes['sku/supply'], sku, place, week, place === 0 || week >= joins)
      let run = 0
      let deepest = 0
      for (let at = next; at < moves.length && (moves[at] as SaleMove).at < periodEnd; at++) {
        run += (moves[at] as SaleMove).quantity
        if (run < deepest) deepest = run
      }
      const safety = planned ? 1 + (tie % (place === 0 ? 4 : 2)) : 0
      const wanted = safety - deepest
      if (onHand < wanted) {
        post(starts + 6 * 3_600_000, week === 0 ? 'opening' : 'delivery', wanted - onHand)
        onHand = wanted
      } else if (onHand > wanted + 2) {
        post(starts + 6 * 3_600_000, 'transfer', wanted - onHand)
        onHand = wanted
      }
      if (onHand + deepest > 0 && share(purposes['sku/shrink'], sku, place * 64 + period) < 0.012) {
        onHand--
        post(starts + 7 * 3_600_000, 'shrinkage', -1)
      }
      const roll = share(purposes['sku/records'], sku, place * 64 + period)
      const wrong = week >= joins ? 0.07 : 0.3
      error = roll < wrong ? ([-2, -1, -1, 1, 1, 2, 3][Math.floor((roll / wrong) * 7)] as number) : 0
    }
    const end = frame.weekEnds[week] as number
    while (nextDay < frame.days.length && (frame.days[nextDay] as { at: number }).at <= end) {
      const dayRow = frame.days[nextDay++] as { at: number; file: number }
      advance(dayRow.at)
      if (record() !== toldDay) {
        toldDay = record()
        rows.add(dayRow.file, dayRow.at, tie, `${text},${iso(dayRow.at)},${toldDay}`)
      }
    }
    if (week === 0) {
      told = record()
      rows.add(files.stockOpening, frame.opening, tie, `${text},${iso(frame.opening)},${told}`)
    }
    advance(end)
    // A store that has just joined loses its feed for some days: the change is told a week later.
    const silent = place > 0 && setting.weeks > 20 && week === joins && losesFeed(place - 1)
    const value = record()
    if (value !== told && !silent) {
      told = value
      rows.add(files.stockWeeks[week] as number, end, tie, `${text},${iso(end)},${value}`)
      if (value < 0)
        tellEdge(sink, end, {
          edge: 'negative on hand',
          sku: setting.catalogue.skus[sku],
          place: code,
          at: iso(end),
          recorded: value,
        })
    }
    if (sink.truth) {
      const phantom = value > 0 && onHand === 0
      if (onHand !== toldTrue || phantom !== toldPhantom) {
        toldTrue = onHand
        toldPhantom = phantom
        rows.add(
          files.truth.stock_true,
          end,
          tie,
          `{"sku":"${setting.catalogue.skus[sku]}","place":"${code}","day":"${localDate(end)}","on_hand":${onHand},"recorded":${value},"phantom":${phantom}}`,
        )
      }
    }
  }
  while (nextDay < frame.days.length) {
    const dayRow = frame.days[nextDay++] as { at: number; file: number }
    advance(dayRow.at)
  }
  rows.add(files.stockFull, frame.last, tie, `${text},${iso(frame.last)},${record()}`)
}
