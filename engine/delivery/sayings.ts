import { keptParts, type Phrases, type SpokenLanguage, speaker } from '@einklang/contract'
import { refusalIn } from '#content'
import { decisionPhrases } from '#decision'

/** What the outbox says about a message; kept by code, said in the reader's language. */
const deliveryPhrases: Phrases = {
  no_connector: { en: 'No connector for this channel.', de: 'Für diesen Kanal gibt es keinen Anschluss.' },
  address_gone: { en: 'No address is known any more.', de: 'Es ist keine Adresse mehr bekannt.' },
  no_permission: { en: 'Not permitted: {because:refusal}.', de: 'Nicht erlaubt: {because:refusal}.' },
  permitted: {
    en: 'Permitted: {purpose:purpose} by {channel:channel} ({basis:basis}).',
    de: 'Erlaubt: {purpose:purpose} per {channel:channel} ({basis:basis}).',
  },
  forbidden: {
    en: 'Not permitted: {purpose:purpose} by {channel:channel} ({because:refusal}).',
    de: 'Nicht erlaubt: {purpose:purpose} per {channel:channel} ({because:refusal}).',
  },
  lane_stopped: { en: '{channel:channel} is stopped: {because}', de: '{channel:channel} ist angehalten: {because}' },
  declined: { en: '{fact:said}', de: '{fact:said}' },
  too_late: { en: 'Too late. {fact:said}', de: 'Zu spät. {fact:said}' },
  later: { en: 'Later, from {until:when}: {fact:said}', de: 'Später, ab {until:when}: {fact:said}' },
  again: { en: '{why:said} Again in {seconds} s.', de: '{why:said} Noch einmal in {seconds} s.' },
  not_now: { en: 'Not now: {why}; again in {seconds} s.', de: 'Noch nicht: {why}; noch einmal in {seconds} s.' },
  to: { en: 'To {connector}, attempt {attempt}.', de: 'An {connector}, Versuch {attempt}.' },
  no_answer: {
    en: 'No answer ({evidence}); the provider knows the key, so it is repeated.',
    de: 'Keine Antwort ({evidence}); der Dienst kennt den Schlüssel, darum wird wiederholt.',
  },
  not_begun: {
    en: 'The program ended before the provider was called; once more.',
    de: 'Das Programm endete, bevor der Dienst gerufen wurde; noch einmal.',
  },
  keyed: {
    en: 'The program ended during the hand-over; the provider knows the key, so it is repeated.',
    de: 'Das Programm endete während der Übergabe; der Dienst kennt den Schlüssel, darum wird wiederholt.',
  },
  not_there: { en: 'The provider does not know it; once more.', de: 'Der Dienst kennt sie nicht; noch einmal.' },
  ended_midway: {
    en: 'The program ended during the hand-over: it may have arrived. It is not repeated.',
    de: 'Das Programm endete während der Übergabe: Sie kann angekommen sein und wird nicht wiederholt.',
  },
  by_hand: { en: 'Settled by hand: {note}', de: 'Von Hand geklärt: {note}' },
  out_of_time: { en: 'It could not leave in time.', de: 'Sie konnte nicht rechtzeitig hinaus.' },
  reference: { en: '{name:said}: {value} when it left.', de: '{name:said}: {value} beim Absenden.' },
  price_of: { en: 'price of {article}', de: 'Preis von {article}' },
  cart_total: { en: 'cart total', de: 'Summe des Warenkorbs' },
  words: { en: 'Words with the hash {hash}.', de: 'Text mit der Prüfsumme {hash}.' },
  accepted: {
    en: '“{what}” was sent by {channel:channel} to {address} on {at:when}.',
    de: '„{what}“ ging am {at:when} per {channel:channel} an {address}.',
  },
  unknown: {
    en: '“{what}” may have arrived: {why:said}. It is not repeated.',
    de: '„{what}“ kann angekommen sein: {why:said}. Sie wird nicht wiederholt.',
  },
  not_sent: { en: '“{what}” was not sent. {why:said}', de: '„{what}“ wurde nicht gesendet. {why:said}' },
  refused: {
    en: '“{what}” was refused by the provider: {why:said}',
    de: '„{what}“ wurde vom Dienst abgelehnt: {why:said}',
  },
  handed: { en: '“{what}” is being handed over right now.', de: '„{what}“ wird gerade übergeben.' },
  waiting: { en: '“{what}” waits. {why:said}', de: '„{what}“ wartet. {why:said}' },
  leaves: {
    en: '“{what}” leaves on {at:when} at the earliest.',
    de: '„{what}“ geht frühestens am {at:when} hinaus.',
  },
  message: { en: 'This message', de: 'Diese Nachricht' },
  no_reason: { en: 'no reason stored', de: 'kein Grund vermerkt' },
}

const sayKept = speaker(decisionPhrases, deliveryPhrases)

/** A kept sentence, a refusal of content, or the provider's own words. */
export function said(text: string, language: SpokenLanguage): string {
  return keptParts(text) ? sayKept(text, language) : refusalIn(text, language)
}

/** For texts that may be missing. */
export function saidOrNull(text: string | null, language: SpokenLanguage): string | null {
  return text === null ? null : said(text, language)
}
