/**
 * Rows as columns, the way ClickHouse itself hands them over (its format Native): for millions of rows at once, without
 * a text or an object for each. An id (UUID) is four numbers of 32 bits, in the order of ClickHouse's bytes; whole
 * numbers and instants of 64 bits (milliseconds) are numbers, exact up to 2^53.
 */
export type Block = { rows: number; columns: { [name: string]: Column } }
type TextOf = (row: number) => string
export type Column = Numbers | Texts | Words | Lists
export type Numbers = { type: NumberType; numbers: NumberArray }
/** Texts are made when they are asked for. */
export type Texts = { type: 'String'; text: TextOf }
/** Texts that come again and again: `places` says which of the words stands in a row. */
export type Words = { type: 'LowCardinality(String)'; words: string[]; places: Uint8Array | Uint16Array | Uint32Array }
/** A list in each row; `ends` says where in `of` it ends. */
export type Lists = { type: 'Array'; ends: Uint32Array; of: Column }

type Held = Column | undefined

/** The column's ids, four numbers for each. */
export function idsOf(column: Held): Uint32Array {
  if (column?.type !== 'UUID') throw new Error('The column holds no ids')
  return column.numbers as Uint32Array
}

export function numbersOf(column: Held): NumberArray {
  if (column === undefined || !('numbers' in column)) throw new Error('The column holds no numbers')
  return column.numbers
}

export function textsOf(column: Held): TextOf {
  if (column !== undefined && 'text' in column) return column.text
  const { words, places } = wordsIn(column)
  return (row) => words[places[row] as number] as string
}

export function wordsIn(column: Held): Words {
  if (column === undefined || !('words' in column)) throw new Error('The column holds no words')
  return column
}

export function listOf(column: Held): Lists {
  if (column?.type !== 'Array') throw new Error('The column holds no lists')
  return column
}

type NumberArray = Uint8Array | Uint16Array | Uint32Array | Float64Array
const widths = { UInt8: 1, Date: 2, UInt16: 2, UInt32: 4, UInt64: 8, Int64: 8, DateTime64: 8, UUID: 16 } as const
type NumberType = keyof typeof widths

const twoTo32 = 4_294_967_296
const wordType = 'LowCardinality(String)'
/** Of ClickHouse's serialisation: words travel with the rows, in every block anew. */
const ownWords = 1n << 9n

/** Blocks as they lie one after the other in the bytes. */
export function* readBlocks(bytes: Uint8Array): Generator<Block> {
  const reader = new Reader(bytes)
  while (reader.at < bytes.length) {
    const [count, rows] = [reader.size(), reader.size()]
    const columns: Block['columns'] = {}
    for (let index = 0; index < count; index++) {
      const name = reader.text()
      const type = reader.text()
      columns[name] = rows === 0 ? emptyOf(type) : (beginsWords(type) && reader.skip(8), readColumn(reader, type, rows))
    }
    if (count > 0) yield { rows, columns }
  }
}

export function writeBlock({ rows, columns }: Block): Buffer {
  const names = Object.entries(columns)
  const pieces: Uint8Array[] = [sizes(names.length, rows)]
  for (const [name, column] of names) {
    pieces.push(listBytes([name, typeOf(column)]))
    if (rows === 0) continue
    if (beginsWords(typeOf(column))) pieces.push(wide([1n]))
    writeColumn(pieces, column, rows)
  }
  return Buffer.concat(pieces)
}

const beginsWords = (type: string) => type.endsWith(wordType) || type.endsWith(`${wordType})`)

function typeOf(column: Column): string {
  if (column.type === 'Array') return `Array(${typeOf(column.of)})`
  return column.type === 'DateTime64' ? "DateTime64(3, 'UTC')" : column.type
}

function numberType(type: string): NumberType {
  const name = type.startsWith('DateTime64(3') ? 'DateTime64' : type
  if (!Object.hasOwn(widths, name)) throw new Error(`Blocks hold no columns of the type ${type}`)
  return name as NumberType
}

const listed = (type: string) => (type.startsWith('Array(') ? type.slice(6, -1) : null)

function emptyOf(type: string): Column {
  const inner = listed(type)
  if (inner !== null) return { type: 'Array', ends: new Uint32Array(0), of: emptyOf(inner) }
  if (type === wordType) return { type, words: [], places: new Uint8Array(0) }
  if (type === 'String') return { type, text: () => '' }
  return numberColumn(numberType(type), new Uint8Array(0))
}

function readColumn(reader: Reader, type: string, rows: number): Column {
  const inner = listed(type)
  if (inner !== null) {
    const ends = Uint32Array.from(wideNumbers(reader.bytes(rows * 8)))
    const count = ends.at(-1) ?? 0
    return { type: 'Array', ends, of: count === 0 ? emptyOf(inner) : readColumn(reader, inner, count) }
  }
  if (type === wordType) return readWords(reader)
  if (type === 'String') return { type, text: reader.texts(rows) }
  const name = numberType(type)
  return numberColumn(name, reader.bytes(rows * widths[name]))
}

function readWords(reader: Reader): Words {
  const [kind, count] = [reader.wide(), Number(reader.wide())]
  const words = reader.words(count)
  const rows = Number(reader.wide())
  const width = 1 << Number(kind & 0xffn)
  const bytes = reader.bytes(rows * width).buffer
  const places =
    width === 1 ? new Uint8Array(bytes) : width === 2 ? new Uint16Array(bytes) : new Uint32Array(bytes, 0, rows)
  return { type: wordType, words, places }
}

/** `bytes` are a copy of their own, so that numbers may lie on them. */
function numberColumn(type: NumberType, bytes: Uint8Array<ArrayBuffer>): Numbers {
  if (widths[type] === 1) return { type, numbers: bytes }
  if (widths[type] === 2) return { type, numbers: new Uint16Array(bytes.buffer) }
  return { type, numbers: widths[type] === 8 ? wideNumbers(bytes) : new Uint32Array(bytes.buffer) }
}

function wideNumbers(bytes: Uint8Array<ArrayBuffer>): Float64Array {
  const [low, high] = [new Uint32Array(bytes.buffer), new Int32Array(bytes.buffer)]
  const numbers = new Float64Array(low.length / 2)
  for (let row = 0; row < numbers.length; row++)
    numbers[row] = (high[2 * row + 1] as number) * twoTo32 + (low[2 * row] as number)
  return numbers
}

function writeColumn(pieces: Uint8Array[], column: Column, rows: number): void {
  if ('text' in column) pieces.push(textBytes(rows, column.text))
  else if ('numbers' in column) pieces.push(numberBytes(column))
  else if ('words' in column) {
    const { words, places } = column
    pieces.push(wide([ownWords | BigInt(Math.log2(places.BYTES_PER_ELEMENT)), BigInt(words.length)]), listBytes(words))
    pieces.push(wide([BigInt(places.length)]), bytesOf(places))
  } else {
    pieces.push(wideBytes(column.ends))
    const count = column.ends.at(-1) ?? 0
    if (count > 0) writeColumn(pieces, column.of, count)
  }
}

const bytesOf = (array: NumberArray) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const wide = (numbers: bigint[]) => new Uint8Array(BigUint64Array.from(numbers).buffer)
const numberBytes = ({ type, numbers }: Numbers) => (widths[type] === 8 ? wideBytes(numbers) : bytesOf(numbers))

function wideBytes(numbers: NumberArray): Uint8Array {
  const words = new Int32Array(numbers.length * 2)
  for (let row = 0; row < numbers.length; row++) {
    const number = numbers[row] as number
    words[2 * row] = number | 0
    words[2 * row + 1] = Math.floor(number / twoTo32)
  }
  return new Uint8Array(words.buffer)
}

/** Lengths of seven bits a byte, the last one first. */
function sizes(...numbers: number[]): Uint8Array {
  const bytes: number[] = []
  for (let rest of numbers) {
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

const listBytes = (texts: string[]) => textBytes(texts.length, (row) => texts[row] as string)

function textBytes(rows: number, textOf: TextOf): Uint8Array {
  let bytes = Buffer.allocUnsafe(rows * 16 + 64)
  let at = 0
  for (let row = 0; row < rows; row++) {
    const text = textOf(row)
    const most = text.length * 3 + 5
    if (at + most > bytes.length) bytes = Buffer.concat([bytes.subarray(0, at)], bytes.length * 2 + most)
    if (text === '') bytes[at++] = 0
    // Short ones, as nearly all are: their length is one byte, wherever it ends.
    else if (text.length < 43) {
      const length = bytes.write(text, at + 1)
      bytes[at] = length
      at += 1 + length
    } else {
      const length = sizes(Buffer.byteLength(text))
      bytes.set(length, at)
      at += length.length + bytes.write(text, at + length.length)
    }
  }
  return bytes.subarray(0, at)
}

class Reader {
  at = 0
  readonly buffer: Buffer
  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  skip(count: number): void {
    this.at += count
  }
  size(): number {
    let [size, factor] = [0, 1]
    for (;;) {
      const byte = this.buffer[this.at++] as number
      size += (byte & 127) * factor
      if (byte < 128) return size
      factor *= 128
    }
  }
  text(): string {
    const length = this.size()
    this.at += length
    return length === 0 ? '' : this.buffer.toString('utf8', this.at - length, this.at)
  }
  words(count: number): string[] {
    const words: string[] = []
    for (let index = 0; index < count; index++) words.push(this.text())
    return words
  }
  texts(count: number): TextOf {
    const { buffer } = this
    const [from, to] = [new Uint32Array(count), new Uint32Array(count)]
    for (let row = 0; row < count; row++) {
      const short = buffer[this.at] as number
      const length = short < 128 ? short : this.size()
      if (short < 128) this.at++
      from[row] = this.at
      this.at += length
      to[row] = this.at
    }
    return (row) => (from[row] === to[row] ? '' : buffer.toString('utf8', from[row], to[row]))
  }
  wide(): bigint {
    this.at += 8
    return this.buffer.readBigUInt64LE(this.at - 8)
  }
  /** A copy: what lies in between two texts may begin anywhere. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    this.at += count
    return new Uint8Array(Uint8Array.prototype.slice.call(this.buffer, this.at - count, this.at).buffer as ArrayBuffer)
  }
}
