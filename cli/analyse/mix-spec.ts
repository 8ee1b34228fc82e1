import { readFileSync } from 'node:fs'
import type { Belief, ChannelSpec, LiftResult, MixSpec, Range } from '@einklang/stats'
import { Misuse } from '../command.ts'
import { nearest } from '../suggest.ts'

type Json = { [key: string]: unknown }

/** Reads a specification; what is wrong is told with its place. */
export function readSpec(path: string): MixSpec {
  let given: unknown
  try {
    given = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new Misuse(`${path} is no JSON: ${error.message}.`)
    throw error
  }
  return specOf(given, path)
}

const keys = [
  'date',
  'outcome',
  'online',
  'money',
  'margin',
  'geo',
  'channels',
  'controls',
  'season',
  'trend',
  'holidays',
  'adstock',
  'saturation',
  'likelihood',
  'link',
  'lift',
  'scale',
  'base',
]
const adstocks = ['geometric', 'delayed', 'none']
const saturations = ['hill', 'logistic', 'none']

export function specOf(given: unknown, path: string): MixSpec {
  const at = (place: string, says: string, doInstead?: string) => new Misuse(`${path}, ${place}: ${says}`, doInstead)
  const object = (value: unknown, place: string): Json => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw at(place, 'is no object.')
    return value as Json
  }
  const known = (value: Json, names: readonly string[], place: string) => {
    for (const key of Object.keys(value))
      if (!names.includes(key)) {
        const meant = nearest(key, [...names])
        throw at(`${place}${place === '' ? '' : '.'}${key}`, 'is not known.', meant ?? names.join(', '))
      }
  }
  const text = (value: unknown, place: string): string => {
    if (typeof value !== 'string' || value === '') throw at(place, 'is the name of a column.')
    return value
  }
  const number = (value: unknown, place: string, least = -Infinity): number => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least)
      throw at(place, `is a number${least > -Infinity ? ` of at least ${least}` : ''}.`)
    return value
  }
  const choice = <Name extends string>(value: unknown, names: readonly string[], place: string): Name => {
    if (typeof value !== 'string' || !names.includes(value)) throw at(place, `is one of ${names.join(', ')}.`)
    return value as Name
  }
  const list = (value: unknown, place: string): unknown[] => {
    if (!Array.isArray(value)) throw at(place, 'is a list.')
    return value
  }
  const belief = (value: unknown, place: string): Belief => {
    if (typeof value === 'number') return { law: 'fixed', value: number(value, place, 0) }
    if (Array.isArray(value)) {
      if (value.length !== 2) throw at(place, 'is a range [low, high].')
      const [low, high] = [number(value[0], `${place}[0]`, 0), number(value[1], `${place}[1]`, 0)]
      if (low > high) throw at(place, `goes from ${low} down to ${high}.`, `[${high}, ${low}]`)
      if (high === 0) throw at(place, 'leaves only zero: leave the channel out instead.')
      return [low, high]
    }
    const law = object(value, place)
    const numbers: { [law: string]: string[] } = {
      beta: ['a', 'b'],
      gamma: ['shape', 'rate'],
      'half-normal': ['scale'],
      'log-normal': ['median', 'spread'],
      normal: ['mean', 'deviation'],
      fixed: ['value'],
    }
    const name = choice<string>(law['law'], Object.keys(numbers), `${place}.law`)
    known(law, ['law', ...(numbers[name] as string[])], place)
    for (const key of numbers[name] as string[]) {
      const least = name === 'fixed' || (name === 'normal' && key === 'mean') ? 0 : 1e-12
      number(law[key], `${place}.${key}`, name === 'normal' && key === 'mean' ? -Infinity : least)
    }
    return law as Belief
  }

  const share = (value: unknown, place: string): Range => {
    const [low, high] = Array.isArray(value) && value.length === 2 ? value : [value, value]
    const range = [number(low, place, 0), number(high, place, 0)] as const
    if (range[0] > range[1] || range[1] > 1)
      throw at(place, 'is a share between 0 and 1, or a range [low, high] of it.')
    return range
  }

  const whole = object(given, 'the specification')
  known(whole, keys, '')
  const channels = list(whole['channels'], 'channels').map((value, index): ChannelSpec => {
    const place = `channels[${index}]`
    const channel = object(value, place)
    known(channel, ['name', 'spend', 'exposure', 'adstock', 'saturation', 'prior'], place)
    const priors = [
      'halfLife',
      'retention',
      'peak',
      'halfSaturation',
      'rate',
      'slope',
      'share',
      'roas',
      'coefficient',
      'online',
    ]
    const prior = channel['prior'] === undefined ? null : object(channel['prior'], `${place}.prior`)
    if (prior !== null) known(prior, priors, `${place}.prior`)
    return {
      name: text(channel['name'] ?? channel['spend'], `${place}.name`),
      spend: text(channel['spend'], `${place}.spend`),
      ...(channel['exposure'] === undefined ? {} : { exposure: text(channel['exposure'], `${place}.exposure`) }),
      ...(channel['adstock'] === undefined
        ? {}
        : { adstock: choice(channel['adstock'], adstocks, `${place}.adstock`) }),
      ...(channel['saturation'] === undefined
        ? {}
        : { saturation: choice(channel['saturation'], saturations, `${place}.saturation`) }),
      ...(prior === null
        ? {}
        : {
            prior: Object.fromEntries(
              Object.entries(prior).map(([key, value]) => [
                key,
                (key === 'online' ? share : belief)(value, `${place}.prior.${key}`),
              ]),
            ),
          }),
    }
  })
  if (channels.length === 0) throw at('channels', 'names no channel.')
  const names = channels.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw at('channels', `two are called ${twice}.`)

  const day = (value: unknown, place: string): string => {
    if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value) || Number.isNaN(Date.parse(value)))
      throw at(place, 'is a day such as 2026-03-02.')
    return value
  }
  const lift = (value: unknown, index: number): LiftResult => {
    const place = `lift[${index}]`
    const result = object(value, place)
    known(result, ['channel', 'from', 'until', 'regions', 'test', 'spend', 'extra', 'increment', 'error'], place)
    const common = {
      channel: choice<string>(result['channel'], names, `${place}.channel`),
      increment: number(result['increment'], `${place}.increment`),
      error: number(result['error'], `${place}.error`, 1e-12),
    }
    if (result['extra'] !== undefined)
      return {
        ...common,
        spend: number(result['spend'] ?? 0, `${place}.spend`, 0),
        extra: number(result['extra'], `${place}.extra`, 1e-12),
      }
    const [from, until] = [day(result['from'], `${place}.from`), day(result['until'], `${place}.until`)]
    if (from > until) throw at(place, `ends (${until}) before it begins (${from}).`)
    return {
      ...common,
      from,
      until,
      ...(result['regions'] === undefined
        ? {}
        : {
            regions: list(result['regions'], `${place}.regions`).map((name, at) =>
              text(name, `${place}.regions[${at}]`),
            ),
          }),
      ...(result['test'] === undefined ? {} : { test: choice(result['test'], ['on', 'off'], `${place}.test`) }),
    }
  }
  const trend = whole['trend']
  const season = whole['season']
  const adstock = whole['adstock']
  const holidays = whole['holidays']
  const base = whole['base'] === undefined ? null : object(whole['base'], 'base')
  if (base !== null) {
    known(base, ['level', 'trend', 'season', 'holiday', 'control', 'noise', 'regions'], 'base')
    for (const [key, value] of Object.entries(base)) number(value, `base.${key}`, 1e-9)
  }
  return {
    date: text(whole['date'], 'date'),
    outcome: text(whole['outcome'], 'outcome'),
    ...(whole['online'] === undefined ? {} : { online: text(whole['online'], 'online') }),
    // A margin is one of money.
    ...(whole['money'] === true || whole['margin'] !== undefined ? { money: true } : {}),
    ...(whole['margin'] === undefined ? {} : { margin: number(whole['margin'], 'margin', 0) }),
    ...(whole['geo'] === undefined ? {} : { geo: text(whole['geo'], 'geo') }),
    channels,
    ...(whole['controls'] === undefined
      ? {}
      : { controls: list(whole['controls'], 'controls').map((name, index) => text(name, `controls[${index}]`)) }),
    ...(season === undefined
      ? {}
      : {
          season:
            typeof season === 'number'
              ? wholeNumber(season, 'season')
              : {
                  pairs: wholeNumber(number(object(season, 'season')['pairs'], 'season.pairs', 0), 'season.pairs'),
                  interaction: object(season, 'season')['interaction'] === true,
                },
        }),
    ...(trend === undefined
      ? {}
      : {
          trend:
            typeof trend === 'string'
              ? choice<'none' | 'linear'>(trend, ['none', 'linear'], 'trend')
              : { everyWeeks: number(object(trend, 'trend')['everyWeeks'], 'trend.everyWeeks', 4) },
        }),
    ...(holidays === undefined
      ? {}
      : {
          holidays:
            typeof holidays === 'string'
              ? choice<'DE'>(holidays, ['DE'], 'holidays')
              : list(holidays, 'holidays').map((value, index) => {
                  const place = `holidays[${index}]`
                  const holiday = object(value, place)
                  return {
                    name: text(holiday['name'], `${place}.name`),
                    days: list(holiday['days'], `${place}.days`).map((one, at) => day(one, `${place}.days[${at}]`)),
                  }
                }),
        }),
    ...(adstock === undefined
      ? {}
      : {
          adstock:
            typeof adstock === 'string'
              ? choice<'geometric'>(adstock, adstocks, 'adstock')
              : {
                  kind: choice<'geometric'>(object(adstock, 'adstock')['kind'], adstocks, 'adstock.kind'),
                  weeks: wholeNumber(number(object(adstock, 'adstock')['weeks'], 'adstock.weeks', 1), 'adstock.weeks'),
                },
        }),
    ...(whole['saturation'] === undefined
      ? {}
      : { saturation: choice(whole['saturation'], saturations, 'saturation') }),
    ...(whole['likelihood'] === undefined
      ? {}
      : { likelihood: choice(whole['likelihood'], ['normal', 'student-t'], 'likelihood') }),
    ...(whole['link'] === undefined ? {} : { link: choice(whole['link'], ['identity', 'log'], 'link') }),
    ...(whole['lift'] === undefined ? {} : { lift: list(whole['lift'], 'lift').map(lift) }),
    ...(whole['scale'] === undefined ? {} : { scale: choice(whole['scale'], ['usual', 'largest'], 'scale') }),
    ...(base === null ? {} : { base }),
  }

  function wholeNumber(value: number, place: string): number {
    if (!Number.isInteger(value) || value < 0 || value > 26) throw at(place, 'is a whole number up to 26.')
    return value
  }
}
