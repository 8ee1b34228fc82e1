type Named = { firstName: string | null; lastName: string | null; email: string | null; phone?: string | null }

/** What we call a person: the name, else the best address, else the word for nobody known. */
export function nameOf(person: Named, anonymous: string): string {
  const name = [person.firstName, person.lastName].filter((part) => part !== null && part !== '').join(' ')
  return name || person.email || person.phone || anonymous
}
