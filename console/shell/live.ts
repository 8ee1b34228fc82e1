import { type LiveTopic, liveTopics, type Role, type StageName } from '@einklang/contract'
import { useEffect, useSyncExternalStore } from 'react'
import { mayCall, queries, refreshTop } from './api.ts'
import { useSession } from './session.ts'

/** The hints a stage gives, and whose answers they make stale: its own, and those derived from it. */
const hints: { [stage in StageName]?: { topics: LiveTopic[]; stale: StageName[] } } = {
  ingest: {
    topics: ['ingest.events', 'ingest.alarm'],
    stale: ['ingest', 'identity', 'profile', 'consent', 'commerce', 'audience', 'decision', 'delivery', 'conversation'],
  },
  identity: { topics: ['identity.changed'], stale: ['identity', 'profile', 'consent', 'audience'] },
  consent: { topics: ['consent.changed'], stale: ['consent', 'profile', 'audience'] },
  audience: { topics: ['audience.changed'], stale: ['audience'] },
  decision: { topics: ['decision.moved'], stale: ['decision'] },
  delivery: { topics: ['delivery.message', 'delivery.mailbox'], stale: ['delivery', 'decision', 'profile'] },
  measurement: { topics: ['measurement.built'], stale: ['measurement', 'budget'] },
}
const pauseMs = 3_000

type Listener = (topic: string) => void

const listeners = new Map<string, Set<Listener>>()
const watchers = new Set<() => void>()
let source: EventSource | null = null
let connected = false
let topicsOpen = ''
let reopen: ReturnType<typeof setTimeout> | undefined

function tell(state: boolean): void {
  connected = state
  for (const watcher of watchers) watcher()
}

/** One connection for the whole screen; it is opened again when the set of topics changes. */
function connect(): void {
  const topics = [...listeners.keys()].sort()
  if (topics.join() === topicsOpen) return
  source?.close()
  source = null
  topicsOpen = topics.join()
  if (topics.length === 0) return tell(false)
  const opened = new EventSource(`/api/live?topics=${topics.join(',')}`)
  opened.onopen = () => tell(true)
  opened.onerror = () => tell(false)
  for (const topic of topics) {
    opened.addEventListener(topic, () => {
      for (const listener of listeners.get(topic) ?? []) listener(topic)
    })
  }
  source = opened
}

/** Hears hints of these topics until the returned function is called. */
export function listen(topics: string[], listener: Listener): () => void {
  for (const topic of topics) {
    const set = listeners.get(topic) ?? new Set()
    set.add(listener)
    listeners.set(topic, set)
  }
  // Screens change their topics together; one connection follows when they have settled.
  const settle = (): void => {
    clearTimeout(reopen)
    reopen = setTimeout(connect, 60)
  }
  settle()
  return () => {
    for (const topic of topics) {
      const set = listeners.get(topic)
      set?.delete(listener)
      if (set?.size === 0) listeners.delete(topic)
    }
    settle()
  }
}

/** The hints that somebody with these roles may hear; asking for others alone would be refused. */
export function audible(topics: LiveTopic[], roles: Role[]): LiveTopic[] {
  return topics.filter((topic) => mayCall({ may: liveTopics[topic] }, roles))
}

/** Answers on the screen follow the hints of these stages, at most once in a few seconds. */
export function useLiveAnswers(stages: StageName[]): void {
  const key = stages.join(',')
  const roles = useSession().user.roles.join(',')
  useEffect(() => {
    const watched = key.split(',').flatMap((stage) => {
      const hint = hints[stage as StageName]
      return hint === undefined ? [] : [hint]
    })
    const stale = new Set<StageName>()
    // Who is who has changed: what lay still may belong to somebody else.
    let regrouped = false
    let timer: ReturnType<typeof setTimeout> | undefined
    let last = 0
    const flush = (): void => {
      timer = undefined
      last = performance.now()
      for (const stage of stale) {
        void queries.invalidateQueries({
          predicate: ({ queryKey, state, meta }) =>
            queryKey[0] === stage && state.fetchStatus === 'idle' && (regrouped || meta?.['top'] === undefined),
        })
      }
      if (!regrouped) void refreshTop([...stale]).catch(() => undefined)
      regrouped = false
      stale.clear()
    }
    const stop = listen(
      audible(
        watched.flatMap((hint) => hint.topics),
        roles.split(',') as Role[],
      ),
      (topic) => {
        regrouped ||= topic === 'identity.changed'
        for (const hint of watched) {
          if (hint.topics.some((one) => one === topic)) for (const stage of hint.stale) stale.add(stage)
        }
        timer ??= setTimeout(flush, Math.max(150, pauseMs - (performance.now() - last)))
      },
    )
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [key, roles])
}

/** Whether the live connection stands, for the small light in the header; null on screens that ask for none. */
export function useConnected(): boolean | null {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => (topicsOpen === '' ? null : connected),
  )
}
