import { berlinOffset, day } from './calendar.ts'
import { type Format, formats } from './formats.ts'
import { type MediaName, mediaNames } from './media.ts'
import { type Language, languageShares, type WorldOptions } from './setting.ts'
import { presets, type Size, sizes } from './sizes.ts'

/** Wrong usage: the caller prints the message and ends with exit code 2. */
export class UsageError extends Error {
  readonly exitCode = 2
}

export type Progress = { done: number; total: number; name: string }

export type GenerateRequest = {
  size: Size
  seed: number
  /** A Monday, 00:00 in Berlin; 2024-01-01 unless given. */
  start?: Date
  weeks?: number
  /** Present of the world: product files end here, later calls go to `live/`. The end of the frame unless given. */
  until?: Date
  workers?: number
  write: string
  /** All product files in one form; each in its natural one unless given. */
  format?: Format
  truth?: string
  options?: WorldOptions
  onProgress?: (progress: Progress) => void
  signal?: AbortSignal
}

export type CheckedRequest = Omit<GenerateRequest, 'workers' | 'options' | 'onProgress' | 'signal'> & {
  workers: number
  options: WorldOptions
  onProgress: GenerateRequest['onProgress']
  signal: AbortSignal | undefined
}

/** Refuses what cannot be made, naming what is allowed. */
export function checkRequest(request: GenerateRequest): CheckedRequest {
  if (!sizes.includes(request.size))
    throw new UsageError(`Unknown size “${request.size}”. Allowed: ${sizes.join(', ')}.`)
  if (!Number.isSafeInteger(request.seed) || request.seed < 0)
    throw new UsageError(`The seed “${request.seed}” is no whole number from 0 to ${Number.MAX_SAFE_INTEGER}.`)
  const preset = presets[request.size]
  if (
    request.weeks !== undefined &&
    (!Number.isInteger(request.weeks) || request.weeks < preset.leastWeeks || request.weeks > 260)
  )
    throw new UsageError(
      `${request.weeks} weeks do not fit size ${request.size}. Allowed: ${preset.leastWeeks} to 260.`,
    )
  if (request.start !== undefined) {
    const local = request.start.getTime() + berlinOffset(request.start.getTime())
    if (!(local % day === 0 && new Date(local).getUTCDay() === 1))
      throw new UsageError(`The start ${textOf(request.start)} is no Monday, 00:00 in Berlin. Example: 2024-01-01.`)
  }
  const workers = request.workers ?? 2
  if (!Number.isInteger(workers) || workers < 1 || workers > 64)
    throw new UsageError(`${workers} workers are not possible. Allowed: 1 to 64.`)
  if (request.format !== undefined && !formats.includes(request.format))
    throw new UsageError(`Unknown format “${request.format}”. Allowed: ${formats.join(', ')}.`)
  const options = request.options ?? {}
  checkOptions(options)
  const { onProgress, signal, ...rest } = request
  return { ...rest, workers, options, onProgress, signal }
}

function textOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'given' : date.toISOString()
}

function checkOptions(options: WorldOptions): void {
  for (const name of options.channelsOff ?? [])
    if (!mediaNames.includes(name))
      throw new UsageError(`Unknown channel “${name}” in channels off. Allowed: ${mediaNames.join(', ')}.`)
  if (options.collinearity !== undefined && ![0.3, 0.6, 0.9].includes(options.collinearity))
    throw new UsageError(`Collinearity ${options.collinearity} is not offered. Allowed: 0.3, 0.6, 0.9.`)
  if (options.defects !== undefined && !(options.defects >= 0 && options.defects <= 10))
    throw new UsageError(`A defect factor of ${options.defects} is not possible. Allowed: 0 to 10.`)
  if (options.scale !== undefined && !(options.scale > 0 && options.scale <= 1))
    throw new UsageError(`A scale of ${options.scale} is not possible. Allowed: above 0 to 1.`)
  if (options.languages?.length === 0 || options.languages?.some((language) => !(language in languageShares)))
    throw new UsageError(
      `The languages “${options.languages.join(',')}” are not possible. Allowed: ${Object.keys(languageShares).join(', ')}.`,
    )
  const known = ['channelsOff', 'collinearity', 'defects', 'canaries', 'languages', 'scale']
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw new UsageError(`Unknown option “${name}”. Allowed: ${known.join(', ')}.`)
}

/** Arguments of `einklang demo --write`, as text: `{ size: 'S', seed: '7', write: 'DIR', truth: 'OTHER' }`. */
export type WorldArguments = {
  size?: string
  seed?: string
  start?: string
  weeks?: string
  until?: string
  workers?: string
  write: string
  format?: string
  truth?: string
  channelsOff?: string
  collinearity?: string
  defects?: string
  canaries?: boolean
  languages?: string
}

/** Reads the arguments of the command line; anything that does not fit is a `UsageError` with the allowed values. */
export function requestFrom(args: WorldArguments): GenerateRequest {
  const number = (name: string, text: string, whole: boolean): number => {
    if (!(whole ? /^\d+$/ : /^\d+(\.\d+)?$/).test(text.trim()))
      throw new UsageError(
        `--${name} ${text} is no ${whole ? 'whole ' : ''}number. Example: --${name} ${whole ? 7 : 0.5}.`,
      )
    return Number(text)
  }
  const size = args.size ?? 'S'
  if (!sizes.includes(size as Size)) throw new UsageError(`Unknown size “${size}”. Allowed: ${sizes.join(', ')}.`)
  const options: WorldOptions = {}
  if (args.channelsOff) options.channelsOff = args.channelsOff.split(',').map((name) => name.trim() as MediaName)
  if (args.collinearity) options.collinearity = number('collinearity', args.collinearity, false) as 0.3 | 0.6 | 0.9
  if (args.defects) options.defects = number('defects', args.defects, false)
  if (args.languages) options.languages = args.languages.split(/[\s,]+/).filter(Boolean) as Language[]
  if (args.canaries) options.canaries = true
  return {
    size: size as Size,
    seed: number('seed', args.seed ?? '7', true),
    write: args.write,
    options,
    ...(args.format === undefined ? {} : { format: args.format as Format }),
    ...(args.truth === undefined ? {} : { truth: args.truth }),
    ...(args.weeks === undefined ? {} : { weeks: number('weeks', args.weeks, true) }),
    ...(args.workers === undefined ? {} : { workers: number('workers', args.workers, true) }),
    ...(args.start === undefined ? {} : { start: startFrom(args.start) }),
    ...(args.until === undefined ? {} : { until: instantFrom(args.until) }),
  }
}

function startFrom(text: string): Date {
  const day = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  const utc = day ? Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3])) : Number.NaN
  if (Number.isNaN(utc) || new Date(utc).getUTCDay() !== 1)
    throw new UsageError(`--start ${text} is no Monday. Example: --start 2024-01-01.`)
  return new Date(utc - berlinOffset(utc - 3_600_000))
}

function instantFrom(text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime()))
    throw new UsageError(`--until ${text} is no instant. Example: --until 2025-12-28T15:00:00Z.`)
  return date
}
