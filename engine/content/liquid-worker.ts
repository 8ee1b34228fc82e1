import { parentPort } from 'node:worker_threads'
import { inspect, limits, liquidEngine, render } from './liquid.ts'

export type Piece = { name: string; source: string; place: 'html' | 'plain' }
export type Job =
  | { id: number; kind: 'render'; pieces: Piece[]; data: object }
  | { id: number; kind: 'inspect'; pieces: Piece[] }

const engines = { html: liquidEngine('html'), plain: liquidEngine('plain') }

function work(job: Job): unknown {
  if (job.kind === 'inspect')
    return job.pieces.map((piece) => ({ name: piece.name, ...inspect(engines[piece.place], piece.source) }))
  let size = 0
  const texts: { [name: string]: string } = {}
  for (const piece of job.pieces) {
    const text = render(engines[piece.place], piece.source, job.data)
    size += text.length
    if (size > limits.outputCharacters) throw new Error(`output is longer than ${limits.outputCharacters} characters`)
    texts[piece.name] = text
  }
  return texts
}

parentPort?.on('message', (job: Job) => {
  try {
    parentPort?.postMessage({ id: job.id, result: work(job) })
  } catch (error) {
    parentPort?.postMessage({ id: job.id, failed: error instanceof Error ? error.message : String(error) })
  }
})
parentPort?.postMessage({ ready: true })
