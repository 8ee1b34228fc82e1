/** The program of the child process in `make.ts`: makes one world and says how far it is. */
import { generate } from '@einklang/world'
import type { MakerReply, MakerRequest } from './make.ts'

const stopping = new AbortController()
const reply = (message: MakerReply) => process.send?.(message)

// Ctrl-C reaches the whole group of processes; the parent decides and closes the line to us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
// Nobody is left to make it for; the next start goes on where this one was.
process.on('disconnect', () => process.exit(0))

process.on('message', async (message: MakerRequest | 'stop') => {
  if (message === 'stop') return stopping.abort()
  try {
    await generate({ ...message, onProgress: ({ done, total }) => reply({ done, total }), signal: stopping.signal })
    reply('made')
  } catch (error) {
    reply({ failed: error instanceof Error ? error.message : String(error) })
  }
  process.disconnect()
})
