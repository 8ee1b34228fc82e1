import { Box } from '@mantine/core'
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import i18next from 'i18next'
import { Loading } from '../kit/states.tsx'
import { Broken, NotFound } from './boundary.tsx'
import { type Filters, readFilters, writeFilters } from './filters.ts'
import { Frame } from './frame.tsx'

const root = createRootRoute({
  component: Frame,
  notFoundComponent: NotFound,
  errorComponent: ({ error }) => <Broken error={error as Error} />,
  validateSearch: (search: { [name: string]: unknown }): Filters => search as Filters,
})

/**
 * Each screen is its own file in the build, so that the first one comes quickly. When the file is gone the router loads
 * the page again, which is right after an update; while the server does not answer, that would end on a page of the
 * browser, so the screen says it instead.
 */
function screen<Screens extends object, Name extends keyof Screens>(load: () => Promise<Screens>, name: Name) {
  return lazyRouteComponent(async () => {
    try {
      return await load()
    } catch (error) {
      const answers = await fetch('/health').then(
        () => true,
        () => false,
      )
      throw answers ? error : new Error(i18next.t('kit.offline'))
    }
  }, name)
}

const screens = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    component: screen(() => import('../sections/today/today.tsx'), 'Today'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/ingest',
    component: screen(() => import('../sections/ingest/ingest.tsx'), 'Ingest'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/ingest/imports/$import',
    component: screen(() => import('../sections/ingest/import.tsx'), 'ImportPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/identity',
    component: screen(() => import('../sections/identity/review.tsx'), 'Review'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/identity/runs',
    component: screen(() => import('../sections/identity/runs.tsx'), 'MatchRuns'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/profile',
    component: screen(() => import('../sections/profile/search.tsx'), 'Customers'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/profile/$person',
    component: screen(() => import('../sections/profile/person.tsx'), 'PersonPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/consent',
    component: screen(() => import('../sections/consent/consent.tsx'), 'Privacy'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/commerce',
    component: screen(() => import('../sections/commerce/commerce.tsx'), 'Commerce'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audience',
    component: screen(() => import('../sections/audience/list.tsx'), 'Audiences'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audience/$audience',
    component: screen(() => import('../sections/audience/audience.tsx'), 'AudiencePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/decision',
    component: screen(() => import('../sections/decision/list.tsx'), 'Journeys'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/decision/$journey',
    component: screen(() => import('../sections/decision/journey.tsx'), 'JourneyPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/content',
    component: screen(() => import('../sections/content/list.tsx'), 'Concepts'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/content/$concept',
    component: screen(() => import('../sections/content/concept.tsx'), 'ConceptPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/delivery',
    component: screen(() => import('../sections/delivery/delivery.tsx'), 'Messages'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/conversation',
    component: screen(() => import('../sections/conversation/conversation.tsx'), 'Conversations'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/measurement',
    component: screen(() => import('../sections/measurement/measurement.tsx'), 'Measurement'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/budget',
    component: screen(() => import('../sections/budget/budget.tsx'), 'Budget'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/governance',
    component: screen(() => import('../sections/governance/governance.tsx'), 'Settings'),
  }),
] as const

const routeTree = root.addChildren(screens)

export const router = createRouter({
  routeTree,
  parseSearch: readFilters,
  stringifySearch: writeFilters,
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: () => (
    <Box pt="xl">
      <Loading rows={8} />
    </Box>
  ),
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
