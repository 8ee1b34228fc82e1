import { Box } from '@mantine/core'
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
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

// Each screen is its own file in the build, so that the first one comes quickly.
const screens = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    component: lazyRouteComponent(() => import('../sections/today/today.tsx'), 'Today'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/ingest',
    component: lazyRouteComponent(() => import('../sections/ingest/ingest.tsx'), 'Ingest'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/ingest/imports/$import',
    component: lazyRouteComponent(() => import('../sections/ingest/import.tsx'), 'ImportPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/identity',
    component: lazyRouteComponent(() => import('../sections/identity/review.tsx'), 'Review'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/identity/runs',
    component: lazyRouteComponent(() => import('../sections/identity/runs.tsx'), 'MatchRuns'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/profile',
    component: lazyRouteComponent(() => import('../sections/profile/search.tsx'), 'Customers'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/profile/$person',
    component: lazyRouteComponent(() => import('../sections/profile/person.tsx'), 'PersonPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/consent',
    component: lazyRouteComponent(() => import('../sections/consent/consent.tsx'), 'Privacy'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/commerce',
    component: lazyRouteComponent(() => import('../sections/commerce/commerce.tsx'), 'Commerce'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audience',
    component: lazyRouteComponent(() => import('../sections/audience/list.tsx'), 'Audiences'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audience/$audience',
    component: lazyRouteComponent(() => import('../sections/audience/audience.tsx'), 'AudiencePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/decision',
    component: lazyRouteComponent(() => import('../sections/decision/list.tsx'), 'Journeys'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/decision/$journey',
    component: lazyRouteComponent(() => import('../sections/decision/journey.tsx'), 'JourneyPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/content',
    component: lazyRouteComponent(() => import('../sections/content/list.tsx'), 'Concepts'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/content/$concept',
    component: lazyRouteComponent(() => import('../sections/content/concept.tsx'), 'ConceptPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/delivery',
    component: lazyRouteComponent(() => import('../sections/delivery/delivery.tsx'), 'Messages'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/conversation',
    component: lazyRouteComponent(() => import('../sections/conversation/conversation.tsx'), 'Conversations'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/measurement',
    component: lazyRouteComponent(() => import('../sections/measurement/measurement.tsx'), 'Measurement'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/budget',
    component: lazyRouteComponent(() => import('../sections/budget/budget.tsx'), 'Budget'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/governance',
    component: lazyRouteComponent(() => import('../sections/governance/governance.tsx'), 'Settings'),
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
