import { attribution } from './attribution.ts'
import { budget } from './budget.ts'
import { clv } from './clv.ts'
import { keywords } from './keywords.ts'
import { lift } from './lift.ts'
import { match } from './match.ts'
import { mix } from './mix.ts'
import { uplift } from './uplift.ts'

/** The statistical commands on files: no server, no data directory. */
export const analyses = [attribution, clv, lift, uplift, mix, budget, keywords, match]
