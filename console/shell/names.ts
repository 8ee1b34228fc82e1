import { api, idOf, type PersonId } from '@einklang/contract'
import { useQueries } from '@tanstack/react-query'
import { client, keyOf } from './api.ts'
import { useMay } from './session.ts'

const together = 50
const person = idOf('person')
/** A receipt that names nobody stands among persons under an id of its own. */
export const isPerson = (id: string): boolean => person.safeParse(id).success

/** Names for the persons of a list whose rows know only ids; a reader who may not see names gets none. */
export function useNames(persons: (PersonId | null)[]): (person: PersonId) => string | undefined {
  const allowed = useMay()(api.profile.names)
  const ids = [...new Set(persons.filter((id) => id !== null && isPerson(id)))]
  const groups = Array.from({ length: Math.ceil(ids.length / together) }, (_, group) =>
    ids.slice(group * together, (group + 1) * together),
  )
  const answers = useQueries({
    queries: groups.map((group) => {
      const input = { query: { persons: group.join(',') } }
      return {
        queryKey: keyOf(api.profile.names, input),
        queryFn: () => client.call(api.profile.names, input),
        enabled: allowed,
        staleTime: 60_000,
      }
    }),
  })
  const names = new Map(answers.flatMap(({ data }) => data?.items.map(({ person, name }) => [person, name]) ?? []))
  return (person) => names.get(person) ?? undefined
}
