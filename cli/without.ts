/** A record without some of its fields; the record itself stays as it is. */
export function without<Value extends object, Field extends keyof Value & string>(
  value: Value,
  ...fields: Field[]
): Omit<Value, Field> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !fields.includes(name as Field))) as Omit<
    Value,
    Field
  >
}
