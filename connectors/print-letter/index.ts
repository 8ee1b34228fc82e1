import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connector, HandOver, Outbound } from '@einklang/contract'
import { type LetterRefusal, letterPdf } from './letter.ts'

export { type Letter, type LetterRefusal, letterPdf } from './letter.ts'

export type LetterOptions = {
  /** Where the PDF files go, one per letter, named by its key. */
  directory: string
  /** One line above the address window: who gets the letter back. */
  returnLine: string
}

/**
 * Letters as PDF files for the print room, form B of DIN 5008. Class K: the file is named by the key and the same
 * letter gives the same bytes, so a repeat finds the file that is already there.
 */
export function letterConnector(options: LetterOptions): Connector {
  return {
    name: 'print-letter',
    channel: 'letter',
    class: 'K',
    handOver: (outbound) => print(options, outbound),
  }
}

/** Name of the file a letter with this key is kept in. */
export function letterFile(key: string): string {
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.pdf`
}

async function print(options: LetterOptions, outbound: Outbound): Promise<HandOver> {
  const name = letterFile(outbound.key)
  const path = join(options.directory, name)
  if (await exists(path)) return { state: 'accepted', providerId: name }
  const pdf = await letterPdf({
    addressLines: [outbound.to.name ?? '', ...outbound.to.address.split(/\r?\n/)],
    returnLine: options.returnLine,
    senderName: outbound.from.name,
    date: outbound.headers['Date-Line'] ?? '',
    subject: outbound.subject ?? '',
    text: outbound.text,
    reference: outbound.message,
  })
  if ('refused' in pdf) return { state: 'refused', reason: told(pdf), permanent: true }
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  await writeWhole(options.directory, name, pdf.bytes)
  return { state: 'accepted', providerId: name }
}

function told(refusal: LetterRefusal): string {
  return `${refusal.refused}: ${refusal.because}`
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    (bytes) => bytes.length > 0,
    () => false,
  )
}

/** All or nothing, also through a power cut: the name appears only after the bytes are on the disk. */
async function writeWhole(directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const draft = join(directory, `.${name}.${process.pid}`)
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, join(directory, name))
  const folder = await open(directory, 'r')
  await folder.sync().finally(() => folder.close())
}
