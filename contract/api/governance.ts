import { z } from 'zod'
import { role } from '../channels.ts'
import { idOf } from '../ids.ts'
import { jsonObject } from '../json.ts'
import { page, pageOf, route } from '../route.ts'

const instant = z.iso.datetime()
const name = z.string().trim().min(1).max(120)
const email = z.email().max(254)
/** Length is all a password must have (spec security §3); the lists are looked at by the stage. */
const password = z.string().min(12, 'must have at least 12 characters').max(128, 'must have at most 128 characters')

export const signedIn = z.object({
  id: idOf('user'),
  name: z.string(),
  email: z.string(),
  roles: z.array(role),
  /** While true, only `changePassword`, `me` and `signOut` answer; the others say `password_change_required`. */
  mustChangePassword: z.boolean(),
})
export type SignedIn = z.infer<typeof signedIn>

export const brandOf = z.object({
  name,
  senderName: name,
  senderEmail: email,
  /** Postal address and the other facts the law wants under every message. */
  imprint: z.string().max(2000),
  /** Where the shop is: buttons and cart links of messages lead there; without one, to our own public address. */
  shopUrl: z
    .url({ protocol: /^https?$/, error: 'is not an address such as https://shop.example.org' })
    .max(500)
    .nullable()
    .default(null),
  /** `#rrggbb`, used in mails and the console. */
  colour: z.string().regex(/^#[0-9a-f]{6}$/i, 'is not a colour such as #1d4ed8'),
  language: z.string().regex(/^[a-z]{2}$/, 'is not a language code such as de'),
})
export type Brand = z.infer<typeof brandOf>

const meAnswer = z.object({
  /** null: nobody is signed in. */
  user: signedIn.nullable(),
  brand: z.object({ name: z.string(), colour: z.string(), language: z.string() }),
  currency: z.string(),
  timeZone: z.string(),
  languages: z.array(z.string()),
})
export type Me = z.infer<typeof meAnswer>

export const me = route({
  stage: 'governance',
  name: 'me',
  summary: 'Who is signed in, and what every screen needs to know of the house',
  method: 'get',
  path: '/me',
  may: 'anyone',
  answer: meAnswer,
})

export const signIn = route({
  stage: 'governance',
  name: 'signIn',
  summary: 'Sign in with e-mail and password; sets the session cookie',
  method: 'post',
  path: '/session',
  may: 'anyone',
  body: z.object({ email: z.string().max(254), password: z.string().max(128) }),
  answer: meAnswer,
})

export const signOut = route({
  stage: 'governance',
  name: 'signOut',
  summary: 'End the current session',
  method: 'delete',
  path: '/session',
  may: 'signed-in',
  beforePasswordChange: true,
})

export const changePassword = route({
  stage: 'governance',
  name: 'changePassword',
  summary: "Change one's own password; ends every other session",
  method: 'post',
  path: '/password',
  may: 'signed-in',
  beforePasswordChange: true,
  body: z.object({ current: z.string().max(128), next: password }),
})

export const sessions = route({
  stage: 'governance',
  name: 'sessions',
  summary: "One's own sessions",
  method: 'get',
  path: '/sessions',
  may: 'signed-in',
  answer: z.object({
    items: z.array(
      z.object({
        id: z.string(),
        current: z.boolean(),
        createdAt: instant,
        lastSeenAt: instant,
        expiresAt: instant,
        address: z.string().nullable(),
        agent: z.string().nullable(),
      }),
    ),
  }),
})

export const endSession = route({
  stage: 'governance',
  name: 'endSession',
  summary: "End one of one's own sessions",
  method: 'delete',
  path: '/sessions/{session}',
  may: 'signed-in',
  params: z.object({ session: z.string().max(64) }),
})

export const endOtherSessions = route({
  stage: 'governance',
  name: 'endOtherSessions',
  summary: "End all of one's own sessions but this one",
  method: 'post',
  path: '/sessions/end-others',
  may: 'signed-in',
  answer: z.object({ ended: z.int() }),
})

export const colleague = z.object({
  id: idOf('user'),
  name: z.string(),
  email: z.string(),
  roles: z.array(role),
  state: z.enum(['active', 'invited', 'suspended']),
  createdAt: instant,
  lastSignInAt: instant.nullable(),
})
export type Colleague = z.infer<typeof colleague>

export const people = route({
  stage: 'governance',
  name: 'people',
  summary: 'Everybody who works here',
  method: 'get',
  path: '/people',
  may: ['admin', 'privacy'],
  query: z.object(page),
  answer: pageOf(colleague),
})

export const invite = route({
  stage: 'governance',
  name: 'invite',
  summary: 'Add a colleague; the generated password is shown once and must be changed at the first sign-in',
  method: 'post',
  path: '/people',
  may: ['admin'],
  secretAnswer: true,
  body: z.object({ name, email, roles: z.array(role).min(1) }),
  answer: z.object({ colleague, password: z.string() }),
})

export const changeColleague = route({
  stage: 'governance',
  name: 'changeColleague',
  summary: 'Change name or roles, suspend or bring back; ends the sessions of the colleague',
  method: 'patch',
  path: '/people/{user}',
  may: ['admin'],
  params: z.object({ user: idOf('user') }),
  body: z.object({
    name: name.optional(),
    roles: z.array(role).min(1).optional(),
    suspended: z.boolean().optional(),
  }),
  answer: colleague,
})

export const resetPassword = route({
  stage: 'governance',
  name: 'resetPassword',
  summary: 'Give a colleague a new generated password; ends the sessions of the colleague',
  method: 'post',
  path: '/people/{user}/password',
  may: ['admin'],
  secretAnswer: true,
  params: z.object({ user: idOf('user') }),
  answer: z.object({ password: z.string() }),
})

export const roles = route({
  stage: 'governance',
  name: 'roles',
  summary: 'The roles and what each may do',
  method: 'get',
  path: '/roles',
  may: 'signed-in',
  answer: z.object({ items: z.array(z.object({ role, may: z.string(), mayNot: z.string() })) }),
})

export const brand = route({
  stage: 'governance',
  name: 'brand',
  summary: 'Name, sender, imprint, colour and language of the brand',
  method: 'get',
  path: '/brand',
  may: 'signed-in',
  answer: brandOf,
})

export const changeBrand = route({
  stage: 'governance',
  name: 'changeBrand',
  summary: 'Change the brand',
  method: 'put',
  path: '/brand',
  may: ['admin'],
  body: brandOf,
  answer: brandOf,
})

export const serviceKey = z.object({
  id: idOf('key'),
  name: z.string(),
  /** The first characters, to recognise it by. */
  start: z.string(),
  roles: z.array(role),
  createdAt: instant,
  createdBy: z.string(),
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
})
export type ServiceKey = z.infer<typeof serviceKey>

export const keys = route({
  stage: 'governance',
  name: 'keys',
  summary: 'API keys of services',
  method: 'get',
  path: '/keys',
  may: ['admin'],
  answer: z.object({ items: z.array(serviceKey) }),
})

export const createKey = route({
  stage: 'governance',
  name: 'createKey',
  summary: 'Make an API key for a service; the secret is shown once',
  method: 'post',
  path: '/keys',
  may: ['admin'],
  secretAnswer: true,
  body: z.object({
    name,
    roles: z.array(role).min(1),
    days: z.int().min(1).max(730).optional(),
  }),
  answer: z.object({ key: serviceKey, secret: z.string() }),
})

export const revokeKey = route({
  stage: 'governance',
  name: 'revokeKey',
  summary: 'End an API key at once',
  method: 'delete',
  path: '/keys/{key}',
  may: ['admin'],
  params: z.object({ key: idOf('key') }),
})

export const auditEntry = z.object({
  sequence: z.int(),
  at: instant,
  actor: z.object({ kind: z.enum(['user', 'key', 'system', 'anonymous']), id: z.string(), name: z.string() }),
  action: z.string(),
  object: z.object({ kind: z.string(), id: z.string() }),
  purpose: z.string().nullable(),
  result: z.enum(['ok', 'refused']),
  reason: z.string().nullable(),
  details: jsonObject,
  hash: z.string(),
})
export type AuditEntry = z.infer<typeof auditEntry>

export const audit = route({
  stage: 'governance',
  name: 'audit',
  summary: 'The audit log, newest first',
  method: 'get',
  path: '/audit',
  may: ['admin', 'privacy'],
  query: z.object({
    ...page,
    actor: z.string().max(64).optional(),
    /** Whole (`person.viewed`) or the beginning (`person.`). */
    action: z.string().max(64).optional(),
    objectKind: z.string().max(64).optional(),
    objectId: z.string().max(128).optional(),
    result: z.enum(['ok', 'refused']).optional(),
    from: instant.optional(),
    to: instant.optional(),
  }),
  answer: pageOf(auditEntry),
})

export const verifyAudit = route({
  stage: 'governance',
  name: 'verifyAudit',
  summary: 'Recompute the hash chain of the audit log and name the first entry that does not fit',
  method: 'post',
  path: '/audit/verify',
  may: ['admin', 'privacy'],
  answer: z.object({
    entries: z.int(),
    valid: z.boolean(),
    firstBad: z.object({ sequence: z.int(), reason: z.string() }).nullable(),
    /** Hash of the last entry: keep it outside to notice a cut-off end. */
    head: z.string().nullable(),
  }),
})

export const approval = z.object({
  id: idOf('approval'),
  kind: z.string(),
  object: z.string(),
  hash: z.string(),
  title: z.string(),
  state: z.enum(['requested', 'approved', 'rejected', 'stale']),
  requestedBy: z.string(),
  requestedAt: instant,
  decidedBy: z.string().nullable(),
  decidedAt: instant.nullable(),
  comment: z.string().nullable(),
})
export type Approval = z.infer<typeof approval>

export const approvals = route({
  stage: 'governance',
  name: 'approvals',
  summary: 'Approvals, newest first',
  method: 'get',
  path: '/approvals',
  may: ['admin', 'marketer', 'privacy'],
  query: z.object({
    ...page,
    kind: z.string().max(64).optional(),
    object: z.string().max(128).optional(),
    state: z.enum(['requested', 'approved', 'rejected', 'stale']).optional(),
  }),
  answer: pageOf(approval),
})

export const approvalChange = route({
  stage: 'governance',
  name: 'approvalChange',
  summary: 'What an approval is about: the words asked for beside those that were approved last',
  method: 'get',
  path: '/approvals/{approval}',
  may: ['admin', 'marketer', 'privacy'],
  params: z.object({ approval: idOf('approval') }),
  answer: approval.extend({
    /** The caller asked for it, so somebody else decides. */
    own: z.boolean(),
    /** Part by part; null when the object is gone or its stage shows no words. */
    after: z.record(z.string(), z.string()).nullable(),
    /** What was approved before; null when nothing was. */
    before: z.record(z.string(), z.string()).nullable(),
  }),
})

export const requestApproval = route({
  stage: 'governance',
  name: 'requestApproval',
  summary: 'Ask for the approval of exactly this content (by its hash)',
  method: 'post',
  path: '/approvals',
  may: ['marketer'],
  body: z.object({
    kind: z.string().max(64),
    object: z.string().max(128),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    title: name,
  }),
  answer: approval,
})

export const decideApproval = route({
  stage: 'governance',
  name: 'decideApproval',
  summary: 'Approve or reject; not by the person who asked',
  method: 'post',
  path: '/approvals/{approval}/decision',
  may: ['marketer', 'privacy'],
  params: z.object({ approval: idOf('approval') }),
  body: z.object({ approve: z.boolean(), comment: z.string().max(2000).optional() }),
  answer: approval,
})
