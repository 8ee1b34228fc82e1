import { type Command, serverFlags } from '../command.ts'

export const serve: Command = {
  name: 'serve',
  summary: 'Start the server with console, API and workers',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    ...serverFlags,
    'take-over': { text: 'replace the server that runs on this data directory without refusing a request' },
  },
  help: 'Example: einklang serve --port 9000 --public-url https://crm.example.org',
  async run(call) {
    const config = call.config()
    const { createServer } = await import('@einklang/server')
    const server = createServer({ config, told: call.tell, ownApplier: true, takeOver: call.switch('take-over') })
    server.stopOnSignals()
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => (asked = true))
    const started = await server.start().catch((error: unknown) => {
      // What was under way breaks off when one stops a start; that is no failure.
      if (!asked) throw error
      return null
    })
    if (started === null) {
      const abandoned = await server.stopped
      call.tell('Stopped before the start was done; the next start goes on from there.')
      return { url: null, abandoned }
    }
    const { url, firstAdministrator } = started
    call.tell(url === null ? 'Einklang works; this process serves nobody.' : `Einklang answers at ${url}`)
    if (firstAdministrator) {
      call.tell(`Sign in as ${firstAdministrator.email} with the password ${firstAdministrator.password}`)
      call.tell('This password is shown only now and must be changed at the first sign-in.')
    }
    const abandoned = await server.stopped
    return { url, abandoned }
  },
}
