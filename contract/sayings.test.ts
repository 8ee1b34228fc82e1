import { expect, test } from 'vitest'
import { kept, type Phrases, speaker } from './sayings.ts'

const phrases: Phrases = {
  by: { en: 'By {channel:channel} after {minutes:length}.', de: 'Per {channel:channel} nach {minutes:length}.' },
  not: { en: 'Not: {why:said}', de: 'Nicht: {why:said}' },
  at: { en: 'At {at:when}.', de: 'Am {at:when}.' },
  add: { en: 'Add {{ links.unsubscribe }} to {what}.', de: 'Setzen Sie {{ links.unsubscribe }} in {what}.' },
}
const say = speaker(phrases)

test('one kept sentence is said in each language, with the words of closed lists and lengths', () => {
  const sentence = kept('by', { channel: 'letter', minutes: 1440 })
  expect(say(sentence, 'en')).toBe('By letter after 1 day.')
  expect(say(sentence, 'de')).toBe('Per Brief nach 1 Tag.')
  expect(say(kept('by', { channel: 'email', minutes: 120 }), 'de')).toBe('Per E-Mail nach 2 Stunden.')
})

test('a kept sentence may hold another one; what somebody wrote by hand stays as it is', () => {
  expect(say(kept('not', { why: kept('by', { channel: 'sms', minutes: 30 }) }), 'de')).toBe(
    'Nicht: Per SMS nach 30 Minuten.',
  )
  expect(say(kept('not', { why: 'Kundin rief an {um 9}' }), 'en')).toBe('Not: Kundin rief an {um 9}')
  expect(say('451 greylisted', 'de')).toBe('451 greylisted')
  expect(say('{"say":', 'de')).toBe('{"say":')
})

test('instants read as dates, references of templates survive, an unknown code shows itself', () => {
  expect(say(kept('at', { at: '2026-03-02T09:05:00Z' }), 'en')).toBe('At 2 March 2026, 09:05 UTC.')
  expect(say(kept('at', { at: '2026-03-02T09:05:00Z' }), 'de')).toBe('Am 2. März 2026, 09:05 Uhr UTC.')
  expect(say(kept('add', { what: 'x' }), 'en')).toBe('Add {{ links.unsubscribe }} to x.')
  expect(say(kept('gone'), 'en')).toBe('gone')
})

test('what goes in is not looked at for placeholders again', () => {
  expect(say(kept('add', { what: '{channel:channel}' }), 'en')).toBe(
    'Add {{ links.unsubscribe }} to {channel:channel}.',
  )
})
