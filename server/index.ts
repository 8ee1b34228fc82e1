export { compose, type House } from './compose.ts'
export { type LocalAccess, localAccess, version } from './local.ts'
export { migrateOnly } from './migrate.ts'
export { createServer, type Server, type Started } from './server.ts'
