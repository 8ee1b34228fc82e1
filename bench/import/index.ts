/**
 * `einklang bench import [ROWS [KIND]]`: one CSV file after the other through all stages into profile, segments and history.
 * Prints three speeds per kind of file: rows durable (their bytes committed, as with a request that was acknowledged), rows
 * checked (read, mapped and judged in a dry run) and rows applied (through all stages, history included). With them
 * processor seconds by process, memory of all processes, and whether a second import of the same file changed nothing.
 * Default: one million till lines, then 200,000 customers and 200,000 lines of a send
 * report.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { type Api, ask, drained, freePort, machine, Served } from '../served.ts'

const rows = Number(process.argv[2] ?? 1_000_000)
const only = process.argv[3]
const data = await mkdtemp(join(tmpdir(), 'einklang-bench-'))
const server = new Served(data, await freePort())
const print = (figure: object) => console.log(JSON.stringify({ bench: 'import', machine: machine(), ...figure }))

type Job = {
  id: string
  state: string
  error: string | null
  uploaded: number
  uploadPath: string | null
  accepted: number
  rejected: number
  duplicates: number
}

try {
  await server.start()
  const api = server.api()
  const fewer = Math.ceil(rows / 5)
  const files = [
    { kind: 'receipts', of: 'till', count: rows, lines: receiptLines },
    { kind: 'customers', of: 'crm', count: fewer, lines: customerLines },
    { kind: 'messages', of: 'newsletter', count: fewer, lines: messageLines },
  ].filter((one) => only === undefined || one.kind === only)
  for (const { kind, of, count, lines } of files) {
    const made = await ask<{ source: { id: string } }>(api, 'POST', '/api/ingest/sources', {
      name: `Bench ${of}`,
      kind: of,
    })
    const file = join(data, `${kind}.csv`)
    await write(file, lines(count))
    print({ figure: `CSV of ${kind}`, ...(await measured(api, kind, made.source.id, file, count)) })
    const again = await announced(api, kind, made.source.id, file)
    print({ figure: `the same ${kind} again`, state: again.state, taken: again.accepted, known: again.duplicates })
  }
} finally {
  await server.stop()
  await rm(data, { recursive: true, force: true })
}

async function measured(api: Api, kind: string, source: string, file: string, count: number): Promise<object> {
  const tried = await taken(api, await announced(api, kind, source, file, true), file)
  const real = await taken(api, await announced(api, kind, source, file), file)
  const { job } = real
  const spent = (['main', 'appliers', 'postgres'] as const).map((role) => [role, tenth(real.spent[role])])
  return {
    rows: count,
    megabytesOfFile: Math.round(real.size / 1024 ** 2),
    rowsDurablePerSecond: Math.round(count / real.uploadSeconds),
    rowsCheckedPerSecond: Math.round(count / tried.seconds),
    rowsAppliedPerSecond: Math.round(count / real.seconds),
    seconds: { upload: tenth(real.uploadSeconds), check: tenth(tried.seconds), apply: tenth(real.seconds) },
    processorSeconds: Object.fromEntries(spent),
    processorSecondsOfCheck: tenth(tried.spent.main + tried.spent.appliers + tried.spent.postgres),
    taken: job.accepted,
    rejected: job.rejected,
    megabytesOfAllProcesses: Math.round(real.megabytes),
  }
}

/** Uploads the file and waits until it has been worked through. */
async function taken(api: Api, announced: Job, file: string) {
  let job = announced
  const uploading = performance.now()
  const handle = await open(file)
  const { size } = await handle.stat()
  let begin = 0
  let before = server.processorSeconds()
  for (let offset = 0; offset < size; ) {
    const part = Buffer.alloc(Math.min(8 * 1024 * 1024, size - offset))
    await handle.read(part, 0, part.length, offset)
    // The import begins with the last byte.
    if (offset + part.length === size) {
      begin = performance.now()
      before = server.processorSeconds()
    }
    const answer = await fetch(`${api.url}${job.uploadPath}&offset=${offset}`, {
      method: 'PUT',
      headers: api.headers,
      body: part,
    })
    if (!answer.ok) throw new Error(`The upload was answered with ${answer.status}: ${await answer.text()}`)
    offset += part.length
  }
  await handle.close()
  const uploadSeconds = (performance.now() - uploading) / 1000
  let megabytes = 0
  for (;;) {
    job = await ask<Job>(api, 'GET', `/api/ingest/imports/${job.id}`)
    megabytes = Math.max(megabytes, server.memory())
    if (job.state !== 'waiting' && job.state !== 'running') break
    await pause(500)
  }
  if (job.state !== 'done') throw new Error(`The import is ${job.state}: ${job.error}`)
  await drained(api, 300)
  const after = server.processorSeconds()
  return {
    job,
    size,
    uploadSeconds,
    // Until history has it too.
    seconds: (performance.now() - begin) / 1000,
    megabytes,
    spent: {
      main: after.main - before.main,
      appliers: after.appliers - before.appliers,
      postgres: after.postgres - before.postgres,
    },
  }
}

async function announced(api: Api, kind: string, source: string, file: string, dryRun = false): Promise<Job> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  const { size } = await stat(file)
  return ask<Job>(api, 'POST', '/api/ingest/imports', {
    kind,
    source,
    fileName: `${kind}.csv`,
    size,
    sha256: hash.digest('hex'),
    dryRun,
  })
}

async function write(file: string, lines: Iterable<string>): Promise<void> {
  const stream = createWriteStream(file)
  let waiting = ''
  for (const line of lines) {
    waiting += line
    if (waiting.length < 1_000_000) continue
    if (!stream.write(waiting)) await once(stream, 'drain')
    waiting = ''
  }
  stream.end(waiting)
  await once(stream, 'finish')
}

function* customerLines(count: number): Generator<string> {
  yield 'Kundennummer;Vorname;Nachname;E-Mail;PLZ;Ort;Kundenkarte;geändert am\n'
  for (let at = 0; at < count; at++) {
    const day = String(1 + (at % 28)).padStart(2, '0')
    yield `${100_000 + at};Vorname${at % 977};Nachname${at % 7919};kunde${at}@example.com;${10_000 + (at % 89_999)};Ort${at % 500};${4_000_000 + at};${day}.03.2025 10:00\n`
  }
}

/** Two and a half lines per receipt; every second receipt shows one of 100,000 cards. */
function* receiptLines(count: number): Generator<string> {
  yield 'Bonnummer;Zeitpunkt;Filiale;Position;Artikelnummer;Bezeichnung;Menge;Einzelpreis;Positionswert;Bonsumme;Währung;Kundenkarte\n'
  for (let line = 0, receipt = 0; line < count; receipt++) {
    const length = receipt % 2 === 0 ? 2 : 3
    const minute = String(receipt % 60).padStart(2, '0')
    const day = String(1 + (Math.floor(receipt / 20_000) % 28)).padStart(2, '0')
    const month = String(1 + (Math.floor(receipt / 560_000) % 12)).padStart(2, '0')
    const card = receipt % 2 === 0 ? '' : String(4_000_000 + ((receipt * 7919) % 100_000))
    for (let position = 1; position <= length && line < count; position++, line++) {
      yield `${receipt};${day}.${month}.2025 12:${minute};F${receipt % 40};${position};A-${(receipt * 31 + position) % 5000};Stiefelette;1;49,95;49,95;${length === 2 ? '99,90' : '149,85'};EUR;${card}\n`
    }
  }
}

function* messageLines(count: number): Generator<string> {
  yield 'message_id,campaign,channel,email,subject,sent_at,opened_at,clicked_at\n'
  for (let at = 0; at < count; at++) {
    const opened = at % 4 === 0 ? '2025-04-02T09:00:00Z' : ''
    const clicked = at % 20 === 0 ? '2025-04-02T09:01:00Z' : ''
    yield `m${at},Spring,email,kunde${at % 100_000}@example.com,New shoes,2025-04-01T09:00:00Z,${opened},${clicked}\n`
  }
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}
