import type { Basket } from './baskets.ts'
import { addEdges } from './edges.ts'
import { createFiles, type Files } from './files.ts'
import type { Format } from './formats.ts'
import { buy, history, receiveMessages, type Scenario, scenarioWithout } from './life.ts'
import { writeMaster } from './master.ts'
import { channelIndex, mediaChannels, mediaNames } from './media.ts'
import { report } from './messages.ts'
import { personOf } from './persons.ts'
import { geos } from './places.ts'
import { record } from './records.ts'
import { Rows } from './rows.ts'
import { sell, sellToWalkIns, walkIns } from './sales.ts'
import { createSetting, type Setting, type WorldOptions } from './setting.ts'
import { presets, type Size, targets } from './sizes.ts'
import { type SaleMove, simulateStock } from './stock.ts'
import { followStory } from './story.ts'
import { futureOf } from './truth.ts'
import { botSessions, count, type Sink, visit } from './visits.ts'

/** What fully determines a world. */
export type Plan = {
  size: Size
  seed: number
  start?: number
  weeks?: number
  until?: number
  options: WorldOptions
  /** Form of the product files; without one each has its natural form. */
  format?: Format
  truth: boolean
}

/** A piece of work: its rows become one shard. Parts know nothing of each other, so any worker may make any. */
export type Part = { kind: 'persons' | 'store' | 'bots' | 'master' | 'stock'; index: number }

export function partName(part: Part): string {
  return `${part.kind}-${String(part.index).padStart(5, '0')}`
}

/** Orders and revenue of a scenario, at geo × weeks + week. */
export type Outcome = { orders: Float64Array; revenue: Float64Array }

export type PartYield = {
  rows: Rows
  counts: { [name: string]: number }
  /** Cost of addressed channels in cents, per channel at geo × weeks + week. */
  costs: Float64Array[]
  /** Outcomes per scenario, when truth is wanted. */
  outcomes: { [scenario: string]: Outcome }
}

export class World {
  readonly setting: Setting
  readonly files: Files
  readonly truth: boolean
  readonly scenarios: Scenario[]

  constructor(plan: Plan) {
    this.setting = createSetting({
      size: plan.size,
      seed: plan.seed,
      ...(plan.start === undefined ? {} : { start: new Date(plan.start) }),
      ...(plan.weeks === undefined ? {} : { weeks: plan.weeks }),
      ...(plan.until === undefined ? {} : { until: new Date(plan.until) }),
      options: plan.options,
    })
    this.files = createFiles(this.setting)
    this.truth = plan.truth
    this.scenarios = plan.truth && plan.size !== 'town' ? scenariosOf(this.setting) : []
  }

  /** Parts that can be made at once. */
  firstParts(): Part[] {
    const { partition } = presets[this.setting.size]
    const partitions = Math.ceil(this.setting.persons / partition)
    return [
      ...Array.from({ length: partitions }, (_, index): Part => ({ kind: 'persons', index })),
      ...this.setting.stores.map((store): Part => ({ kind: 'store', index: store.index })),
      { kind: 'bots', index: 0 },
      { kind: 'master', index: 0 },
    ]
  }

  make(part: Part, moves: SaleMove[] = []): PartYield {
    const { setting } = this
    const cells = geos.length * setting.weeks
    const result: PartYield = {
      rows: new Rows(),
      counts: {},
      costs: mediaChannels.map(() => new Float64Array(cells)),
      outcomes: {},
    }
    const sink: Sink = { setting, files: this.files, rows: result.rows, truth: this.truth, counts: result.counts }
    if (part.kind === 'persons') this.#makePersons(sink, part.index, result)
    else if (part.kind === 'store') this.#makeStore(sink, part.index, result)
    else if (part.kind === 'bots') this.#makeBots(sink)
    else if (part.kind === 'master') writeMaster(sink)
    else simulateStock(sink, part.index, moves)
    return result
  }

  #makePersons(sink: Sink, index: number, result: PartYield): void {
    const { setting } = this
    const { partition } = presets[setting.size]
    const last = Math.min(setting.persons, (index + 1) * partition)
    const past = history(setting)
    for (let id = index * partition; id < last; id++) {
      const person = personOf(setting, id)
      const { messages, exposures } = receiveMessages(setting, person)
      const baskets = new Map<number, Basket>()
      let purchases = buy(setting, person, exposures, past, baskets, (week) => {
        const series = result.costs[channelIndex.phone] as Float64Array
        const at = person.geo * setting.weeks + week
        series[at] = (series[at] as number) + setting.costCents.phone
        count(sink, 'calls')
      })
      if (this.truth) {
        for (const scenario of this.scenarios)
          addOutcome(
            result,
            scenario.name,
            setting,
            person.geo,
            scenario.name === 'history' ? purchases : buy(setting, person, exposures, scenario, baskets),
          )
        futureOf(sink, person)
      }
      purchases = person.story ? followStory(sink, person, purchases, messages) : addEdges(sink, person, purchases)
      // Visits first: a click that brought a purchase belongs into the send report.
      visit(sink, person, purchases, messages)
      sell(sink, person, purchases)
      report(sink, person, messages, result.costs)
      record(sink, person)
      count(sink, 'persons')
    }
  }

  #makeStore(sink: Sink, store: number, result: PartYield): void {
    const { setting } = this
    const walkers = walkIns(setting, store, history(setting))
    const geo = (setting.stores[store] as { geo: number }).geo
    for (const scenario of this.scenarios)
      addOutcome(
        result,
        scenario.name,
        setting,
        geo,
        scenario.name === 'history' ? walkers : walkIns(setting, store, scenario),
      )
    sellToWalkIns(sink, store, walkers)
  }

  #makeBots(sink: Sink): void {
    const { setting } = this
    const perWeek = (0.03 * targets.sessions * setting.persons) / 104
    for (let week = 0; week < setting.weeks; week++) botSessions(sink, week, Math.max(1, Math.round(perWeek)))
  }
}

function addOutcome(
  result: PartYield,
  name: string,
  setting: Setting,
  geo: number,
  purchases: readonly { week: number; basket: Basket }[],
): void {
  let outcome = result.outcomes[name]
  if (!outcome) {
    const cells = geos.length * setting.weeks
    outcome = { orders: new Float64Array(cells), revenue: new Float64Array(cells) }
    result.outcomes[name] = outcome
  }
  for (const purchase of purchases) {
    const at = geo * setting.weeks + purchase.week
    outcome.orders[at] = (outcome.orders[at] as number) + 1
    outcome.revenue[at] = (outcome.revenue[at] as number) + purchase.basket.total
  }
}

/** History, each channel off in turn, all channels off, and the stores never joined. */
export function scenariosOf(setting: Setting): Scenario[] {
  return [
    history(setting),
    ...mediaNames
      .filter((name) => !setting.options.channelsOff.has(name))
      .map((name) => scenarioWithout(setting, name, [name])),
    scenarioWithout(setting, 'all channels', mediaNames),
    scenarioWithout(setting, 'unification', [], false),
  ]
}
