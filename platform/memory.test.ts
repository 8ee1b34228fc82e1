import { expect, test } from 'vitest'
import { createMemory } from './memory.ts'

function asked() {
  let time = 0
  let count = 0
  const memory = createMemory(
    () => time,
    (work) => work(),
  )
  const ask = (key = 'people') => memory.remember(key, async () => ++count)
  return { memory, ask, pass: (milliseconds: number) => (time += milliseconds), counted: () => count }
}

test('a young answer is given again, an older one too while a new one is worked out, a very old one is waited for', async () => {
  const { ask, pass, counted } = asked()
  expect(await ask()).toBe(1)
  pass(4_000)
  expect(await ask()).toBe(1)
  expect(counted()).toBe(1)
  pass(20_000)
  expect(await ask()).toBe(1)
  expect(await ask()).toBe(2)
  pass(61_000)
  expect(await ask()).toBe(3)
})

test('an answer that took long is given as it is for longer', async () => {
  let time = 0
  let count = 0
  const memory = createMemory(
    () => time,
    (work) => work(),
  )
  const dear = () => memory.remember('credit', async () => ((time += 200), ++count))
  expect(await dear()).toBe(1)
  time += 19_000
  expect(await dear()).toBe(1)
  expect(count).toBe(1)
  time += 2_000
  expect(await dear()).toBe(1)
  expect(count).toBe(2)
})

test('an answer with a version holds as long as the version', async () => {
  const { memory, pass } = asked()
  const ask = (version: number) => memory.remember('credit', async () => `build ${version}`, version)
  expect(await ask(1)).toBe('build 1')
  pass(600_000)
  expect(await memory.remember('credit', async () => 'anew', 1)).toBe('build 1')
  expect(await ask(2)).toBe('build 2')
})

test('who asks at once waits for one answer; other questions have others', async () => {
  const { ask } = asked()
  expect(await Promise.all([ask(), ask(), ask('orders')])).toEqual([1, 1, 2])
})

test('after a change everything is asked anew, also what was being worked out', async () => {
  const { memory } = asked()
  let finish: (value: string) => void = () => undefined
  const before = memory.remember('people', () => new Promise<string>((resolve) => (finish = resolve)))
  memory.forget()
  expect(await memory.remember('people', async () => 'after')).toBe('after')
  finish('before')
  expect(await before).toBe('before')
  expect(await memory.remember('people', async () => 'later')).toBe('after')
})

test('an older answer is worked out anew once, after the screen that asked', async () => {
  let time = 0
  let count = 0
  const planned: (() => void)[] = []
  const memory = createMemory(
    () => time,
    (work) => planned.push(work),
  )
  const ask = () => memory.remember('people', async () => ++count)
  await ask()
  time += 20_000
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1])
  expect([count, planned.length]).toEqual([1, 1])
  planned[0]?.()
  expect(await ask()).toBe(1)
  expect(await ask()).toBe(2)
})

test('a failure is told and not kept', async () => {
  const { memory } = asked()
  await expect(memory.remember('people', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await memory.remember('people', async () => 'back')).toBe('back')
})
