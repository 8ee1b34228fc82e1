import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { Readable } from 'node:stream'

const types: { [ending: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
}

/** On every answer that does not bring its own. Styles may be inline (components set them), scripts never. */
export function securityHeaders(publicUrl: string): { [name: string]: string } {
  return {
    'Content-Security-Policy': [
      "default-src 'self'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data: blob:",
      "font-src 'self'",
      "connect-src 'self'",
      "frame-src 'self'",
      "worker-src 'self'",
      "object-src 'none'",
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ].join('; '),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'strict-origin-when-cross-origin',
    'Permissions-Policy': 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()',
    'Cross-Origin-Opener-Policy': 'same-origin',
    ...(publicUrl.startsWith('https:') ? { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' } : {}),
  }
}

/**
 * The built console: hashed files under `/assets/` for ever, everything else asked for again. A path without a file
 * is a screen of the application and gets its `index.html`, unless it looks like a file.
 */
export async function pageAt(directory: string, path: string, known: string | undefined): Promise<Response> {
  const plain = decoded(path)
  if (plain === null) return notFound()
  const file = await fileAt(directory, plain)
  if (file) return sent(file, plain.startsWith('/assets/'), known)
  if (extname(plain) !== '') return notFound()
  const index = await fileAt(directory, '/index.html')
  return index ? sent(index, false, known) : notFound()
}

export const notFound = () =>
  Response.json({ error: { code: 'not_found', message: 'There is nothing at this address.' } }, { status: 404 })

function decoded(path: string): string | null {
  try {
    const plain = decodeURIComponent(path)
    return plain.includes('\0') || plain.includes('\\') ? null : plain
  } catch {
    return null
  }
}

type File = { path: string; size: number; tag: string }

async function fileAt(directory: string, path: string): Promise<File | null> {
  // Normalised as an absolute path first, so that no `..` climbs above the directory.
  const wanted = join(directory, normalize(join('/', path)))
  if (/\/\.[^/]/.test(normalize(join('/', path)))) return null
  const found = await stat(wanted).catch(() => null)
  if (!found?.isFile()) return null
  return {
    path: wanted,
    size: found.size,
    tag: `"${found.size.toString(36)}-${Math.round(found.mtimeMs).toString(36)}"`,
  }
}

function sent(file: File, forever: boolean, known: string | undefined): Response {
  const headers = {
    'Content-Type': types[extname(file.path)] ?? 'application/octet-stream',
    'Cache-Control': forever ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: file.tag,
  }
  if (known === file.tag) return new Response(null, { status: 304, headers })
  return new Response(Readable.toWeb(createReadStream(file.path)) as ReadableStream, {
    headers: { ...headers, 'Content-Length': String(file.size) },
  })
}
