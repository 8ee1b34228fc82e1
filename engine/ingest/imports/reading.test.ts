import { crc32, deflateRawSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { array, assert as check, constantFrom, integer, property, string, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { bytesInMemory, openArchive } from './archive.ts'
import { CsvReader } from './csv.ts'
import { JsonListReader } from './json-list.ts'
import { encodingOf, type ReadRow, rowsOf, shapeOf } from './reading.ts'
import { sayImport } from './sayings.ts'

async function read(name: string, bytes: Buffer, decimal?: ',' | '.') {
  const file = bytesInMemory(bytes)
  const shape = await shapeOf(name, file, {})
  const rows: ReadRow[] = []
  for await (const some of rowsOf(file, shape, { decimal })) rows.push(...some)
  return { shape, rows }
}

function cellsOf(rows: ReadRow[]) {
  return rows.flatMap((row) => ('cells' in row ? [row.cells] : []))
}

/** A ZIP with deflated entries, as an archiver writes it. */
function zipOf(entries: { [name: string]: string | Buffer }): Buffer {
  const pieces: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, content] of Object.entries(entries)) {
    const plain = Buffer.from(content as string)
    const packed = deflateRawSync(plain)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(20, 4)
    local.writeUInt16LE(8, 8)
    local.writeUInt32LE(crc32(plain), 14)
    local.writeUInt32LE(packed.length, 18)
    local.writeUInt32LE(plain.length, 22)
    local.writeUInt16LE(Buffer.byteLength(name), 26)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50, 0)
    central.writeUInt16LE(20, 4)
    central.writeUInt16LE(20, 6)
    central.writeUInt16LE(8, 10)
    local.copy(central, 16, 14, 28)
    central.writeUInt32LE(offset, 42)
    pieces.push(local, Buffer.from(name), packed)
    directory.push(central, Buffer.from(name))
    offset += 30 + Buffer.byteLength(name) + packed.length
  }
  const end = Buffer.alloc(22)
  const size = directory.reduce((sum, piece) => sum + piece.length, 0)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Object.keys(entries).length, 8)
  end.writeUInt16LE(Object.keys(entries).length, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...pieces, ...directory, end])
}

const workbook = (sheet: string, more: { [name: string]: string } = {}) =>
  zipOf({
    'xl/workbook.xml':
      '<workbook xmlns:r="x"><sheets><sheet name="old" state="hidden" r:id="rId2"/><sheet name="Kunden" r:id="rId1"/></sheets></workbook>',
    'xl/_rels/workbook.xml.rels':
      '<Relationships><Relationship Id="rId1" Target="worksheets/sheet7.xml"/><Relationship Id="rId2" Target="worksheets/sheet1.xml"/></Relationships>',
    'xl/sharedStrings.xml':
      '<sst><si><t>E-Mail</t></si><si><r><t>Ge</t></r><r><t>burtstag</t></r><rPh><t>x</t></rPh></si><si><t>a@x.de</t></si><si><t xml:space="preserve">Müller &amp; Söhne</t></si></sst>',
    'xl/styles.xml':
      '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="dd\\.mm\\.yyyy"/><numFmt numFmtId="171" formatCode="#,##0.00&quot; days&quot;"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/><xf numFmtId="14"/><xf numFmtId="171"/></cellXfs></styleSheet>',
    'xl/worksheets/sheet7.xml': sheet,
    ...more,
  })

const sheet =
  '<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>Name</t></is></c><c r="D1" t="str"><v>Umsatz</v></c></row>' +
  '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" s="1"><v>29587</v></c><c r="C2" t="s"><v>3</v></c><c r="D2" s="3"><v>49.950000000000003</v></c></row>' +
  '<row r="3"/><row r="5"><c r="A5" t="inlineStr"><is><t>b@x.de</t></is></c><c r="B5" s="2"><v>45000.5</v></c><c r="D5" t="e"><v>#N/A</v></c></row></sheetData></worksheet>'

test('a workbook: first visible sheet, shared and rich texts, dates by style, gaps, the rows a spreadsheet numbers', async () => {
  const { shape, rows } = await read('kunden.xlsx', workbook(sheet))
  expect(shape).toMatchObject({ format: 'xlsx', header: 1, columns: ['E-Mail', 'Geburtstag', 'Name', 'Umsatz'] })
  expect(rows).toEqual([
    { row: 2, cells: ['a@x.de', '1981-01-01', 'Müller & Söhne', '49.95'] },
    { row: 5, cells: ['b@x.de', '2023-03-15T12:00:00', '', ''] },
  ])
  const german = await read('kunden.xlsx', workbook(sheet), ',')
  expect(cellsOf(german.rows)[0]).toContain('49,95')
})

test('workbooks that play tricks are refused in a sentence', async () => {
  const withType = `<!DOCTYPE w [<!ENTITY a "b">]>${sheet}`
  await expect(read('x.xlsx', workbook(withType))).rejects.toThrow('workbook_type')
  const bomb = `<worksheet>${' '.repeat(20 * 1024 * 1024)}</worksheet>`
  await expect(read('x.xlsx', workbook(bomb))).rejects.toThrow('archive_steep')
  const packed = workbook(sheet)
  await expect(read('x.xlsx', packed.subarray(0, packed.length - 30))).rejects.toThrow('archive_broken')
  await expect(openArchive(bytesInMemory(zipOf({ '../etc/passwd': 'x' })))).rejects.toThrow()
  await expect(read('x.zip', zipOf({ 'a.exe': 'x' }))).rejects.toThrow('archive_no_table')
})

test('a zipped table is read in place', async () => {
  const { shape, rows } = await read('export.zip', zipOf({ 'subscribers.csv': 'email,name\na@x.de,Ada\n' }))
  expect(shape).toMatchObject({ entry: 'subscribers.csv', format: 'csv' })
  expect(cellsOf(rows)).toEqual([['a@x.de', 'Ada']])
})

test.each([
  ['utf-8 with mark', Buffer.from('\ufeffName;Ort\nJörg;Köln\n'), 'utf-8'],
  ['utf-8', Buffer.from('Name;Ort\nJörg;Köln\n'), 'utf-8'],
  ['utf-16le with mark', Buffer.from('\ufeffName;Ort\nJörg;Köln\n', 'utf16le'), 'utf-16le'],
  ['utf-16le', Buffer.from('Name;Ort\nJörg;Köln\nAda;Bonn\n', 'utf16le'), 'utf-16le'],
  ['utf-16be with mark', Buffer.from('\ufeffName;Ort\nJörg;Köln\n', 'utf16le').swap16(), 'utf-16be'],
  ['utf-16be', Buffer.from('Name;Ort\nJörg;Köln\nAda;Bonn\n', 'utf16le').swap16(), 'utf-16be'],
  ['windows-1252', Buffer.from('Name;Ort\nJ\u00f6rg;K\u00f6ln\n', 'latin1'), 'windows-1252'],
])('%s is detected and read', async (_, bytes, encoding) => {
  const { shape, rows } = await read('x.csv', bytes)
  expect(shape).toMatchObject({ encoding, columns: ['Name', 'Ort'], delimiter: ';' })
  expect(cellsOf(rows)[0]).toEqual(['Jörg', 'Köln'])
})

test('the euro sign and curly quotes of Windows-1252 are no control characters', async () => {
  const { rows } = await read('x.csv', Buffer.from([...Buffer.from('a;b\n'), 0x80, 0x3b, 0x93, 0x78, 0x94, 0x0a]))
  expect(cellsOf(rows)).toEqual([['€', '“x”']])
})

test.each([',', ';', '\t', '|'] as const)('delimiter %j, all line ends, quotes, line breaks in cells', async (mark) => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = [
      `a${mark}b`,
      `1${mark}"x${mark}y"`,
      `"2"${mark}"line${end}break"`,
      `3${mark}"say ""hi"""`,
      `4${mark}5" pipe`,
    ].join(end)
    const { shape, rows } = await read('x.csv', Buffer.from(text))
    expect(shape.delimiter).toBe(mark)
    expect(cellsOf(rows)).toEqual([
      ['1', `x${mark}y`],
      ['2', `line${end}break`],
      ['3', 'say "hi"'],
      ['4', '5" pipe'],
    ])
  }
})

test('a separator line of a spreadsheet, blank lines, ragged lines, a second header and doubled names', async () => {
  const text = 'sep=;\r\nName;Mail;name\r\nAda;a@x.de;1\r\n\r\nBen;b@x.de\r\nName;Mail;name\r\n;;\r\nCy;c@x.de;=1+1\r\n'
  const { shape, rows } = await read('x.csv', Buffer.from(text))
  expect(shape).toMatchObject({ header: 2, columns: ['Name', 'Mail', 'name'] })
  expect(
    rows.map((row) =>
      'bad' in row ? `${row.row} ${sayImport(row.bad, 'en')}` : `${row.row} ${(row.cells as string[]).join('|')}`,
    ),
  ).toEqual([
    '2 the header names “name” twice; the first one is read',
    '3 Ada|a@x.de|1',
    '5 has 2 cells, the header has 3',
    '6 repeats the header',
    '8 Cy|c@x.de|=1+1',
  ])
})

test('a quote that never ends costs its own line, not the rest of the file', async () => {
  const { rows } = await read('x.csv', Buffer.from('a,b\n1,"open\n2,x\n3,y\n'))
  expect(rows.map((row) => ('bad' in row ? row.row : (row.cells as string[])[0]))).toEqual([2, '2', '3'])
})

test('pieces of any size give the same records as the whole, and the same as csv-parse', () => {
  const cell = string({ unit: constantFrom('a', 'ö', '"', ',', '\n', ' ', '1'), maxLength: 6 })
  check(
    property(array(tuple(cell, cell), { minLength: 1, maxLength: 12 }), integer({ min: 1, max: 9 }), (rows, size) => {
      const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
      const text = rows.map((row) => row.map(quote).join(',')).join('\n')
      const reader = new CsvReader(',')
      const found = []
      for (let at = 0; at < text.length; at += size) found.push(...reader.take(text.slice(at, at + size)))
      found.push(...reader.end())
      expect(found.map((one) => ('cells' in one ? one.cells : one))).toEqual(rows)
      expect(found.map((one) => ('cells' in one ? one.cells : one))).toEqual(parse(text))
    }),
    { numRuns: 500 },
  )
})

test('lists of a JSON document come one by one, whatever stands beside them', async () => {
  const document = {
    note: '{"[',
    attributes: [{ external_id: '1', deep: { list: [1, { a: '}' }] } }],
    meta: { attributes: [{ no: 1 }] },
    events: [{ name: 'x' }, { name: 'y', text: 'a "quoted" \\ [' }],
  }
  for (const text of [JSON.stringify(document), JSON.stringify(document, null, 2)]) {
    for (const size of [1, 7, 4096]) {
      const reader = new JsonListReader()
      const found = []
      for (let at = 0; at < text.length; at += size) found.push(...reader.take(text.slice(at, at + size)))
      expect(found.map((one) => [one.section, 'value' in one ? one.value : one])).toEqual([
        ['attributes', document.attributes[0]],
        ['events', document.events[0]],
        ['events', document.events[1]],
      ])
    }
  }
  const bare = await read('x.json', Buffer.from('[{"a":1},{"a":2}]'))
  expect(bare.shape.format).toBe('json')
  expect(cellsOf(bare.rows)).toEqual([{ a: 1 }, { a: 2 }])
  const cut = await read('x.json', Buffer.from('{"data":[{"a":1},{"a":'))
  expect(cut.rows.map((row) => 'bad' in row)).toEqual([false, true])
})

test('an encoding is never guessed from a character cut in two', () => {
  const bytes = Buffer.from('ä'.repeat(10))
  expect(encodingOf(bytes.subarray(0, 5))).toBe('utf-8')
})
