import { api, type Role, type Route } from '@einklang/contract'
import { createContext, useContext } from 'react'
import { mayCall } from './api.ts'

type Me = (typeof api.governance.me)['answer']['_zod']['output']
export type Session = { user: NonNullable<Me['user']>; brand: Me['brand']; currency: string; timeZone: string }

export const SessionContext = createContext<Session | null>(null)

/** Who is signed in; only used below the gate. */
export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === null) throw new Error('useSession outside of the gate')
  return session
}

/** Whether the reader may call a route. */
export function useMay(): (route: Pick<Route, 'may'>) => boolean {
  const { user } = useSession()
  return (route) => mayCall(route, user.roles as Role[])
}
