import type { AnswerOf, CallOf, Role, Route } from '@einklang/contract'
import { type CallInput, createClient, ProblemError } from '@einklang/sdk'
import { notifications } from '@mantine/notifications'
import {
  infiniteQueryOptions,
  keepPreviousData,
  QueryClient,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
} from '@tanstack/react-query'
import i18next from 'i18next'
import { useEffect, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Failure, Fetched } from '../kit/states.tsx'

/** Answers come in the language of the screen, not in that of the browser. */
const speaking: typeof fetch = (request, init) =>
  fetch(request, { ...init, headers: { ...(init?.headers as object), 'accept-language': i18next.language } })

export const client = createClient({ baseUrl: '', fetch: speaking })

// What the server said in the other language has to be asked for again.
i18next.on('languageChanged', () => void queries.invalidateQueries())

/** A refusal is an answer: only outages and broken connections are worth a second try. */
function worthRetry(times: number, error: unknown): boolean {
  if (error instanceof ProblemError && error.status < 500 && error.status !== 429) return false
  return times < 2
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 5_000, retry: worthRetry, refetchOnWindowFocus: false },
    mutations: { retry: false },
  },
})

/** After a 401 the gate asks again who is signed in, and shows the sign-in page on the same address. */
function heardError(error: unknown): void {
  if (error instanceof ProblemError && error.status === 401) {
    void queries.invalidateQueries({ queryKey: ['governance', 'me'] })
  }
}
queries.getQueryCache().config.onError = heardError
queries.getMutationCache().config.onError = heardError

export function failureOf(error: unknown, offline: string): Failure | null {
  if (error === null || error === undefined) return null
  if (error instanceof ProblemError) {
    return { message: error.message, doInstead: error.doInstead, code: error.code }
  }
  if (error instanceof TypeError) return { message: offline }
  return { message: error instanceof Error ? error.message : String(error) }
}

export function keyOf(route: Route, input?: object): unknown[] {
  return [route.stage, route.name, input ?? null]
}

type AnyCall = (route: Route, input: object) => Promise<unknown>
const callAny = client.call as unknown as AnyCall

export type Answer<Value> = Fetched<Value> & { fetching: boolean; refetch: () => void; previous: boolean }

function answerOf<R extends Route>(route: R, input: CallOf<R> | undefined) {
  return queryOptions({
    queryKey: keyOf(route, input),
    queryFn: ({ signal }) => callAny(route, { ...input, signal }) as Promise<AnswerOf<R>>,
  })
}

/** The answer of a read route, kept fresh by live hints of its stage. */
export function useAnswer<R extends Route>(
  route: R,
  input?: CallOf<R>,
  options?: { enabled?: boolean; keep?: boolean; every?: number },
): Answer<AnswerOf<R>> {
  const { t } = useTranslation()
  const result = useQuery({
    ...answerOf(route, input),
    enabled: options?.enabled ?? true,
    ...(options?.every === undefined ? {} : { refetchInterval: options.every }),
    ...(options?.keep === true ? { placeholderData: keepPreviousData } : {}),
  })
  const refetch = (): void => void result.refetch()
  return {
    data: result.data as AnswerOf<R> | undefined,
    failure: failureOf(result.error, t('kit.offline')),
    retry: refetch,
    refetch,
    fetching: result.isFetching,
    previous: result.isPlaceholderData,
  }
}

type Paged = { items: unknown[]; next: string | null }
type ItemOf<R extends Route> = AnswerOf<R> extends { items: (infer Item)[] } ? Item : never

export type Pages<R extends Route> = Fetched<ItemOf<R>[]> & {
  /** The first page whole, for the counts that come with it. */
  first: AnswerOf<R> | undefined
  more: boolean
  onEnd: () => void
  fetching: boolean
}

/** A list whose rows lie still: only those on top can be new. */
type StillPages = { pages: { items: { id: string }[]; next: string | null }[]; pageParams: unknown[] }

/**
 * Brings what is new on top of lists whose rows never change, without asking for all their pages again. When more has come
 * than a page holds, the list begins anew.
 */
export async function refreshTop(stages: string[]): Promise<void> {
  const still = queries.getQueryCache().findAll({
    predicate: ({ queryKey, meta }) => meta?.['top'] !== undefined && stages.includes(String(queryKey[0])),
  })
  for (const query of still) {
    const known = query.state.data as StillPages | undefined
    const ask = query.meta?.['top'] as (() => Promise<StillPages['pages'][number]>) | undefined
    if (known === undefined || ask === undefined || !query.isActive()) continue
    const top = await ask()
    queries.setQueryData<StillPages>(query.queryKey, (now) => withTop(now ?? known, top))
  }
}

export function withTop(known: StillPages, top: StillPages['pages'][number]): StillPages {
  const [first, ...others] = known.pages
  const fetched = new Set(top.items.map(({ id }) => id))
  if (first === undefined || !first.items.some(({ id }) => fetched.has(id))) return { pages: [top], pageParams: [null] }
  const below = first.items.filter(({ id }) => !fetched.has(id))
  return { ...known, pages: [{ ...top, next: first.next, items: [...top.items, ...below] }, ...others] }
}

function pagesOf<R extends Route>(route: R, input: CallOf<R> | undefined) {
  const given = input as { query?: object } | undefined
  return infiniteQueryOptions({
    queryKey: [...keyOf(route, input), 'pages'],
    queryFn: ({ signal, pageParam }) =>
      callAny(route, {
        ...input,
        query: { ...given?.query, ...(pageParam === null ? {} : { after: pageParam }) },
        signal,
      }) as Promise<Paged>,
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  })
}

/**
 * Asks now for what a part of the screen shows that is drawn only after another answer has come. `pages` where the part
 * asks by `usePages`.
 */
export function useEarly<R extends Route>(
  route: R,
  input?: CallOf<R>,
  options?: { enabled?: boolean; pages?: boolean },
) {
  const { enabled = true, pages = false } = options ?? {}
  const key = JSON.stringify(keyOf(route, input))
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the question
  useEffect(() => {
    if (!enabled) return
    if (pages) void queries.prefetchInfiniteQuery(pagesOf(route, input))
    else void queries.prefetchQuery(answerOf(route, input))
  }, [key, enabled, pages])
}

/**
 * All pages of a list so far; `onEnd` brings the next one. Rows that lie `still` never change: a live hint then asks for
 * the top alone, however many pages are shown.
 */
export function usePages<R extends Route>(
  route: R,
  input?: CallOf<R>,
  options?: { enabled?: boolean; still?: boolean },
): Pages<R> {
  const { t } = useTranslation()
  const result = useInfiniteQuery({
    ...pagesOf(route, input),
    enabled: options?.enabled ?? true,
    placeholderData: keepPreviousData,
    ...(options?.still === true ? { meta: { top: () => callAny(route, { ...input }) as Promise<Paged> } } : {}),
  })
  const pages = result.data?.pages
  const rows = useMemo(() => pages?.flatMap((page) => page.items) as ItemOf<R>[] | undefined, [pages])
  return {
    data: rows,
    failure: failureOf(result.error, t('kit.offline')),
    retry: () => void result.refetch(),
    first: pages?.[0] as AnswerOf<R> | undefined,
    more: result.hasNextPage,
    onEnd: () => {
      if (result.hasNextPage && !result.isFetchingNextPage) void result.fetchNextPage()
    },
    fetching: result.isFetching,
  }
}

export type Deed<R extends Route> = {
  run: (input: CallInput<R>) => Promise<AnswerOf<R> | undefined>
  pending: boolean
  failure: Failure | null
  reset: () => void
}

/**
 * A write. Resolves with the answer, or with undefined after a refusal, which it has then told the reader
 * (or left to the form in `failure` when `quiet`).
 */
export function useDeed<R extends Route>(
  route: R,
  options?: { refresh?: string[]; done?: string; quiet?: boolean },
): Deed<R> {
  const { t, i18n } = useTranslation()
  const mutation = useMutation({
    mutationFn: (input: object) => callAny(route, input) as Promise<AnswerOf<R>>,
    onSuccess: () => {
      for (const stage of options?.refresh ?? [route.stage]) void queries.invalidateQueries({ queryKey: [stage] })
      if (options?.done !== undefined) notifications.show({ message: options.done, color: 'teal' })
    },
  })
  return {
    async run(input) {
      try {
        const answer = await mutation.mutateAsync(input as object)
        return answer ?? (true as AnswerOf<R>)
      } catch (error) {
        const failure = failureOf(error, t('kit.offline'))
        if (options?.quiet !== true && failure !== null) {
          // Refusals that have words of their own are said in the reader's language.
          const said = `list.says.${failure.code}`
          const english = failure.doInstead === undefined ? failure.message : `${failure.message} ${failure.doInstead}`
          const message = i18n.exists(said) ? t(said) : english
          notifications.show({ title: t('kit.failed'), message, color: 'red', autoClose: 10_000 })
        }
        return undefined
      }
    },
    pending: mutation.isPending,
    failure: failureOf(mutation.error, t('kit.offline')),
    reset: mutation.reset,
  }
}

/** May somebody with these roles call the route? Screens leave out what would only be refused. */
export function mayCall(route: Pick<Route, 'may'>, roles: Role[]): boolean {
  if (route.may === 'anyone' || route.may === 'signed-in') return true
  return route.may.some((role) => roles.includes(role))
}
