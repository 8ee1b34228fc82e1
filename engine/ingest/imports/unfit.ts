import { type JsonObject, kept } from '@einklang/contract'

/** A row that does not fit; the message is a kept sentence of `importPhrases` for the person who made the file. */
export class Unfit extends Error {
  readonly row: number
  constructor(row: number, code: string, given: JsonObject = {}) {
    super(kept(code, given))
    this.row = row
  }
}
