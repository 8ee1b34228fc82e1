import { attribution } from './attribution.ts'

/** The statistical commands on files: no server, no data directory. */
export const analyses = [attribution]
