import { afterAll, expect, test } from 'vitest'
import { liquidEngine, render as renderHere } from './liquid.ts'
import { scriptBeside, WorkLimit, Workshop } from './workshop.ts'

const workshop = new Workshop({
  script: scriptBeside('liquid-worker', import.meta.url),
  limitMs: 250,
  memoryMegabytes: 64,
})
afterAll(() => workshop.close())

const render = (source: string, data: object = {}, place: 'html' | 'plain' = 'html') =>
  workshop
    .run<{ it: string }>({ kind: 'render', pieces: [{ name: 'it', source, place }], data })
    .then((texts) => texts.it)

test('values are escaped in HTML and plain in text, and never parsed as template', async () => {
  const data = { person: { first_name: '<b>{{ 7 | times: 6 }}</b>' } }
  expect(await render('Hi {{ person.first_name }}', data)).toBe('Hi &lt;b&gt;{{ 7 | times: 6 }}&lt;/b&gt;')
  expect(await render('Hi {{ person.first_name }}', data, 'plain')).toBe('Hi <b>{{ 7 | times: 6 }}</b>')
})

test.each([
  ['sorting a huge range', '{{ (1..2000000) | sort | size }}'],
  [
    'loops in loops',
    '{% for a in (1..9999) %}{% for b in (1..9999) %}{% for c in (1..9999) %}{% endfor %}{% endfor %}{% endfor %}',
  ],
  ['an append bomb', `{% assign x = 'aaaaaaaaaa' %}${'{% assign x = x | append: x %}'.repeat(40)}{{ x }}`],
  ['a replace bomb', `{% assign x = 'aaaaaaaaaa' %}${"{% assign x = x | replace: 'a', x %}".repeat(12)}{{ x }}`],
])('%s ends with a limit and the next rendering works', async (_, source) => {
  const started = performance.now()
  await expect(render(source)).rejects.toThrow()
  expect(performance.now() - started).toBeLessThan(4000)
  expect(await render('{{ 1 | plus: 1 }}')).toBe('2')
})

const thread = (work: string, patienceMs: number) =>
  new Workshop({
    script: new URL(
      `data:text/javascript,${encodeURIComponent(
        `import { parentPort } from 'node:worker_threads'
         parentPort.on('message', ({ id }) => { ${work}; parentPort.postMessage({ id, result: 'done' }) })
         parentPort.postMessage({ ready: true })`,
      )}`,
    ),
    limitMs: 100,
    memoryMegabytes: 32,
    patienceMs,
  })

test.each([
  ['works', 'for (;;);', false],
  ['waits', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', true],
])('a thread that %s for ever is killed', async (_, work, late) => {
  const stuck = thread(work, 200)
  const error = await stuck.run({ kind: 'render' }).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(WorkLimit)
  expect(error).toMatchObject({ late })
  await stuck.close()
})

test('a thread that waits longer than its processor time for the machine is left to end', async () => {
  const slow = thread('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)', 20_000)
  expect(await slow.run({ kind: 'render' })).toBe('done')
  await slow.close()
})

test('time that a busy machine gives to others does not count, work does', () => {
  const engine = liquidEngine('plain')
  const slowly = (wait: () => void) => ({
    get first_name() {
      wait()
      return 'Ada'
    },
  })
  const asleep = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  expect(renderHere(engine, 'Hi {{ person.first_name }}{{ 1 }}', { person: slowly(asleep) })).toBe('Hi Ada1')
  const working = () => {
    const begun = process.threadCpuUsage()
    while (process.threadCpuUsage(begun).user < 200_000);
  }
  expect(() => renderHere(engine, '{{ person.first_name }}{{ 1 }}', { person: slowly(working) })).toThrow('limit')
})

test('a thread that rests comes back; one that is closed tells those who wait', async () => {
  const own = new Workshop({
    script: scriptBeside('liquid-worker', import.meta.url),
    limitMs: 250,
    memoryMegabytes: 64,
  })
  const job = { kind: 'render', pieces: [{ name: 'it', source: '{{ 1 }}', place: 'plain' }], data: {} }
  const first = own.run(job)
  await own.rest()
  expect(await first).toEqual({ it: '1' })
  await own.rest()
  expect(await own.run(job)).toEqual({ it: '1' })
  const lost = own.run(job)
  const told = expect(lost).rejects.toThrow('closed')
  await own.close()
  await told
})

test.each([
  '{{ "".constructor.constructor("return process")() }}',
  '{{ person.constructor }}{{ person.__proto__.polluted }}{{ person["__proto__"] }}',
  '{{ person | where_exp: "x", "process.env" }}',
  '{% include "/etc/passwd" %}',
  '{% render "/etc/passwd" %}',
  '{% layout "/etc/passwd" %}',
  '{{ process.env.HOME }}{{ global }}{{ globalThis }}{{ require }}{{ env }}',
  '{% liquid include "x" %}',
  '{{ "now" | date: "%1000000000s" }}',
])('an attack reaches nothing: %s', async (source) => {
  const text = await render(source, { person: { first_name: 'Ada' } }).catch((error: Error) => error.message)
  expect(text).not.toMatch(/root:|function|\/home|object Object|native code/)
  expect(text.length).toBeLessThan(1000)
})

test('what is outside the allowed language is refused at save with its line', async () => {
  const inspect = async (source: string) =>
    (
      await workshop.run<{ problems: { line: number | null; message: string }[]; roots: string[] }[]>({
        kind: 'inspect',
        pieces: [{ name: 'it', source, place: 'html' }],
      })
    )[0]
  expect((await inspect('Hi\n{{ person.first_name | explode }}'))?.problems[0]).toMatchObject({ line: 2 })
  expect((await inspect('{% include "x" %}'))?.problems[0]?.message).toMatch(/include/)
  expect((await inspect('{% for i in (1..5000) %}{% endfor %}'))?.problems[0]?.message).toMatch(/1000/)
  expect((await inspect(`${'{% if a %}'.repeat(9)}${'{% endif %}'.repeat(9)}`))?.problems[0]?.message).toMatch(/deeper/)
  expect(
    (await inspect('{% for line in cart.lines %}{{ line.name }}{% endfor %}{{ person.city }}'))?.roots.toSorted(),
  ).toEqual(['cart', 'person'])
})
