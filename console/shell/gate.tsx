import { api } from '@einklang/contract'
import { Center, Container, Loader } from '@mantine/core'
import type { ReactNode } from 'react'
import { Failed } from '../kit/states.tsx'
import { useAnswer } from './api.ts'
import { SessionContext } from './session.ts'
import { NewPassword, SignIn } from './sign-in.tsx'

/** Lets the signed-in pass. The address stays, so that a deep link survives the sign-in. */
export function Gate(props: { children: ReactNode }): ReactNode {
  const me = useAnswer(api.governance.me)
  if (me.data === undefined) {
    if (me.failure !== null) {
      return (
        <Container size="xs" py="xl">
          <Failed failure={me.failure} onRetry={me.retry} />
        </Container>
      )
    }
    return (
      <Center h="100dvh" aria-busy="true">
        <Loader />
      </Center>
    )
  }
  const { user, brand, currency, timeZone } = me.data
  if (user === null) return <SignIn brand={brand.name} />
  if (user.mustChangePassword) return <NewPassword forced />
  return <SessionContext value={{ user, brand, currency, timeZone }}>{props.children}</SessionContext>
}
