import { parentPort } from 'node:worker_threads'
import mjml from 'mjml'

export type MjmlResult = { html: string; errors: { line: number; message: string; tag: string }[] }

parentPort?.on('message', async (job: { id: number; source: string }) => {
  try {
    const { html, errors } = await mjml(job.source, {
      validationLevel: 'soft',
      ignoreIncludes: true,
      keepComments: false,
    })
    const result: MjmlResult = {
      html,
      errors: errors.map((error) => ({ line: error.line, message: error.message, tag: error.tagName })),
    }
    parentPort?.postMessage({ id: job.id, result })
  } catch (error) {
    parentPort?.postMessage({ id: job.id, failed: error instanceof Error ? error.message : String(error) })
  }
})
parentPort?.postMessage({ ready: true })
