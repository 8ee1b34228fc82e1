import { registerHooks } from 'node:module'

/**
 * The driver collects small writes and sends them in the next turn of the loop. In 3.4.9 that turn throws past everybody
 * when the connection was lost meanwhile, and what was collected is sent on the next connection, before its greeting
 * (porsager/postgres #1154, #1208, mended in #1209, not released). Until it is, its text is corrected as it is loaded.
 */
export const mends: [given: string, mended: string][] = [
  [
    `const x = socket.write(chunk, fn)`,
    `if (!socket) {
      nextWriteTimer !== null && clearImmediate(nextWriteTimer)
      chunk = nextWriteTimer = null
      error(Errors.connection('CONNECTION_CLOSED', options))
      return false
    }
    const x = socket.write(chunk, fn)`,
  ],
  [
    `clearImmediate(nextWriteTimer)
    socket.remove`,
    `clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = null
    socket.remove`,
  ],
  [
    `clearImmediate(nextWriteTimer)
    if (socket)`,
    `clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = null
    if (socket)`,
  ],
]

const hooks = registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith('/postgres/src/connection.js') || !loaded.source) return loaded
    const source =
      typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString()
    return { ...loaded, source: mends.reduce((text, [given, mended]) => text.replace(given, mended), source) }
  },
})

/** postgres.js, mended. Whoever else needs it imports it when called, after this. */
export const { default: postgres } = await import('postgres')

hooks.deregister()
