import type { Route } from '@einklang/contract'
import { problem } from '@einklang/contract'
import { z } from 'zod'

/**
 * OpenAPI 3.1 from the declarations. Its schemas are JSON Schema, which zod writes itself, so no second
 * description of anything is needed.
 */
export function describeRoutes(routes: Route[], about: { version: string; url: string }): object {
  const paths: { [path: string]: { [method: string]: object } } = {}
  for (const route of routes) {
    const path = `/api/${route.stage}${route.path}`
    paths[path] = { ...paths[path], [route.method]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Einklang', version: about.version, description: 'All channels of a retailer in unison.' },
    servers: [{ url: about.url }],
    tags: [...new Set(routes.map((route) => route.stage))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, 'output') },
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: about.url.startsWith('https://') ? '__Host-einklang' : 'einklang',
          description: 'Set by governance.signIn: `__Host-einklang` over https, `einklang` over plain http.',
        },
        key: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

function operationOf(route: Route): object {
  const refusal = {
    description: 'Refused; one sentence says why',
    content: json({ $ref: '#/components/schemas/Problem' }),
  }
  const empty = route.answer instanceof z.ZodUndefined
  return {
    operationId: `${route.stage}.${route.name}`,
    tags: [route.stage],
    summary: route.summary,
    'x-roles': route.may,
    security: route.may === 'anyone' ? [] : [{ session: [] }, { key: [] }],
    parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
    ...(route.body instanceof z.ZodUndefined
      ? {}
      : { requestBody: { required: true, content: json(schemaOf(route.body, 'input')) } }),
    responses: {
      ...(empty
        ? { 204: { description: 'Done' } }
        : { 200: { description: 'The answer', content: json(schemaOf(route.answer, 'output')) } }),
      '4XX': refusal,
      503: refusal,
    },
  }
}

function parametersOf(schema: z.ZodObject, place: 'path' | 'query'): object[] {
  const described = schemaOf(schema, 'input') as { properties?: { [name: string]: object }; required?: string[] }
  return Object.entries(described.properties ?? {}).map(([name, type]) => ({
    name,
    in: place,
    required: place === 'path' || (described.required ?? []).includes(name),
    schema: type,
  }))
}

const json = (schema: object) => ({ 'application/json': { schema } })

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    cycles: 'ref',
    reused: 'inline',
  })
  return described
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** A page to read, without script and without anything from elsewhere. */
export function documentationPage(routes: Route[]): string {
  const stages = [...new Set(routes.map((route) => route.stage))]
  const section = (stage: string) =>
    `<section id="${stage}"><h2>${stage}</h2>${routes
      .filter((route) => route.stage === stage)
      .map(entry)
      .join('')}</section>`
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Einklang API</title><style>
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:0 auto;padding:1rem}
nav a{margin-right:.8rem}details{border-top:1px solid #8884;padding:.4rem 0}summary{cursor:pointer}
code{font-size:.95em}b{display:inline-block;min-width:4.5rem;text-transform:uppercase}pre{overflow:auto;padding:.6rem;background:#8881}
small{opacity:.75}</style></head><body><h1>Einklang API</h1>
<p>JSON over HTTP; errors are <code>{"error": {"code", "message", "at", "doInstead"}}</code>. Writes take an <code>Idempotency-Key</code>.
For programs: <a href="/openapi.json">openapi.json</a>.</p>
<nav>${stages.map((stage) => `<a href="#${stage}">${stage}</a>`).join('')}</nav>${stages.map(section).join('')}</body></html>`
}

function entry(route: Route): string {
  const who = typeof route.may === 'string' ? route.may : route.may.join(', ')
  const part = (name: string, schema: z.ZodType, io: 'input' | 'output') => {
    const described = schemaOf(schema, io)
    const empty =
      schema instanceof z.ZodUndefined ||
      ('properties' in described && Object.keys(described.properties as object).length === 0)
    return empty ? '' : `<h4>${name}</h4><pre>${escaped(JSON.stringify(described, null, 2))}</pre>`
  }
  return `<details><summary><b>${route.method}</b><code>/api/${route.stage}${escaped(route.path)}</code> ${escaped(route.summary)} <small>${who}</small></summary>${part(
    'Path',
    route.params,
    'input',
  )}${part('Query', route.query, 'input')}${part('Body', route.body, 'input')}${part('Answer', route.answer, 'output')}</details>`
}
