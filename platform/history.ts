/**
 * ClickHouse, embedded (`chdb`) or a server or cluster, behind one face. `${value}` becomes a typed server-side
 * parameter: string → String, integer → Int64, other number → Float64, boolean → Bool, Date → DateTime64(3,'UTC'),
 * string[] → Array(String), number[] → Array(Float64); anything else through `typed('Array(UUID)', ids)`.
 * Table names are `<stage>.<table>`, one ClickHouse database per stage.
 */
export type History = {
  rows<Row>(text: TemplateStringsArray, ...values: unknown[]): Promise<Row[]>
  run(text: TemplateStringsArray, ...values: unknown[]): Promise<void>
  /**
   * Inserts all rows as one block. `token` makes a repeat of the same rows a no-op inside the window, so it must
   * contain a hash of the rows. Columns are taken by name; Dates and ISO texts are accepted for DateTime64.
   */
  insert(table: string, rows: object[], token: string): Promise<void>
  part(text: TemplateStringsArray, ...values: unknown[]): HistoryPart
  join(parts: HistoryPart[], separator: 'and' | 'or' | ','): HistoryPart
  readonly topology: 'embedded' | 'server' | 'cluster'
}

export type HistoryPart = { readonly historyPart: unique symbol } & object

export type Typed = { readonly typed: string; readonly value: unknown }
export function typed(type: string, value: unknown): Typed {
  return { typed: type, value }
}
