import type { Ground } from '@einklang/platform'
import { hash, verify } from '@node-rs/argon2'
import { type BetterAuthOptions, betterAuth } from 'better-auth/minimal'
import { libraryRows, tokenHash } from './rows.ts'

export const idleHours = 8
export const absoluteDays = 7
/** Cookies whose session is known by heart, the oldest go first. */
const mostOpened = 10_000

/** OWASP's first choice: argon2id with 19 MiB, two passes, one lane. The salt is the package's (16 random bytes). */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1, algorithm: 2 as const }

export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFC'), cost)
}

export function checkPassword(stored: string, password: string): Promise<boolean> {
  return verify(stored, password.normalize('NFC'))
}

/**
 * The sign-in library, with everything off that we do not use: no sign-up, no plugins, no social providers, no
 * telemetry, no session in the cookie. Its HTTP handler is not mounted; only the calls below are made.
 */
export function signInLibrary({ config, database, clock, secrets }: Ground) {
  const secure = config.publicUrl.startsWith('https://')
  const options = {
    appName: 'Einklang',
    baseURL: config.publicUrl,
    basePath: '/api/governance/auth',
    secret: secrets.sign('governance.session', 'cookie'),
    database: libraryRows(database, clock),
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: 12,
      maxPasswordLength: 128,
      password: { hash: hashPassword, verify: (given) => checkPassword(given.hash, given.password) },
    },
    user: {
      modelName: 'colleague',
      fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
    account: {
      modelName: 'credential',
      fields: {
        userId: 'colleague',
        accountId: 'account_id',
        providerId: 'provider_id',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
    },
    session: {
      modelName: 'session',
      fields: {
        userId: 'colleague',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
      // The end is fixed at the start; idleness is watched by governance itself (sessions.ts).
      expiresIn: absoluteDays * 86_400,
      disableSessionRefresh: true,
      cookieCache: { enabled: false },
    },
    advanced: {
      // The name carries the prefix itself because the library knows only `__Secure-`.
      useSecureCookies: false,
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', secure, path: '/' },
      cookies: { session_token: { name: secure ? '__Host-einklang' : 'einklang' } },
      ipAddress: { disableIpTracking: true },
    },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  } satisfies BetterAuthOptions
  const { api } = betterAuth(options)
  // What a cookie opens never changes; whether it is still open is asked each time (`openSession`).
  const opened = new Map<string, { id: string; user: string }>()

  return {
    /** The cookie to set when e-mail and password are right, else null; takes as long either way. */
    async signIn(email: string, password: string, headers: Headers) {
      const response = await api.signInEmail({ body: { email, password }, headers, asResponse: true })
      if (!response.ok) return null
      const { user } = (await response.json()) as { user: { id: string } }
      return { user: user.id, cookies: response.headers.getSetCookie() }
    },
    /** The session that the request's signed cookie opens or has opened. */
    async sessionOf(headers: Headers) {
      const cookie = tokenHash(headers.get('cookie') ?? '')
      const before = opened.get(cookie)
      if (before) return before
      const found = await api.getSession({ headers })
      if (!found) return null
      const session = { id: found.session.id, user: found.user.id }
      if (opened.size >= mostOpened) opened.delete(opened.keys().next().value as string)
      opened.set(cookie, session)
      return session
    },
    async signOut(headers: Headers): Promise<string[]> {
      const response = await api.signOut({ headers, asResponse: true })
      return response.headers.getSetCookie()
    },
  }
}
export type SignInLibrary = ReturnType<typeof signInLibrary>
