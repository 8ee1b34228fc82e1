import type { Channel, Purpose } from '@einklang/contract'
import { ruleOf } from './registry.ts'

export type Language = 'en' | 'de'

/** Texts of the public pages. Changing a wording changes its version: the ledger keeps what was shown. */
export const wordingVersion = '2026-01'

const texts = {
  en: {
    title: 'Your messages from {brand}',
    leaveTitle: 'Unsubscribe',
    leaveQuestion: 'You will no longer receive {what} at {address}.',
    leaveButton: 'Unsubscribe',
    everything: 'Unsubscribe from everything',
    everythingHint: 'All advertising on every channel. Messages about your orders still arrive.',
    done: 'You are unsubscribed.',
    doneDetail: 'From now on you receive no more {what} at {address}.',
    doneEverything: 'From now on you receive no more advertising from us.',
    saved: 'Your choice is saved and takes effect at once.',
    choose: 'What may we send to {address}?',
    save: 'Save my choice',
    more: 'Choose in detail',
    consent:
      'By ticking a box and saving I allow {brand} to contact me at this address for the named purpose. I can take this back at any time with one click.',
    advertising: 'advertising',
    missing: 'This link is not valid.',
    missingDetail: 'Please use the link in your latest message from us.',
    failed: 'That did not work. Please try again in a moment.',
  },
  de: {
    title: 'Ihre Nachrichten von {brand}',
    leaveTitle: 'Abmelden',
    leaveQuestion: 'Sie erhalten dann {what} nicht mehr an {address}.',
    leaveButton: 'Abmelden',
    everything: 'Alles abbestellen',
    everythingHint: 'Jede Werbung auf allen Wegen. Nachrichten zu Ihren Bestellungen kommen weiterhin an.',
    done: 'Sie sind abgemeldet.',
    doneDetail: 'Ab sofort erhalten Sie {what} nicht mehr an {address}.',
    doneEverything: 'Ab sofort erhalten Sie keine Werbung mehr von uns.',
    saved: 'Ihre Auswahl ist gespeichert und gilt ab sofort.',
    choose: 'Was dürfen wir an {address} senden?',
    save: 'Auswahl speichern',
    more: 'Im Einzelnen auswählen',
    consent:
      'Mit einem Häkchen und „Speichern“ erlaube ich {brand}, mich an dieser Adresse zum genannten Zweck anzusprechen. Das kann ich jederzeit mit einem Klick widerrufen.',
    advertising: 'Werbung',
    missing: 'Dieser Link ist nicht gültig.',
    missingDetail: 'Bitte benutzen Sie den Link aus unserer letzten Nachricht.',
    failed: 'Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal.',
  },
}

export type TextName = keyof (typeof texts)['en']

export function text(language: Language, name: TextName, fill: { [word: string]: string } = {}): string {
  return texts[language][name].replaceAll(/\{(\w+)\}/g, (_, word: string) => fill[word] ?? '')
}

export function purposeText(language: Language, purpose: Purpose): { name: string; sentence: string } {
  const rule = ruleOf(purpose)
  return { name: rule?.name[language] ?? purpose, sentence: rule?.sentence[language] ?? '' }
}

const channelNames: { [language in Language]: { [channel in Channel]: string } } = {
  en: { email: 'e-mail', sms: 'text message', push: 'app notification', letter: 'letter', phone: 'telephone' },
  de: { email: 'E-Mail', sms: 'SMS', push: 'App-Mitteilung', letter: 'Brief', phone: 'Telefon' },
}

export function channelText(language: Language, channel: Channel): string {
  return channelNames[language][channel]
}

/** German for readers who ask for it first; everybody else reads English. */
export function languageOf(header: string | null, known: string | null): Language {
  const first = known ?? header?.split(',')[0]?.trim().slice(0, 2) ?? 'en'
  return first.toLowerCase().startsWith('de') ? 'de' : 'en'
}
