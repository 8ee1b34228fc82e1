import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'

/** Filters live in the address: a link to a filtered list is a link to what one sees. */
export type Filters = { [name: string]: string | undefined }

export function useFilters(): [Filters, (change: Filters, how?: { push?: boolean }) => void] {
  const filters = useSearch({ strict: false }) as Filters
  const navigate = useNavigate()
  const change = useCallback(
    (patch: Filters, how?: { push?: boolean }) => {
      void navigate({
        to: '.',
        search: ((before: Filters) => cleared({ ...before, ...patch })) as never,
        replace: how?.push !== true,
        resetScroll: false,
      })
    },
    [navigate],
  )
  return [filters, change]
}

/** Without empty values, so that addresses stay short. */
export function cleared(filters: Filters): Filters {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined && value !== ''))
}

export function readFilters(search: string): { [name: string]: string } {
  return Object.fromEntries(new URLSearchParams(search))
}

export function writeFilters(filters: { [name: string]: unknown }): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(filters)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value))
  }
  return search.size > 0 ? `?${search}` : ''
}
