import type { Check } from '../finding.ts'
import { goodsChecks } from './goods.ts'

/** Repairs in the order in which they run; each works on fields of its own. */
export const repairs: readonly Check[] = []

/** Everything else; the order changes nothing. */
export const checks: readonly Check[] = [...goodsChecks]
