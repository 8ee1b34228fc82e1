import { useCallback } from 'react'
import { useWords } from '../../shell/words.ts'

/** What a finding is called: as its check, else as the reason for which it waits. */
export function useFindingName(): (code: string) => string {
  const words = useWords()
  return useCallback(
    (code) => {
      const name = words('check', code)
      return name === code ? words('quarantine', code) : name
    },
    [words],
  )
}
