/**
 * PostgreSQL behind a tagged template: values become parameters, never text. Nest `database.part` for
 * optional fragments and `database.name` for identifiers from a closed list.
 *
 *   const people = await database.rows<{ person: PersonId }>`select person from profile.person where city = ${city}`
 *
 * Sets travel as one JSON parameter: `from jsonb_to_recordset(${database.json(rows)}) as row(id uuid, at timestamptz)`,
 * or as an array: `where person = any(${ids})`.
 * Types out: timestamptz → Date, bigint and numeric → number (unsafe values throw), jsonb → parsed, uuid → string.
 * SQL that needs the present uses `platform.now()`, which follows the test clock.
 */
export type Database = {
  rows<Row>(text: TemplateStringsArray, ...values: unknown[]): Promise<Row[]>
  /** Exactly one row or undefined; more than one is a bug. */
  row<Row>(text: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined>
  /** Runs a statement, returns the number of rows affected. */
  run(text: TemplateStringsArray, ...values: unknown[]): Promise<number>
  /** One transaction (read committed); inside another one, a savepoint. Commits synchronously. */
  transaction<Result>(work: (tx: Database) => Promise<Result>): Promise<Result>
  part(text: TemplateStringsArray, ...values: unknown[]): Part
  /** Joins fragments with a separator such as `and`. */
  join(parts: Part[], separator: 'and' | 'or' | ','): Part
  json(value: unknown): unknown
  /** An identifier; only for names that come from code, never from a caller. */
  name(identifier: string): Part
  /** Wakes every listener of the channel when the transaction commits. */
  notify(channel: string, payload?: string): Promise<void>
}

/** A piece of SQL with its parameters, made by `part`, `join` or `name`. */
export type Part = { readonly part: unique symbol } & object

/** Listens on its own connection, re-connects by itself; returns the function that stops listening. */
export type Listen = (channel: string, heard: (payload: string) => void) => Promise<() => Promise<void>>
