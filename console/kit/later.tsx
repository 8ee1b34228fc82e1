import { type ComponentType, type ReactNode, useEffect, useState } from 'react'

/**
 * A part whose code is a file of its own, under way beside the questions for the data. It stands there as soon as the
 * code has come; React's `lazy` would hold it back for 300 ms after the outline in its place. A failed load is tried
 * again when the part is shown the next time.
 */
export function later<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props & { meanwhile: ReactNode }> {
  let code: ComponentType<Props> | undefined
  let coming: Promise<void> | undefined

  function come(): Promise<void> {
    coming ??= load().then(
      (loaded) => {
        code = loaded
      },
      (error: unknown) => {
        coming = undefined
        throw error
      },
    )
    return coming
  }

  function Part(props: Props & { meanwhile: ReactNode }): ReactNode {
    const [failure, setFailure] = useState<Error>()
    const [, setCome] = useState(code !== undefined)
    useEffect(() => {
      if (code !== undefined) return
      come().then(() => setCome(true), setFailure)
    }, [])
    if (failure !== undefined) throw failure
    if (code === undefined) return props.meanwhile
    const { meanwhile: _, ...own } = props
    const Code = code as ComponentType<object>
    return <Code {...own} />
  }

  come().catch(() => undefined)
  return Part
}
