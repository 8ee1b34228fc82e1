import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type GenerateRequest, generate } from '@einklang/world'

export type MakerRequest = Omit<GenerateRequest, 'onProgress' | 'signal'>
export type MakerReply = { done: number; total: number } | { failed: string } | 'made'

/**
 * Makes the world in a process of its own, so that what the generator needed is given back before the loading begins.
 * A town is made faster than a process starts.
 */
export async function makeApart(
  request: MakerRequest,
  needs: { onProgress: (done: number, total: number) => void; signal: AbortSignal },
): Promise<void> {
  const { onProgress, signal } = needs
  if (request.size === 'town') {
    await generate({ ...request, onProgress: ({ done, total }) => onProgress(done, total), signal })
    return
  }
  const child = fork(fileURLToPath(new URL('./maker.ts', import.meta.url)), {
    execArgv: [...process.execArgv, '--conditions=source'],
    serialization: 'advanced',
  })
  const stop = () => child.connected && child.send('stop')
  signal.addEventListener('abort', stop)
  try {
    await new Promise<void>((made, failed) => {
      child.on('message', (reply: MakerReply) => {
        if (reply === 'made') made()
        else if ('failed' in reply) failed(new Error(reply.failed))
        else onProgress(reply.done, reply.total)
      })
      child.once('error', failed)
      child.once('exit', (code, by) => failed(new Error(`The generator ended with ${by ?? `code ${code}`}.`)))
      child.send(request)
    })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
