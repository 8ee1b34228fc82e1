import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type AnswerOf, api, type ImportKind, type ImportMapping, type SourceId } from '@einklang/contract'
import { problemOf } from '@einklang/sdk'
import { Misuse } from './command.ts'
import type { Reached } from './connect.ts'
import type { Progress } from './progress.ts'

export type ImportDetail = AnswerOf<typeof api.ingest.importOf>

export type ImportWanted = {
  file: string
  kind: ImportKind
  source: SourceId
  mapping?: ImportMapping
  dryRun?: boolean
  /** Makes the progress of one of the three steps; `total` is bytes. */
  step: (label: string, total: number) => Progress
  /** Where the list goes of rows that do not fit and values that were not used; null keeps them on the server only. */
  rejectsFile?: string | null
}

const partBytes = 4 * 1024 * 1024

/**
 * Uploads a file in parts and waits until it is imported. Announcing the same file again continues an upload that
 * was interrupted, and rows that were brought before change nothing.
 */
export async function importFile(reached: Reached, wanted: ImportWanted): Promise<ImportDetail> {
  const { size } = await stat(wanted.file)
  if (size === 0) throw new Misuse(`${wanted.file} is empty; there is nothing to import.`)
  const sha256 = await hashOf(wanted.file, wanted.step('Reading', size))
  let detail = await reached.client.call(api.ingest.createImport, {
    body: {
      kind: wanted.kind,
      source: wanted.source,
      fileName: basename(wanted.file),
      size,
      sha256,
      dryRun: wanted.dryRun ?? false,
      ...(wanted.mapping ? { mapping: wanted.mapping } : {}),
    },
  })
  if (detail.state === 'uploading') {
    await upload(reached, wanted, detail)
    detail = await read(reached, detail.id)
  }
  detail = await untilFinished(reached, detail, wanted.step(wanted.dryRun ? 'Checking' : 'Importing', size))
  if (wanted.rejectsFile && detail.rejectsPath) {
    await download(reached, detail.rejectsPath, wanted.rejectsFile)
  }
  return detail
}

async function hashOf(file: string, progress: Progress): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    hash.update(piece as Buffer)
    progress.add((piece as Buffer).length)
  }
  progress.done()
  return hash.digest('hex')
}

async function upload(reached: Reached, wanted: ImportWanted, detail: ImportDetail): Promise<void> {
  const progress = wanted.step('Uploading', detail.size)
  const file = await open(wanted.file)
  try {
    for (let offset = detail.uploaded; offset < detail.size; ) {
      const part = Buffer.alloc(Math.min(partBytes, detail.size - offset))
      const { bytesRead } = await file.read(part, 0, part.length, offset)
      if (bytesRead < part.length) throw new Error(`${wanted.file} became shorter while it was read; import it again.`)
      const joint = detail.uploadPath?.includes('?') ? '&' : '?'
      const response = await fetch(`${reached.url}${detail.uploadPath}${joint}offset=${offset}`, {
        method: 'PUT',
        headers: { ...reached.headers, 'content-type': 'application/octet-stream' },
        body: part,
      })
      if (!response.ok) throw await problemOf(response)
      offset += part.length
      progress.at(offset)
    }
    progress.done()
  } catch (error) {
    progress.failed('interrupted')
    throw error
  } finally {
    await file.close()
  }
}

function read(reached: Reached, id: ImportDetail['id']): Promise<ImportDetail> {
  return reached.client.call(api.ingest.importOf, { params: { import: id } })
}

async function untilFinished(reached: Reached, first: ImportDetail, progress: Progress): Promise<ImportDetail> {
  let detail = first
  let waitMs = 40
  while (detail.state === 'waiting' || detail.state === 'running' || detail.state === 'uploading') {
    progress.at(Math.round(detail.progress * detail.size))
    // Small files are done at once, big ones need no question every moment.
    await pause(waitMs)
    waitMs = Math.min(500, waitMs * 1.5)
    detail = await read(reached, detail.id)
  }
  const rows = `${detail.accepted.toLocaleString('en')} rows`
  const rejected = detail.rejected > 0 ? `, ${detail.rejected.toLocaleString('en')} rejected` : ''
  const known = detail.duplicates > 0 ? `, ${detail.duplicates.toLocaleString('en')} known already` : ''
  if (detail.state === 'done') progress.done(`${rows}${rejected}${known}`)
  else progress.failed(detail.error ?? detail.state)
  return detail
}

async function download(reached: Reached, path: string, file: string): Promise<void> {
  const response = await fetch(`${reached.url}${path}`, { headers: reached.headers })
  if (!response.ok || !response.body) throw await problemOf(response)
  await pipeline(Readable.fromWeb(response.body as never), createWriteStream(file))
}
