/** What the demo listens to: `process` fits. */
export type SignalSource = {
  on(signal: NodeJS.Signals, heard: (signal: NodeJS.Signals) => void): unknown
  off(signal: NodeJS.Signals, heard: (signal: NodeJS.Signals) => void): unknown
  exit(code: number): unknown
}

export type Stopping = {
  /** Fires at the first Ctrl-C. */
  signal: AbortSignal
  /** What a shell expects of a program that ended by the signal: 130 for Ctrl-C; null when none came. */
  readonly code: number | null
  /** Gives the signals back. */
  release(): void
}

const numbers: { [signal: string]: number } = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

/** The first Ctrl-C is told in one line and stops in order, the second ends at once. */
export function stopOnSignals(needs: {
  signals: SignalSource
  told: (line: string) => void
  /** The command that continues from where this one stops. */
  continues: string
  /** Begins stopping what runs; what it costs to wait is up to the caller. */
  stop: () => void
}): Stopping {
  const controller = new AbortController()
  let code: number | null = null
  const heard = (signal: NodeJS.Signals) => {
    if (code !== null) return needs.signals.exit(code)
    code = 128 + (numbers[signal] ?? 15)
    needs.told(`Stopping; ${needs.continues} continues from here (Ctrl-C again ends at once).`)
    controller.abort()
    needs.stop()
  }
  const names = Object.keys(numbers) as NodeJS.Signals[]
  for (const name of names) needs.signals.on(name, heard)
  return {
    signal: controller.signal,
    get code() {
      return code
    },
    release() {
      for (const name of names) needs.signals.off(name, heard)
    },
  }
}
