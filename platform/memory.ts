/**
 * Keeps answers about everybody (counts over all people, orders or events) for the screens that ask for them again and
 * again. One of less than five seconds is given as it is, one of less than a minute too, and worked out anew a second
 * later, when the screen that asked is there; an older one is waited for. What was dear to work out is given as it is for
 * longer, up to half a minute: one question takes no more than a hundredth of the time. Only this process, nothing is
 * shared.
 */
export type Memory = {
  /**
   * `key` names the question with all it depends on. Several who ask at once wait for one answer. With a `version` of
   * what it is made from, an answer holds as long as the version does.
   */
  remember<Answer>(key: string, work: () => Promise<Answer>, version?: number): Promise<Answer>
  /** A person changed something: whoever looks now wants to see it. */
  forget(): void
}

const fresh = 5_000
const stale = 60_000
const most = 300
/** An answer is fresh for so many times the milliseconds that it took. */
const worth = 100

type Kept = { answer: unknown; at: number; fresh: number }

export function createMemory(
  now: () => number = () => performance.now(),
  soon: (work: () => void) => void = (work) => setTimeout(work, 1_000).unref(),
): Memory {
  const planned = new Set<string>()
  const kept = new Map<string, Kept>()
  const running = new Map<string, Promise<unknown>>()
  let forgotten = 0

  const anew = (key: string, work: () => Promise<unknown>): Promise<unknown> => {
    const before = running.get(key)
    if (before) return before
    const since = forgotten
    const begun = now()
    const answer = work()
      .then((value) => {
        if (since === forgotten) {
          kept.delete(key)
          const at = now()
          kept.set(key, { answer: value, at, fresh: Math.min(Math.max(fresh, (at - begun) * worth), stale / 2) })
          if (kept.size > most) kept.delete(kept.keys().next().value as string)
        }
        return value
      })
      .finally(() => {
        if (running.get(key) === answer) running.delete(key)
      })
    running.set(key, answer)
    return answer
  }

  return {
    remember<Answer>(question: string, work: () => Promise<Answer>, version?: number) {
      const key = version === undefined ? question : `${question} ${version}`
      const known = kept.get(key)
      if (known && version !== undefined) return Promise.resolve(known.answer as Answer)
      const age = known ? now() - known.at : Number.POSITIVE_INFINITY
      if (age >= stale) return anew(key, work) as Promise<Answer>
      if (age >= (known?.fresh ?? 0) && !planned.has(key)) {
        planned.add(key)
        soon(() => {
          planned.delete(key)
          // Whoever asks next hears of a failure; the one who got an answer need not.
          anew(key, work).catch(() => undefined)
        })
      }
      return Promise.resolve(known?.answer as Answer)
    },
    forget() {
      forgotten++
      kept.clear()
      running.clear()
    },
  }
}

/** Works everything out each time: for tests and for processes that nobody looks at. */
export const noMemory: Memory = { remember: (_key, work) => work(), forget: () => undefined }
