import { Refusal } from './failure.ts'

/** Reads JSON as callers send it; a mistake is told with its line and column. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const { offset, expected } = firstMistake(text)
    const before = text.slice(0, offset).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    const found = offset >= text.length ? 'the end' : JSON.stringify(text[offset])
    throw new Refusal(
      400,
      'malformed_json',
      `The body is not JSON: expected ${expected} but found ${found} at ${place}.`,
      {
        at: `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`,
      },
    )
  }
}

/** The engine's own message lacks the position in half of the cases, so we look for it ourselves. */
function firstMistake(text: string): { offset: number; expected: string } {
  let at = 0
  const failed = (expected: string): never => {
    throw new Mistake(at, expected)
  }
  const space = () => {
    while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at++
  }
  const take = (pattern: RegExp, expected: string) => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (!match) failed(expected)
    else at += match[0].length
  }
  const string = () => {
    take(/"/y, 'a text in double quotes')
    for (;;) {
      take(/[^"\\\u0000-\u001f]*/y, '')
      if (text[at] === '"') break
      if (text[at] === '\\') take(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y, 'a valid escape')
      else failed(at >= text.length ? 'the closing quote' : 'no raw control character in a text')
    }
    at++
  }
  const list = (close: string, item: () => void) => {
    at++
    space()
    if (text[at] === close) {
      at++
      return
    }
    for (;;) {
      item()
      space()
      if (text[at] === close) break
      if (text[at] !== ',') failed(`a comma or ${close}`)
      at++
      space()
    }
    at++
  }
  const value = (depth: number): void => {
    space()
    if (depth > 1000) failed('less nesting')
    const first = text[at]
    if (first === '{') {
      list('}', () => {
        if (text[at] !== '"') failed('a name in double quotes')
        string()
        space()
        take(/:/y, 'a colon')
        value(depth + 1)
      })
    } else if (first === '[') list(']', () => value(depth + 1))
    else if (first === '"') string()
    else take(/(?:true|false|null)(?!\w)|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y, 'a value')
  }
  try {
    value(0)
    space()
    return { offset: at, expected: 'the end' }
  } catch (error) {
    if (error instanceof Mistake) return error
    throw error
  }
}

class Mistake extends Error {
  readonly offset: number
  readonly expected: string
  constructor(offset: number, expected: string) {
    super(expected)
    this.offset = offset
    this.expected = expected
  }
}

/** Reads a body up to `limit` bytes; more is refused before it is held in memory. */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new Refusal(
      413,
      'too_large',
      `The body is larger than ${limit >= 1_048_576 ? `${limit / 1_048_576} MiB` : `${limit / 1024} KiB`}.`,
      {
        doInstead: 'Send less at once.',
      },
    )
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge()
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body) {
    size += chunk.byteLength
    if (size > limit) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/** The body as text; bytes that are not UTF-8 are refused rather than replaced. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Refusal(400, 'not_utf8', 'The body is not UTF-8 text.')
  }
}
