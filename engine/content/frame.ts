/**
 * A page for HTML that nobody vouches for: no scripts, no origin, no remote pictures; links open in a new tab. The
 * console shows it in a sandboxed frame; opened by itself it is just as harmless.
 */
export function framePage(html: string): Response {
  const inert = html.replace(/<a\b(?![^>]*\btarget=)/gi, '<a target="_blank" rel="noopener noreferrer"')
  return new Response(inert, {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
      'X-Frame-Options': 'SAMEORIGIN',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    },
  })
}

/** The answer for a frame whose hour is over. */
export function frameGone(): Response {
  return new Response('This preview has expired. Open it again.', {
    status: 410,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  })
}
