import type { Cancel, Connector, Outbound } from '@einklang/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/** What a fake outside world can be told to do, in words that every channel understands. */
export type Mood =
  | 'well'
  /** Takes the message, answers only after a while. */
  | 'slow'
  /** Nobody answers. */
  | 'down'
  /** Says no, for good. */
  | 'refusing'
  /** Says: not now. */
  | 'busy'
  /** Breaks the line before the message was complete. */
  | 'breaks before the end'
  /** Takes the whole message, keeps it, and breaks the line without an answer. */
  | 'breaks after the end'

/** A connector with the fake world it talks to. The ledger is the world's own: one entry per message it kept. */
export type Rig = {
  connector: Connector
  /** Moods this channel can have; the others do not exist there. */
  moods: Mood[]
  be(mood: Mood): Promise<void>
  /** Keys in the order the world kept them, repeats included. */
  ledger(): Promise<string[]>
  outbound(key: string): Outbound
  close(): Promise<void>
}

/** A cancel signal that ends after the time, or never. */
export function cancelAfter(milliseconds: number | null): Cancel {
  return milliseconds === null ? new AbortController().signal : AbortSignal.timeout(milliseconds)
}

/** The promises that delivery relies on (spec reliability §3); every connector runs them against a real counterpart. */
export function conformsToHandOver(name: string, build: () => Promise<Rig>): void {
  describe(`${name} keeps the promises of a connector`, () => {
    let rig: Rig
    beforeEach(async () => {
      rig = await build()
    })
    afterEach(() => rig.close())

    test('says accepted exactly when the world kept the message', async () => {
      const answer = await rig.connector.handOver(rig.outbound('key-1'), cancelAfter(null))
      expect(answer).toMatchObject({ state: 'accepted' })
      expect(await rig.ledger()).toEqual(['key-1'])
    })

    test('hands over many messages at once, each once', async () => {
      const keys = Array.from({ length: 20 }, (_, index) => `many-${index}`)
      const answers = await Promise.all(keys.map((key) => rig.connector.handOver(rig.outbound(key), cancelAfter(null))))
      expect(new Set(answers.map((answer) => answer.state))).toEqual(new Set(['accepted']))
      expect((await rig.ledger()).toSorted()).toEqual(keys.toSorted())
    })

    test('reports a final no as refused for good and a "not now" as temporary', async () => {
      for (const [mood, permanent] of [
        ['refusing', true],
        ['busy', false],
      ] as const) {
        if (!rig.moods.includes(mood)) continue
        await rig.be(mood)
        expect(await rig.connector.handOver(rig.outbound(mood), cancelAfter(null))).toMatchObject({
          state: 'refused',
          permanent,
        })
      }
      expect(await rig.ledger()).toEqual([])
    })

    test('reports an unreachable world as a certain, temporary no', async () => {
      if (!rig.moods.includes('down')) return
      await rig.be('down')
      expect(await rig.connector.handOver(rig.outbound('nobody-there'), cancelAfter(null))).toMatchObject({
        state: 'refused',
        permanent: false,
      })
    })

    test('never calls a message refused that the world may have kept', async () => {
      if (!rig.moods.includes('breaks after the end')) return
      await rig.be('breaks after the end')
      const answer = await rig.connector.handOver(rig.outbound('kept-silently'), cancelAfter(null))
      expect(await rig.ledger()).toEqual(['kept-silently'])
      expect(answer.state).toBe('unknown')
    })

    test('does not repeat by itself a message whose line broke', async () => {
      for (const mood of ['breaks before the end', 'breaks after the end'] as const) {
        if (!rig.moods.includes(mood)) continue
        await rig.be(mood)
        await rig.connector.handOver(rig.outbound(mood), cancelAfter(null))
        await rig.be('well')
        await new Promise((done) => setTimeout(done, 150))
        expect((await rig.ledger()).filter((key) => key === mood).length).toBeLessThanOrEqual(1)
      }
    })

    test('stops at the end of the lease and says what is certain', async () => {
      if (!rig.moods.includes('slow')) return
      await rig.be('slow')
      const answer = await rig.connector.handOver(rig.outbound('too-slow'), cancelAfter(100))
      if (answer.state === 'refused') expect(await rig.ledger()).toEqual([])
      else expect(answer.state).toBe('unknown')
    })

    test('a lease that is over begins nothing', async () => {
      const over = AbortSignal.abort()
      const answer = await rig.connector.handOver(rig.outbound('late'), over)
      if (answer.state === 'accepted') expect(rig.connector.class).toBe('K')
      else expect(await rig.ledger()).toEqual([])
    })

    test('works again once the world is well', async () => {
      for (const mood of rig.moods) {
        await rig.be(mood)
        await rig.connector.handOver(rig.outbound(`in-${mood.replaceAll(' ', '-')}`), cancelAfter(300))
      }
      await rig.be('well')
      expect(await rig.connector.handOver(rig.outbound('afterwards'), cancelAfter(null))).toMatchObject({
        state: 'accepted',
      })
    })

    test('class K: a repeat with the same key is one message', async () => {
      if (rig.connector.class !== 'K') return
      const first = await rig.connector.handOver(rig.outbound('again'), cancelAfter(null))
      const second = await rig.connector.handOver(rig.outbound('again'), cancelAfter(null))
      expect(second).toEqual(first)
      expect(await rig.ledger()).toEqual(['again'])
    })

    test('a line break in a name or subject cannot add a header or recipient', async () => {
      const outbound = rig.outbound('injected')
      const answer = await rig.connector.handOver(
        { ...outbound, subject: 'Hello\r\nBcc: eve@example.com', to: { ...outbound.to, name: 'Ada\r\nX-Evil: yes' } },
        cancelAfter(null),
      )
      if (rig.connector.channel === 'email') expect(answer).toMatchObject({ state: 'refused', permanent: true })
      else expect(answer.state).not.toBe('unknown')
    })
  })
}
