import { z } from 'zod'
import type { Role } from './channels.ts'
import type { StageName } from './stages.ts'

/**
 * One HTTP operation, declared once: the server mounts it, the SDK calls it, OpenAPI prints it, and the
 * authorisation test enumerates it. A route names who may call it; there is no default.
 *
 *   export const searchCustomers = route({ stage: 'profile', name: 'search', method: 'get', path: '/search',
 *     may: ['marketer', 'support'], query: z.object({ q: z.string() }), answer: z.object({ … }) })
 */
export type Route<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> = {
  stage: StageName
  name: string
  summary: string
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Below `/api/<stage>`, OpenAPI form: `/customers/{person}`. */
  path: string
  /** Roles that may call it; `anyone` signed in or not, `signed-in` every role. */
  may: readonly Role[] | 'anyone' | 'signed-in'
  /** Also answers a person who still has to change the generated password. */
  beforePasswordChange?: true
  /** The answer carries a secret that is shown once: it is not kept, so a repeat of the request gets 409 instead of it. */
  secretAnswer?: true
  /** A question too large for an address: changes nothing although its method is POST. */
  asks?: true
  params: Params
  query: Query
  body: Body
  answer: Answer
}

const nothing = z.object({})
type Nothing = typeof nothing

export function route<
  Params extends z.ZodObject = Nothing,
  Query extends z.ZodObject = Nothing,
  Body extends z.ZodType = z.ZodUndefined,
  Answer extends z.ZodType = z.ZodUndefined,
>(declared: {
  stage: StageName
  name: string
  summary: string
  method: Route['method']
  path: string
  may: Route['may']
  beforePasswordChange?: true
  secretAnswer?: true
  asks?: true
  params?: Params
  query?: Query
  body?: Body
  answer?: Answer
}): Route<Params, Query, Body, Answer> {
  return {
    ...declared,
    params: declared.params ?? (nothing as unknown as Params),
    query: declared.query ?? (nothing as unknown as Query),
    body: declared.body ?? (z.undefined() as unknown as Body),
    answer: declared.answer ?? (z.undefined() as unknown as Answer),
  }
}

/** What the caller of a route brings and gets. Query and path values arrive as text: use `z.coerce` or enums there. */
export type InputOf<R extends Route> = {
  params: z.output<R['params']>
  query: z.output<R['query']>
  body: z.output<R['body']>
}
export type CallOf<R extends Route> = {
  params?: z.input<R['params']>
  query?: z.input<R['query']>
  body?: z.input<R['body']>
}
export type AnswerOf<R extends Route> = z.output<R['answer']>

/** Body of every refusal: what was wrong, where, what to do. */
export const problem = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    at: z.string().optional(),
    doInstead: z.string().optional(),
  }),
})
export type Problem = z.infer<typeof problem>

/** Cursor paging used by every list: pass `after` back to get the next page. */
export const page = {
  after: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
}
export function pageOf<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ items: z.ZodArray<Item>; next: z.ZodNullable<z.ZodString> }> {
  return z.object({ items: z.array(item), next: z.string().nullable() })
}
