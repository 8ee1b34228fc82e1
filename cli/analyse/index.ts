import { attribution } from './attribution.ts'
import { clv } from './clv.ts'

/** The statistical commands on files: no server, no data directory. */
export const analyses = [attribution, clv]
