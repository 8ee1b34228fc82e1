/** A row that does not fit, with a reason for the person who made the file. */
export class Unfit extends Error {
  readonly row: number
  constructor(row: number, reason: string) {
    super(reason)
    this.row = row
  }
}
