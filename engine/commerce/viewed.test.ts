import type { PersonId } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCommerce } from '#commerce'

let house: TestGround
beforeAll(async () => {
  house = await testGround()
})
afterAll(() => house.close())

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId

function row(number: number, name: string, at: string, sku: string[], person: string = ada) {
  const source = derivedId('source', 'web')
  return {
    person,
    at,
    id: derivedId('event', `look ${number}`),
    source,
    source_name: 'Web',
    kind: 'track',
    name,
    channel: 'web',
    received_at: at,
    order_no: '',
    value: 0,
    currency: 'EUR',
    campaign: '',
    medium: '',
    utm_source: '',
    referrer: '',
    url: '',
    message_id: '',
    place: '',
    sku,
    properties: '{}',
    context: '{}',
    flags: [],
    batch: 1,
  }
}

test('what somebody looked at, the latest first, each article once', async () => {
  const commerce = createCommerce({ ground: house.ground })
  const stranger = 'adadadad-adad-8200-8000-000000000002'
  await house.ground.history.insert(
    'ingest.event',
    [
      row(1, 'Product Viewed', '2026-03-01T08:00:00.000Z', ['A']),
      row(2, 'Product Viewed', '2026-03-01T09:00:00.000Z', ['B']),
      row(3, 'Product Added', '2026-03-01T10:00:00.000Z', ['A']),
      row(4, 'Order Completed', '2026-03-01T11:00:00.000Z', ['C']),
      row(5, 'Product Viewed', '2025-03-01T11:00:00.000Z', ['D']),
      row(6, 'Product Viewed', '2026-03-01T11:00:00.000Z', ['E'], stranger),
    ],
    'looks',
  )
  const viewed = await commerce.viewed(ada, { days: 90, limit: 20 })
  expect(viewed.map((one) => [one.sku, one.times, one.lastAt])).toEqual([
    ['A', 2, '2026-03-01T10:00:00.000Z'],
    ['B', 1, '2026-03-01T09:00:00.000Z'],
  ])
})
