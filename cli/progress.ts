/** Where progress is written; `process.stderr` fits. */
export type ProgressStream = { isTTY?: boolean; columns?: number; write(text: string): unknown }

export type Progress = {
  /** So many of the total are done. */
  at(done: number): void
  add(by?: number): void
  /** The total turned out to be another one. */
  total(total: number): void
  /** Ends the line; `note` says what came out of it. */
  done(note?: string): void
  failed(note: string): void
}

export type ProgressOptions = {
  label: string
  /** Null when nobody knows how much there is: then only count and rate are shown. */
  total: number | null
  /** What is counted, in the plural: `events`. Bytes are written as kB, MB, GB. */
  unit?: string
  stream?: ProgressStream
  /** Milliseconds of a steady clock. */
  now?: () => number
  /** Once it has fired nothing is written any more: what is said about the end stays the last line. */
  signal?: AbortSignal
}

const redrawMs = 100
const lineMs = 5000
/** The rate is that of the recent past, so that the time left follows a change of speed within some seconds. */
const memoryMs = 8000

/**
 * One long step with label, part done, rate and time left. On a terminal one line is redrawn; elsewhere a plain
 * line is written every few seconds, so that a log of it can be read.
 */
export function startProgress(options: ProgressOptions): Progress {
  const stream = options.stream ?? process.stderr
  const now = options.now ?? (() => performance.now())
  const unit = options.unit ?? ''
  const started = now()
  let total = options.total
  let done = 0
  let shownAt = started
  let samples: { at: number; done: number }[] = [{ at: started, done: 0 }]

  const line = () => {
    const rate = rateOf(samples, now())
    const pieces = [options.label.padEnd(28)]
    if (total !== null && total > 0) pieces.push(bar(done / total, stream), `${percent(done / total)} %`)
    pieces.push(total === null ? `${count(done, unit)}` : `${count(done, unit)} of ${count(total, unit)}`)
    if (rate > 0) pieces.push(`${count(Math.round(rate), unit)}/s`)
    if (total !== null && rate > 0 && done < total) pieces.push(`${duration((total - done) / rate)} left`)
    return pieces.filter((piece) => piece !== '').join('  ')
  }
  const show = () => {
    if (options.signal?.aborted) return
    const at = now()
    samples = [...samples.filter((sample) => at - sample.at < memoryMs), { at, done }].slice(-100)
    if (stream.isTTY) stream.write(`\r\u001b[K${line().slice(0, (stream.columns ?? 100) - 1)}`)
    else stream.write(`${line()}\n`)
    shownAt = at
  }
  const changed = () => {
    if (now() - shownAt >= (stream.isTTY ? redrawMs : lineMs)) show()
  }
  const end = (mark: string, note: string) => {
    if (options.signal?.aborted) return
    const seconds = duration((now() - started) / 1000)
    const text = `${mark} ${options.label.padEnd(26)}  ${note}  (${seconds})`
    stream.write(stream.isTTY ? `\r\u001b[K${text}\n` : `${text}\n`)
  }
  if (stream.isTTY) show()
  return {
    at(next) {
      done = next
      changed()
    },
    add(by = 1) {
      done += by
      changed()
    },
    total(next) {
      total = next
      changed()
    },
    done: (note) => end('✓', note ?? count(done, unit)),
    failed: (note) => end('✗', note),
  }
}

function rateOf(samples: { at: number; done: number }[], at: number): number {
  const first = samples.find((sample) => at - sample.at < memoryMs) ?? samples[0]
  const last = samples.at(-1)
  if (!first || !last || last.at <= first.at) return 0
  return ((last.done - first.done) / (last.at - first.at)) * 1000
}

function bar(part: number, stream: ProgressStream): string {
  if (!stream.isTTY) return ''
  const width = 20
  const full = Math.round(Math.min(1, Math.max(0, part)) * width)
  return '█'.repeat(full) + '░'.repeat(width - full)
}

// Rounded down: 100 % is only said when all is done.
function percent(part: number): string {
  return String(Math.floor(Math.min(1, part) * 100)).padStart(3)
}

/** `1234567, 'events'` → `1,234,567 events`; bytes → `1.2 MB`. */
export function count(value: number, unit: string): string {
  if (unit === 'bytes') {
    const step = Math.min(3, Math.floor(Math.log10(Math.max(1, value)) / 3))
    return `${(value / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${['B', 'kB', 'MB', 'GB'][step]}`
  }
  const number = value.toLocaleString('en')
  return unit === '' ? number : `${number} ${unit}`
}

/** `75` → `1:15`, `5025` → `1:23:45`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const two = (part: number) => String(part).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}
