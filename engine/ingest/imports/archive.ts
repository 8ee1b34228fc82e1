import { Readable } from 'node:stream'
import { kept } from '@einklang/contract'
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'

/** A file of which any part can be read: uploaded parts, or bytes in memory. */
export type FileBytes = { size: number; range(start: number, end: number): AsyncIterable<Buffer> }

export type Archive = {
  names: string[]
  /** Unpacked bytes of one entry, counted while they come: a bomb ends as a sentence. */
  read(name: string): AsyncIterable<Buffer>
}

const mostEntries = 1_000
const mostUnpacked = 1024 ** 3
/** Ordinary tables pack to a tenth; beyond a hundred it is a trick. Small files are left alone. */
const steepest = 100
const smallEnough = 16 * 1024 ** 2

export function bytesInMemory(bytes: Buffer): FileBytes {
  return {
    size: bytes.length,
    async *range(start, end) {
      yield bytes.subarray(start, end)
    },
  }
}

export function isZip(head: Buffer): boolean {
  return head.length > 3 && head.readUInt32LE(0) === 0x04034b50
}

export async function openArchive(file: FileBytes): Promise<Archive> {
  let zip: ZipFile
  try {
    // strictFileNames and validateEntrySize are on by default or here: no absolute, parent or backslash names.
    zip = await fromRandomAccessReaderPromise(new Reader(file), file.size, { strictFileNames: true, autoClose: false })
  } catch (error) {
    throw new Error(kept('archive_broken', { error: (error as Error).message }))
  }
  if (zip.entryCount > mostEntries)
    throw new Error(kept('archive_entries', { count: zip.entryCount, most: mostEntries }))
  const entries = new Map<string, Entry>()
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName.endsWith('/')) continue
    if (entry.isEncrypted()) throw new Error(kept('archive_encrypted', { name: entry.fileName }))
    if (entries.has(entry.fileName)) throw new Error(kept('archive_twice', { name: entry.fileName }))
    entries.set(entry.fileName, entry)
  }
  return {
    names: [...entries.keys()],
    async *read(name) {
      const entry = entries.get(name)
      if (!entry) throw new Error(kept('archive_lacks', { name }))
      let unpacked = 0
      const stream = await zip.openReadStreamPromise(entry)
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        unpacked += chunk.length
        if (unpacked > mostUnpacked) throw new Error(kept('archive_large', { name, most: mostUnpacked }))
        if (unpacked > smallEnough && unpacked > entry.compressedSize * steepest)
          throw new Error(kept('archive_steep', { name, times: steepest }))
        yield chunk
      }
    },
  }
}

class Reader extends RandomAccessReader {
  readonly #file: FileBytes
  constructor(file: FileBytes) {
    super()
    this.#file = file
  }
  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#file.range(start, end), { objectMode: false })
  }
}
