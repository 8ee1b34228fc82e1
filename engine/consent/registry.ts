import type { api, Channel, Purpose } from '@einklang/contract'
import type { z } from 'zod'

type Basis = z.infer<typeof api.consent.basis>

/** One purpose: what it means, on which channels it may be spoken of, and what can make it lawful. */
export type PurposeRule = {
  purpose: Purpose
  name: { en: string; de: string }
  sentence: { en: string; de: string }
  channels: readonly Channel[]
  bases: readonly Basis[]
  /** Direct marketing: objection is absolute, a broad denial covers it, messages carry the way out. */
  marketing: boolean
  /** The person may object even where no consent was needed. */
  objection: boolean
  /** Something is sent under it; else only data are used, and an address that is dead stops nothing. */
  sends: boolean
  /** May segments and models be derived under it? */
  derivable: boolean
  retention: string
}

const all: readonly Channel[] = ['email', 'sms', 'push', 'letter', 'phone']

/**
 * The starter registry under the rules of the strictest market we serve (Germany). Adding a purpose grants nobody
 * anything: without a basis the answer is no.
 */
export const registry: readonly PurposeRule[] = [
  {
    purpose: 'service',
    name: { en: 'Service messages', de: 'Service-Nachrichten' },
    sentence: {
      en: 'We write about your orders, pick-ups and your account.',
      de: 'Wir schreiben zu Ihren Bestellungen, Abholungen und Ihrem Konto.',
    },
    channels: all,
    bases: ['contract'],
    marketing: false,
    objection: false,
    sends: true,
    derivable: false,
    retention: 'as long as the contract and its limitation period',
  },
  {
    purpose: 'newsletter',
    name: { en: 'Newsletter', de: 'Newsletter' },
    sentence: { en: 'We tell you about new things and offers.', de: 'Wir berichten über Neues und Angebote.' },
    channels: all,
    bases: ['consent', 'existing_customer'],
    marketing: true,
    objection: true,
    sends: true,
    derivable: false,
    retention: 'as long as used, and the limitation period of the proof',
  },
  {
    purpose: 'offers_profiled',
    name: { en: 'Personal offers', de: 'Persönliche Angebote' },
    sentence: {
      en: 'We choose offers for you from what you looked at and bought.',
      de: 'Wir wählen Angebote danach aus, was Sie angesehen und gekauft haben.',
    },
    channels: all,
    bases: ['consent'],
    marketing: true,
    objection: true,
    sends: true,
    derivable: true,
    retention: 'as long as used, and the limitation period of the proof',
  },
  {
    purpose: 'survey',
    name: { en: 'Surveys', de: 'Umfragen' },
    sentence: { en: 'We ask what you think.', de: 'Wir fragen nach Ihrer Meinung.' },
    channels: all,
    bases: ['consent'],
    marketing: true,
    objection: true,
    sends: true,
    derivable: false,
    retention: 'as long as used, and the limitation period of the proof',
  },
  {
    purpose: 'analytics',
    name: { en: 'Statistics', de: 'Statistik' },
    sentence: {
      en: 'We count how our shops and pages are used.',
      de: 'Wir zählen, wie unsere Läden und Seiten genutzt werden.',
    },
    channels: all,
    bases: ['consent', 'legitimate_interest'],
    marketing: false,
    objection: true,
    sends: false,
    derivable: true,
    retention: '25 months, then sums only',
  },
  {
    purpose: 'profiling',
    name: { en: 'Groups and scores', de: 'Gruppen und Bewertungen' },
    sentence: {
      en: 'We form groups of customers with like interests.',
      de: 'Wir bilden Gruppen von Kunden mit ähnlichen Interessen.',
    },
    channels: all,
    bases: ['consent', 'legitimate_interest'],
    marketing: false,
    objection: true,
    sends: false,
    derivable: true,
    retention: '25 months',
  },
  {
    purpose: 'ads_share',
    name: { en: 'Advertising partners', de: 'Werbepartner' },
    sentence: {
      en: 'We show you advertising on other platforms.',
      de: 'Wir zeigen Ihnen Werbung auf anderen Plattformen.',
    },
    channels: all,
    bases: ['consent'],
    marketing: true,
    objection: true,
    sends: false,
    derivable: false,
    retention: 'until withdrawn',
  },
  {
    purpose: 'model_training',
    name: { en: 'Learning from data', de: 'Lernen aus Daten' },
    sentence: {
      en: 'Forecasts learn from your purchases.',
      de: 'Vorhersagen lernen aus Ihren Einkäufen.',
    },
    channels: all,
    bases: ['consent'],
    marketing: false,
    objection: true,
    sends: false,
    derivable: true,
    retention: 'until the next training after a withdrawal',
  },
  {
    purpose: 'support',
    name: { en: 'Help', de: 'Hilfe' },
    sentence: { en: 'We answer when you write to us.', de: 'Wir antworten, wenn Sie uns schreiben.' },
    channels: all,
    bases: ['contract'],
    marketing: false,
    objection: false,
    sends: true,
    derivable: false,
    retention: '13 months for what was written',
  },
  {
    purpose: 'legal_duty',
    name: { en: 'Legal duties', de: 'Gesetzliche Pflichten' },
    sentence: {
      en: 'We keep and send what the law demands.',
      de: 'Wir bewahren und senden, was das Gesetz verlangt.',
    },
    channels: all,
    bases: ['legal_duty'],
    marketing: false,
    objection: false,
    sends: true,
    derivable: false,
    retention: '8 to 10 years for invoices',
  },
]

const byName = new Map<string, PurposeRule>(registry.map((rule) => [rule.purpose, rule]))

/** The rule of a purpose; undefined = not in the registry, so nothing is allowed under it. */
export function ruleOf(purpose: string): PurposeRule | undefined {
  return byName.get(purpose)
}
