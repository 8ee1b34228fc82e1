import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import type { MessageId } from '@einklang/contract'
import { expect, test } from 'vitest'
import { conformsToHandOver } from '../conformance.ts'
import { letterConnector, letterFile } from './index.ts'
import { formB, type Letter, letterPdf } from './letter.ts'

conformsToHandOver('print-letter', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'letters-'))
  const keys = new Map<string, string>()
  return {
    connector: letterConnector({ directory, returnLine: 'Musterhaus · Domstraße 1 · 50667 Köln' }),
    moods: [],
    be: async () => undefined,
    ledger: async () => (await readdir(directory)).map((file) => keys.get(file) ?? file),
    outbound(key) {
      keys.set(letterFile(key), key)
      return {
        message: '01990000-0000-8900-8000-000000000001' as MessageId,
        key,
        channel: 'letter',
        to: { name: 'Ada Köhler', address: 'Große Straße 12\n50667 Köln' },
        from: { address: 'Domstraße 1, 50667 Köln', name: 'Musterhaus' },
        subject: 'Ihr Warenkorb',
        html: null,
        text: 'Guten Tag Ada Köhler,\n\nin Ihrem Warenkorb liegt noch etwas.',
        headers: {},
      }
    },
    close: () => rm(directory, { recursive: true }),
  }
})

const letter: Letter = {
  addressLines: ['Ada Köhler', 'Große Straße 12', '50667 Köln'],
  returnLine: 'Musterhaus · Domstraße 1 · 50667 Köln',
  senderName: 'Musterhaus',
  date: '2. März 2026',
  subject: 'Ihr Warenkorb',
  text: 'Guten Tag,\n\nin Ihrem Warenkorb liegt noch etwas.',
  reference: 'M-1',
}

/** Baselines of the texts of a page, in millimetres from the top left, read back from the content stream. */
function baselines(bytes: Uint8Array): { x: number; y: number }[] {
  const raw = Buffer.from(bytes)
  const found: { x: number; y: number }[] = []
  let from = 0
  for (;;) {
    const start = raw.indexOf('stream\n', from)
    if (start < 0) return found
    const end = raw.indexOf('endstream', start)
    from = end + 9
    let page: string
    try {
      page = inflateSync(raw.subarray(start + 7, end)).toString('latin1')
    } catch {
      continue
    }
    for (const match of page.matchAll(/1 0 0 1 ([\d.]+) ([\d.]+) Tm/g))
      found.push({ x: (Number(match[1]) * 25.4) / 72, y: 297 - (Number(match[2]) * 25.4) / 72 })
  }
}

test('every line of the address stands inside the DIN 5008 window and nothing else does', async () => {
  const names = ['Maximiliane Charlotte Freifrau von und zu Hohenfels-Lü', 'c/o Groß & Söhne', 'Musterwerke GmbH']
  const pdf = await letterPdf({ ...letter, addressLines: [...names, 'Abteilung 3', 'Große Straße 12', '50667 Köln'] })
  if ('refused' in pdf) throw new Error(pdf.because)
  const inside = baselines(pdf.bytes).filter(
    ({ x, y }) => x >= formB.left - 0.01 && x <= 105 && y >= formB.addressTop && y <= formB.addressBottom,
  )
  expect(inside).toHaveLength(6)
  expect(Math.min(...inside.map(({ x }) => x))).toBeCloseTo(20, 1)
})

test('the same letter gives the same bytes', async () => {
  const [one, two] = [await letterPdf(letter), await letterPdf(letter)]
  if ('refused' in one || 'refused' in two) throw new Error('refused')
  expect(Buffer.from(one.bytes).equals(Buffer.from(two.bytes))).toBe(true)
})

test('a letter that would be wrong is refused with its reason', async () => {
  const refusalOf = async (change: Partial<Letter>) => {
    const pdf = await letterPdf({ ...letter, ...change })
    return 'refused' in pdf ? pdf.refused : 'printed'
  }
  expect(await refusalOf({ addressLines: ['Ada Köhler', '', 'Köln'] })).toBe('ADDRESS_INCOMPLETE')
  expect(await refusalOf({ addressLines: ['A', 'B', 'C', 'D', 'E', 'F', '50667 Köln'] })).toBe('ADDRESS_TOO_LONG')
  expect(await refusalOf({ addressLines: ['W'.repeat(40), 'Straße 1', '50667 Köln'] })).toBe('ADDRESS_TOO_LONG')
  expect(await refusalOf({ addressLines: ['Nguyễn Văn A', 'Straße 1', '50667 Köln'] })).toBe('GLYPH_MISSING')
  expect(await refusalOf({ text: 'Sehr lang. '.repeat(2000) })).toBe('PAGE_OVERFLOW')
  expect(await refusalOf({})).toBe('printed')
})

test('the file on disk is a PDF named by the key', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'letters-'))
  const connector = letterConnector({ directory, returnLine: 'x' })
  await connector.handOver(
    {
      message: '01990000-0000-8900-8000-000000000001' as MessageId,
      key: 'k',
      channel: 'letter',
      to: { name: 'Ada', address: 'Weg 1\n50667 Köln' },
      from: { address: '', name: 'Haus' },
      subject: 'Hallo',
      html: null,
      text: 'Hallo',
      headers: {},
    },
    new AbortController().signal,
  )
  expect((await readFile(join(directory, letterFile('k')))).subarray(0, 5).toString()).toBe('%PDF-')
  await rm(directory, { recursive: true })
})
