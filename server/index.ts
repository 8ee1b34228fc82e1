export type { House } from './compose.ts'
export { type LocalAccess, localAccess } from './local.ts'
export { migrateOnly, version } from './migrate.ts'
export { createServer, type Server, type Started } from './server.ts'
