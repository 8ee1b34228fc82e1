import type { FindingAction } from '@einklang/contract'
import type { Check } from '../finding.ts'
import { addressChecks, addressRepairs } from './address.ts'
import { contactChecks, contactRepairs } from './contacts.ts'
import { envelopeChecks } from './envelope.ts'
import { goodsChecks } from './goods.ts'
import { identifierChecks } from './identifiers.ts'
import { permissionChecks } from './permission.ts'
import { personChecks, personRepairs } from './person.ts'

/** Repairs in the order in which they run; each works on fields of its own. */
export const repairs: readonly Check[] = [...contactRepairs, ...personRepairs, ...addressRepairs]

/** Everything else; the order changes nothing. */
export const checks: readonly Check[] = [
  ...envelopeChecks,
  ...identifierChecks,
  ...contactChecks,
  ...personChecks,
  ...addressChecks,
  ...goodsChecks,
  ...permissionChecks,
]

/** What a source may decide about: every check with more than one action. */
export const choices: ReadonlyMap<string, readonly FindingAction[]> = new Map(
  checks.filter(({ actions }) => actions.length > 1).map(({ code, actions }) => [code, actions]),
)

/** Findings that a check tells under other codes, and what is decided before any check runs. */
const told: { code: string; actions: readonly [FindingAction, ...FindingAction[]] }[] = [
  { code: 'future_time', actions: ['repair'] },
  { code: 'time.skew', actions: ['repair'] },
  { code: 'time.unreadable', actions: ['repair'] },
  { code: 'time.zone', actions: ['flag'] },
  { code: 'too_old', actions: ['quarantine'] },
  { code: 'schema.version', actions: ['flag'] },
  { code: 'id.missing', actions: ['flag'] },
  { code: 'id_reused', actions: ['quarantine'] },
  { code: 'currency_unknown', actions: ['quarantine'] },
  { code: 'money_sign', actions: ['quarantine'] },
  { code: 'unknown_namespace', actions: ['flag'] },
  { code: 'rule.repair', actions: ['repair'] },
]

/** Every code that the checks tell, once; repairs that cannot always repair stand with what happens otherwise. */
export const catalogue: readonly { code: string; actions: readonly FindingAction[] }[] = [
  ...new Map(
    [...told, ...repairs, ...checks]
      .filter(({ code }) => code !== 'envelope')
      .map(({ code, actions }): [string, readonly FindingAction[]] => [code, actions]),
  ),
].map(([code, actions]) => ({ code, actions }))
