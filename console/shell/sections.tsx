import { api, type Route } from '@einklang/contract'
import {
  IconBuildingStore,
  IconChartBar,
  IconCoin,
  IconDatabaseImport,
  IconHome,
  IconMail,
  IconMessageCircle,
  IconPencil,
  IconRoute,
  IconSettings,
  IconShieldCheck,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'

type Icon = ComponentType<{ size?: number; stroke?: number }>

/** The sections in the order in which data flows; each stands where its stage stands. `needs` decides who sees it. */
export const sections = [
  { to: '/', word: 'today', icon: IconHome as Icon, needs: api.governance.me as Pick<Route, 'may'> },
  { to: '/ingest', word: 'ingest', icon: IconDatabaseImport as Icon, needs: api.ingest.sources },
  { to: '/profile', word: 'profile', icon: IconUsers as Icon, needs: api.profile.counter },
  { to: '/consent', word: 'consent', icon: IconShieldCheck as Icon, needs: api.consent.overview },
  { to: '/commerce', word: 'commerce', icon: IconBuildingStore as Icon, needs: api.commerce.products },
  { to: '/audience', word: 'audience', icon: IconUsersGroup as Icon, needs: api.audience.list },
  { to: '/decision', word: 'decision', icon: IconRoute as Icon, needs: api.decision.journeys },
  { to: '/content', word: 'content', icon: IconPencil as Icon, needs: api.content.concepts },
  { to: '/delivery', word: 'delivery', icon: IconMail as Icon, needs: api.delivery.messages },
  { to: '/conversation', word: 'conversation', icon: IconMessageCircle as Icon, needs: api.conversation.messages },
  { to: '/measurement', word: 'measurement', icon: IconChartBar as Icon, needs: api.measurement.attribution },
  { to: '/budget', word: 'budget', icon: IconCoin as Icon, needs: api.budget.overview },
  { to: '/governance', word: 'governance', icon: IconSettings as Icon, needs: api.governance.sessions },
] as const satisfies { to: string; word: string; icon: Icon; needs: Pick<Route, 'may'> }[]

/** Screens without a place of their own in the navigation, and what they need. */
const inside = [{ to: '/identity', word: 'profile', needs: api.identity.review }] as const

/** The section that an address belongs to; its `needs` decide who may see the screen. */
export function sectionOf(path: string): { word: string; needs: Pick<Route, 'may'> } | undefined {
  return [...inside, ...sections].find(({ to }) =>
    to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`),
  )
}
