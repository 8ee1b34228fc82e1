/**
 * `einklang bench clients [PACKAGE…]`: the official client packages, unmodified, against a running server: every call
 * they offer, an event of 33 KB, a batch of more than a megabyte, a refused request, a lost answer, and `kill -9` with
 * a restart in the middle of a flush. One JSON line per package; fails when an acknowledged event is not stored
 * exactly once. `--record` keeps the requests as fixtures for the tests.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drained, freePort, machine, Served } from '../served.ts'
import { install, installed } from './packages.ts'
import { certificate, Proxy } from './proxy.ts'
import { record } from './record.ts'
import { outage, Run, shapes } from './run.ts'

const words = process.argv.slice(2)
const recording = words.includes('--record')
const chosen = words.filter((word) => !word.startsWith('--'))
const names = chosen.length > 0 ? chosen : Object.keys(shapes)
const told = (line: string) => console.error(line)
const print = (line: object) => console.log(JSON.stringify({ bench: 'clients', ...line }))

if (!(await install(told))) {
  print({ notRun: 'The client packages could not be installed.' })
  process.exit(0)
}
const data = await mkdtemp(join(tmpdir(), 'einklang-clients-'))
const server = new Served(data, await freePort())
const tls = certificate()
const runs: Run[] = []
try {
  await server.start()
  for (const [at, name] of names.entries()) {
    const shape = shapes[name]
    if (!shape) throw new Error(`“${name}” is not one of ${Object.keys(shapes).join(', ')}.`)
    if (!installed(name) || (shape.tls && !tls)) {
      print({ package: name, notRun: shape.tls ? 'It speaks TLS only and openssl is missing.' : 'Not installed.' })
      continue
    }
    const proxy = new Proxy(server.port, shape.tls ? tls : null)
    const run = new Run(name, server.api(), proxy)
    runs.push(run)
    told(`${name}: starting`)
    await run.start(await proxy.listen(), tls?.file ?? null, at * 10_000)
  }
  // A few at a time: the machine has few cores, and time-outs of packages are no finding.
  for (let at = 0; at < runs.length; at += 4) {
    const some = runs.slice(at, at + 4)
    told(`${some.map(({ name }) => name).join(', ')}: every call`)
    await Promise.all(some.map((run) => run.ordinary()))
  }
  if (recording) for (const run of runs) await record(run.name, run.recorded)
  told('All of them: 60 events each, and the server is killed')
  await outage(server, runs)
  await drained(server.api(), 120)
  let passed = 0
  for (const run of runs) {
    const verdict = await run.audit()
    if (verdict.ok) passed++
    else process.exitCode = 1
    print(verdict)
  }
  print({
    figure: 'packages whose acknowledged events are all stored exactly once',
    passed,
    of: runs.length,
    machine: machine(),
  })
} finally {
  for (const run of runs) run.stop()
  await server.stop()
  tls?.remove()
  await rm(data, { recursive: true, force: true })
}
