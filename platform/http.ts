import {
  type AnswerOf,
  type InputOf,
  type Role,
  type Route,
  type SpokenLanguage,
  spokenLanguages,
  type UserId,
} from '@einklang/contract'

/** Who is calling: a signed-in person of the house, an API key, or nobody. */
export type Caller =
  | { kind: 'user'; user: UserId; name: string; roles: Role[]; session: string; mustChangePassword?: true }
  | { kind: 'key'; key: string; roles: Role[]; name: string }
  | { kind: 'anonymous' }

/** Under whose name something is written down. */
export function nameOf(caller: Caller): string {
  return caller.kind === 'anonymous' ? 'anonymous' : caller.name
}

export type Request_ = {
  caller: Caller
  /** Truncated client address (IPv4 /24, IPv6 /48). */
  address: string
  requestId: string
  headers: Headers
  /** Sent with the answer besides the usual ones, for example `set-cookie`. */
  answerHeaders: Headers
  signal: AbortSignal
}

/** The language of whoever asks, by `Accept-Language`; English for programs that do not say. */
export function languageOf(request: { headers?: Headers }): SpokenLanguage {
  const tags = (request.headers?.get('accept-language') ?? '').split(',').map((part) => {
    const [tag = '', weight] = part.split(';q=')
    return { language: tag.trim().slice(0, 2).toLowerCase(), weight: weight === undefined ? 1 : Number(weight) }
  })
  const best = tags
    .filter(({ language, weight }) => spokenLanguages.some((spoken) => spoken === language) && weight > 0)
    .toSorted((one, other) => other.weight - one.weight)[0]
  return spokenLanguages.find((spoken) => spoken === best?.language) ?? 'en'
}

export type Mounted<R extends Route> = {
  route: R
  handle: (input: InputOf<R>, request: Request_) => Promise<AnswerOf<R>>
}

/** Pairs a declared route with its handler; input arrives parsed, the answer is checked in tests. */
export function mount<R extends Route>(
  route: R,
  handle: (input: InputOf<R>, request: Request_) => Promise<AnswerOf<R>>,
): Mounted<Route> {
  return { route, handle } as unknown as Mounted<Route>
}

/** A plain web-standard handler on a fixed path pattern (hono syntax: `/v1/:type`, `/p/u/:token`). */
export type RawMount = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS' | 'HEAD'
  path: string
  handle: (
    request: Request,
    match: { params: { [name: string]: string }; address: string; requestId: string; remoteAddress: string },
  ) => Promise<Response> | Response
}
