import { version as nodeVersion } from 'node:process'
import { api } from '@einklang/contract'
import { type Config, describeConfig, strangeVariables } from '@einklang/platform'
import { localAccess, version } from '@einklang/server/local'
import { type Command, dataFlags, serverFlags } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'

const none = { text: '', least: 0, most: 0 }

export const migrate: Command = {
  name: 'migrate',
  summary: 'Bring the databases to the version of this program, then end',
  operands: none,
  flags: dataFlags,
  async run(call) {
    const applied: string[] = []
    const hear = (message: string) => {
      applied.push(message)
      call.tell(message)
    }
    const { migrateOnly } = await import('@einklang/server')
    await migrateOnly({ config: call.config(), told: hear })
    call.show('The databases are up to date.')
    return { version, steps: applied }
  },
}

export const versionCommand: Command = {
  name: 'version',
  summary: 'Print the version',
  operands: none,
  flags: {},
  async run(call) {
    call.show(`Einklang ${version} on Node ${nodeVersion}`)
    return { version, node: nodeVersion }
  },
}

type Check = { name: string; ok: boolean; says: string }

export const doctor: Command = {
  name: 'doctor',
  summary: 'Show the configuration (secrets masked) and check that everything needed is there',
  operands: none,
  flags: { ...serverFlags, ...reachFlags },
  async run(call) {
    const config = call.config()
    const settings = describeConfig(config)
    const checks: Check[] = [
      { name: 'Node', ok: Number(nodeVersion.slice(1).split('.')[0]) >= 24, says: nodeVersion },
      ...strangeVariables(call.environment).map((name) => ({ name, ok: false, says: 'is not a variable of Einklang' })),
      await serverCheck(config.dataDirectory),
    ]
    if (!checks.at(-1)?.ok) checks.push(await startCheck({ ...config, port: 0, host: '127.0.0.1', logLevel: 'silent' }))
    for (const [name, value] of Object.entries(settings)) call.show(`  ${name.padEnd(18)} ${value}`)
    call.show('')
    for (const check of checks) call.show(`  ${check.ok ? '✓' : '✗'} ${check.name}: ${check.says}`)
    return { settings, checks }
  },
}

async function serverCheck(directory: string): Promise<Check> {
  const access = localAccess(directory)
  if (!access) return { name: 'Server', ok: false, says: 'none runs on this data directory' }
  try {
    const response = await fetch(`${access.url}/ready`, { signal: AbortSignal.timeout(3000) })
    return { name: 'Server', ok: response.ok, says: `${access.url} ${(await response.text()).slice(0, 300)}` }
  } catch {
    return { name: 'Server', ok: false, says: `${access.url} does not answer` }
  }
}

/** Without a running server: can one start here? */
async function startCheck(config: Config): Promise<Check> {
  const { createServer } = await import('@einklang/server')
  const server = createServer({ config })
  try {
    await server.start()
    return { name: 'Start', ok: true, says: 'databases open, migrations current' }
  } catch (error) {
    return { name: 'Start', ok: false, says: (error as Error).message }
  } finally {
    await server.stop()
  }
}

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'Recompute the hash chain of the audit log',
  operands: none,
  flags: { ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const verdict = await client.call(api.governance.verifyAudit)
      if (verdict.valid) call.show(`${verdict.entries} entries, the chain is whole. Last hash: ${verdict.head ?? '–'}`)
      else {
        call.show(`The chain is broken at entry ${verdict.firstBad?.sequence}: ${verdict.firstBad?.reason}`)
        call.fail()
      }
      return verdict
    }),
}
