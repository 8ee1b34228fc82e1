import type { Json, JsonObject } from './json.ts'

/** Languages in which the system speaks to the people who work with it. */
export const spokenLanguages = ['en', 'de'] as const
export type SpokenLanguage = (typeof spokenLanguages)[number]

/**
 * The sentences of a stage: code → words per language. `{name}` stands for what goes in, `{name:kind}` for a value of a
 * closed list (`channel`, `purpose` …), an instant (`when`), a length in minutes (`length`), a `number`, a share as
 * `percent`, or a kept sentence (`said`).
 *
 *   const phrases = { capped: { en: '{used} of {limit} messages.', de: '{used} von {limit} Nachrichten.' } }
 */
export type Phrases = { [code: string]: { [language in SpokenLanguage]: string } }

/**
 * Keeps a sentence as its code and what goes into it, so that everybody reads it in their own language.
 * `kept('capped', { used: 5, limit: 5 })` → `{"say":"capped","used":5,"limit":5}`
 */
export function kept(code: string, given: JsonObject = {}): string {
  return JSON.stringify({ say: code, ...given })
}

/** What a kept sentence consists of; null for a text that somebody wrote by hand or another program sent. */
export function keptParts(text: string): { say: string; [name: string]: Json } | null {
  if (!text.startsWith('{"say":')) return null
  try {
    return JSON.parse(text) as { say: string; [name: string]: Json }
  } catch {
    return null
  }
}

/** Says kept sentences; other texts stay as they are. Later phrases stand over earlier ones. */
export function speaker(...books: Phrases[]): (text: string, language: SpokenLanguage) => string {
  const phrases: Phrases = Object.assign({}, ...books)
  const say = (text: string, language: SpokenLanguage): string => {
    const parts = keptParts(text)
    const phrase = parts && phrases[parts.say]?.[language]
    if (!parts || !phrase) return parts?.say ?? text
    return phrase.replace(/(?<!\{)\{(\w+)(?::(\w+))?\}/g, (_, name: string, kind: string | undefined) =>
      shown(parts[name] ?? null, kind, language),
    )
  }
  function shown(value: Json, kind: string | undefined, language: SpokenLanguage): string {
    if (value === null) return ''
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    switch (kind) {
      case 'said':
        return say(text, language)
      case 'when':
        return whenIn(text, language)
      case 'length':
        return lengthIn(Number(value), language)
      case 'number':
        return new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(Number(value))
      case 'percent':
        return new Intl.NumberFormat(language, { style: 'percent', maximumSignificantDigits: 2 }).format(Number(value))
      default:
        return (kind === undefined ? undefined : lists[kind]?.[text]?.[language]) ?? text
    }
  }
  return say
}

/** `2026-03-02T09:05:00Z` → `2 March 2026, 09:05 UTC`: stages do not know where their reader lives. */
export function whenIn(instant: string, language: SpokenLanguage): string {
  const date = new Date(instant)
  if (Number.isNaN(date.getTime())) return instant
  const format = new Intl.DateTimeFormat(language === 'de' ? 'de-DE' : 'en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
  })
  return `${format.format(date).replace(' at ', ', ').replace(' um ', ', ')} ${language === 'de' ? 'Uhr UTC' : 'UTC'}`
}

function lengthIn(minutes: number, language: SpokenLanguage): string {
  const [count, one, many] =
    minutes % 1440 === 0
      ? ([minutes / 1440, ['day', 'Tag'], ['days', 'Tage']] as const)
      : minutes % 60 === 0
        ? ([minutes / 60, ['hour', 'Stunde'], ['hours', 'Stunden']] as const)
        : ([minutes, ['minute', 'Minute'], ['minutes', 'Minuten']] as const)
  return `${count} ${(count === 1 ? one : many)[language === 'de' ? 1 : 0]}`
}

type List = { [value: string]: { [language in SpokenLanguage]: string } }

const lists: { [kind: string]: List } = {
  channel: {
    email: { en: 'e-mail', de: 'E-Mail' },
    sms: { en: 'SMS', de: 'SMS' },
    push: { en: 'push message', de: 'Push-Nachricht' },
    letter: { en: 'letter', de: 'Brief' },
    phone: { en: 'phone', de: 'Telefon' },
  },
  purpose: {
    service: { en: 'service and orders', de: 'Service und Bestellungen' },
    newsletter: { en: 'newsletter', de: 'Newsletter' },
    offers_profiled: { en: 'personal offers', de: 'persönliche Angebote' },
    survey: { en: 'surveys', de: 'Umfragen' },
    analytics: { en: 'analytics', de: 'Auswertung' },
    profiling: { en: 'profiling', de: 'Profilbildung' },
    ads_share: { en: 'sharing with ad platforms', de: 'Weitergabe an Werbeplattformen' },
    model_training: { en: 'training of models', de: 'Training von Modellen' },
    support: { en: 'support', de: 'Support' },
    legal_duty: { en: 'legal duty', de: 'Rechtspflicht' },
  },
  basis: {
    consent: { en: 'the person agreed', de: 'Einwilligung liegt vor' },
    contract: { en: 'belongs to a contract', de: 'gehört zu einem Vertrag' },
    existing_customer: { en: 'existing customer, similar goods', de: 'Bestandskunde, ähnliche Ware' },
    legitimate_interest: { en: 'legitimate interest', de: 'berechtigtes Interesse' },
    legal_duty: { en: 'legal duty', de: 'Rechtspflicht' },
  },
  refusal: {
    erased: { en: 'the person was erased', de: 'die Person wurde gelöscht' },
    restricted: { en: 'processing is restricted', de: 'die Verarbeitung ist eingeschränkt' },
    objected: { en: 'the person objected', de: 'die Person hat widersprochen' },
    withdrawn: { en: 'the consent was withdrawn', de: 'die Einwilligung wurde widerrufen' },
    suppressed: { en: 'the address is blocked', de: 'die Adresse ist gesperrt' },
    minor: { en: 'the person is a minor', de: 'die Person ist minderjährig' },
    listed: { en: 'the address is on a no-contact list', de: 'die Adresse steht auf einer Sperrliste' },
    forbidden_here: { en: 'not allowed in this country', de: 'in diesem Land nicht erlaubt' },
    never_asked: { en: 'the person never agreed', de: 'eine Einwilligung wurde nie erteilt' },
    unconfirmed: { en: 'the consent is not confirmed', de: 'die Einwilligung ist nicht bestätigt' },
    expired: { en: 'the consent has expired', de: 'die Einwilligung ist abgelaufen' },
    no_proof: { en: 'there is no proof of the consent', de: 'für die Einwilligung fehlt der Beleg' },
    claimed_only: { en: 'the consent is only claimed', de: 'die Einwilligung ist nur behauptet' },
    purpose_not_in_data: { en: 'the purpose is not known here', de: 'der Zweck ist hier nicht bekannt' },
  },
  field: {
    subject: { en: 'subject', de: 'Der Betreff' },
    title: { en: 'title', de: 'Der Titel' },
    text: { en: 'text', de: 'Der Text' },
    mjml: { en: 'mail', de: 'Die Mail' },
  },
  event: {
    'Product Viewed': { en: 'looked at a product', de: 'Artikel angesehen' },
    'Product Added': { en: 'put something into the cart', de: 'etwas in den Warenkorb gelegt' },
    'Cart Viewed': { en: 'looked at the cart', de: 'Warenkorb angesehen' },
    'Checkout Started': { en: 'began the checkout', de: 'Kasse begonnen' },
    'Order Completed': { en: 'ordered', de: 'bestellt' },
  },
}
