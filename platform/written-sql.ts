/**
 * SQL that our own code has put together, where a template is wanted: never anything that came from outside. Between two
 * texts goes a value, as in the template.
 */
export function writtenSql(...texts: [string, ...string[]]): TemplateStringsArray {
  return Object.assign(texts, { raw: texts })
}
