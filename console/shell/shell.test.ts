import { api, type LiveTopic, liveTopics } from '@einklang/contract'
import { expect, test } from 'vitest'
import { cleared, readFilters, writeFilters } from './filters.ts'
import { chooseLanguage } from './language.ts'

test('the reader’s own choice of language comes before that of the browser', () => {
  expect(chooseLanguage('de', ['en-GB'])).toBe('de')
  expect(chooseLanguage(null, ['fr-FR', 'de-AT', 'en'])).toBe('de')
  expect(chooseLanguage('xx', ['vi'])).toBe('en')
})

test('filters read back from the address as they were written, numbers as text', () => {
  const filters = { q: '4711', city: 'Köln & Bonn', tab: undefined }
  expect(readFilters(writeFilters(filters))).toEqual({ q: '4711', city: 'Köln & Bonn' })
  expect(cleared({ q: '', state: 'unknown', tab: undefined })).toEqual({ state: 'unknown' })
  expect(writeFilters({})).toBe('')
})

test('every address of a screen belongs to a section, so that a forbidden one can say so', async () => {
  const { sectionOf } = await import('./sections.tsx')
  expect(sectionOf('/')?.word).toBe('today')
  expect(sectionOf('/profile/018f')?.word).toBe('profile')
  expect(sectionOf('/ingest/imports/018f')?.needs).toBe(api.ingest.sources)
  expect(sectionOf('/identity')?.needs).toBe(api.identity.review)
  expect(sectionOf('/profiles')).toBeUndefined()
})

test('a role sees what the route allows', async () => {
  const { mayCall } = await import('./api.ts')
  expect(mayCall(api.governance.invite, ['marketer'])).toBe(false)
  expect(mayCall(api.governance.invite, ['marketer', 'admin'])).toBe(true)
  expect(mayCall(api.decision.journeys, ['store'])).toBe(true)
})

test('a role asks only for the hints it may hear', async () => {
  const { audible } = await import('./live.ts')
  const topics: LiveTopic[] = ['ingest.events', 'ingest.alarm', 'identity.changed', 'decision.moved']
  expect(audible(topics, ['store'])).toEqual(
    topics.filter((topic) => (liveTopics[topic] as readonly string[]).includes('store')),
  )
  expect(audible(['ingest.events', 'ingest.alarm'], ['store'])).toEqual([])
  expect(audible(topics, ['store', 'admin'])).toEqual(topics)
})

test('what is new comes on top of a long list, its other pages stay; more than a page of news begins it anew', async () => {
  const { withTop } = await import('./api.ts')
  const page = (next: string | null, ...ids: string[]) => ({ items: ids.map((id) => ({ id })), next })
  const known = { pages: [page('c', 'a', 'b', 'c'), page(null, 'd', 'e')], pageParams: [null, 'c'] }
  const ids = (pages: { items: { id: string }[] }[]) => pages.flatMap(({ items }) => items.map(({ id }) => id)).join('')
  const fresh = withTop(known, page('b', 'x', 'a', 'late', 'b'))
  expect(ids(fresh.pages)).toBe('xalatebcde')
  expect(fresh.pages.map(({ next }) => next)).toEqual(['c', null])
  expect(withTop(known, page('z', 'x', 'y', 'z')).pages).toEqual([page('z', 'x', 'y', 'z')])
})
