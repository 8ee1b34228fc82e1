export type Letter = {
  /** Name, street, postal code and city …; 3 to 6 lines without blank ones. */
  addressLines: string[]
  returnLine: string
  senderName: string
  date: string
  subject: string
  /** Paragraphs separated by an empty line. */
  text: string
  reference: string
}

export type LetterRefusal = {
  refused: 'ADDRESS_TOO_LONG' | 'ADDRESS_INCOMPLETE' | 'GLYPH_MISSING' | 'PAGE_OVERFLOW'
  because: string
}

const millimetre = 72 / 25.4
/** DIN 5008 form B, millimetres from the top left corner of an A4 sheet. */
export const formB = {
  left: 20,
  noteTop: 45,
  addressTop: 62.7,
  addressBottom: 90,
  addressWidth: 80,
  textLeft: 25,
  textTop: 105.8,
  textWidth: 165,
  textBottom: 270,
  folds: [105, 210],
  hole: 148.5,
} as const

const sizes = { note: 7, address: 10.5, addressLeast: 8, text: 11 } as const

/** Lays one letter out. The same letter gives the same bytes: the file carries no instant of its own. */
export async function letterPdf(letter: Letter): Promise<{ bytes: Uint8Array } | LetterRefusal> {
  const lines = letter.addressLines.map((line) => line.trim()).filter((line) => line !== '')
  const { default: PDFDocument } = await import('pdfkit')
  const pdf = new PDFDocument({
    size: 'A4',
    margin: 0,
    info: { Title: letter.subject, Author: letter.senderName, CreationDate: new Date(0), ModDate: new Date(0) },
  })
  const bytes = collect(pdf)
  const refusal = addressRefusal(pdf, lines) ?? glyphRefusal([...lines, letter.returnLine, letter.subject, letter.text])
  const overflow = refusal ?? draw(pdf, letter, lines)
  pdf.end()
  const finished = await bytes
  return overflow ?? { bytes: finished }
}

function addressRefusal(pdf: PDFKit.PDFDocument, lines: string[]): LetterRefusal | null {
  if (lines.length < 3 || !lines.some((line) => /\d{4,}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}/.test(line)))
    return { refused: 'ADDRESS_INCOMPLETE', because: 'the address needs a name, a street, a postal code and a city.' }
  if (lines.length > 6)
    return { refused: 'ADDRESS_TOO_LONG', because: `the address has ${lines.length} lines, six fit.` }
  pdf.font('Helvetica').fontSize(sizes.addressLeast)
  const wide = lines.find((line) => pdf.widthOfString(line) > formB.addressWidth * millimetre)
  return wide ? { refused: 'ADDRESS_TOO_LONG', because: `“${wide}” is wider than the window.` } : null
}

/** The largest size at which the widest line fits. */
function addressSize(pdf: PDFKit.PDFDocument, lines: string[]): number {
  pdf.fontSize(sizes.address)
  const widest = Math.max(...lines.map((line) => pdf.widthOfString(line)))
  return sizes.address * Math.min(1, (formB.addressWidth * millimetre) / widest)
}

const drawable =
  /^[\u0020-\u007e\u00a0-\u00ff\n\r\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]*$/

/** The built-in typeface has the characters of Windows-1252; anything else would be printed as a wrong letter. */
function glyphRefusal(texts: string[]): LetterRefusal | null {
  for (const text of texts) {
    if (drawable.test(text)) continue
    const missing = Array.from(text).find((character) => !drawable.test(character))
    return { refused: 'GLYPH_MISSING', because: `the character “${missing}” is not in the typeface.` }
  }
  return null
}

function draw(pdf: PDFKit.PDFDocument, letter: Letter, lines: string[]): LetterRefusal | null {
  const at = (value: number) => value * millimetre
  pdf.font('Helvetica').fontSize(sizes.note).fillColor('#444')
  pdf.text(letter.returnLine, at(formB.left), at(formB.addressTop) - 10, { lineBreak: false })
  pdf.fontSize(addressSize(pdf, lines)).fillColor('#000')
  const step = (at(formB.addressBottom) - at(formB.addressTop)) / 6
  lines.forEach((line, index) => {
    pdf.text(line, at(formB.left), at(formB.addressTop) + index * step + 1, { lineBreak: false })
  })
  drawMarks(pdf)
  pdf.fontSize(sizes.text)
  pdf.text(letter.date, at(125), at(formB.addressBottom) + 6, { width: at(65), align: 'right' })
  pdf.font('Helvetica-Bold').text(letter.subject, at(formB.textLeft), at(formB.textTop), { width: at(formB.textWidth) })
  pdf.font('Helvetica').moveDown(1.5)
  for (const paragraph of letter.text.split(/\n\s*\n/)) {
    const height = pdf.heightOfString(paragraph, { width: at(formB.textWidth) })
    if (pdf.y + height > at(formB.textBottom))
      return { refused: 'PAGE_OVERFLOW', because: 'the text is longer than one page.' }
    pdf.text(paragraph.trim(), at(formB.textLeft), pdf.y, { width: at(formB.textWidth), lineGap: 2 }).moveDown(0.8)
  }
  pdf.fontSize(sizes.note).fillColor('#666')
  pdf.text(letter.reference, at(formB.textLeft), at(285), { lineBreak: false })
  return null
}

function drawMarks(pdf: PDFKit.PDFDocument): void {
  pdf.lineWidth(0.3).strokeColor('#888')
  for (const y of [...formB.folds, formB.hole]) {
    pdf
      .moveTo(5 * millimetre, y * millimetre)
      .lineTo((y === formB.hole ? 11 : 9) * millimetre, y * millimetre)
      .stroke()
  }
}

function collect(pdf: PDFKit.PDFDocument): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  return new Promise((done, failed) => {
    pdf.on('data', (piece: Uint8Array) => pieces.push(piece))
    pdf.on('end', () => done(Buffer.concat(pieces)))
    pdf.on('error', failed)
  })
}
