import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { LanguageContext } from '../kit/format.ts'
import { queries } from './api.ts'
import { Boundary } from './boundary.tsx'
import { Gate } from './gate.tsx'
import { router } from './router.tsx'
import { theme } from './theme.ts'

const scheme = localStorageColorSchemeManager({ key: 'einklang.scheme' })

export function Application(): ReactNode {
  const { i18n } = useTranslation()
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={scheme} deduplicateInlineStyles>
      <LanguageContext value={i18n.language}>
        <QueryClientProvider client={queries}>
          <Notifications position="bottom-right" limit={4} />
          <Boundary>
            <Gate>
              <RouterProvider router={router} />
            </Gate>
          </Boundary>
        </QueryClientProvider>
      </LanguageContext>
    </MantineProvider>
  )
}
