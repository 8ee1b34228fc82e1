import { type Phrases, type SpokenLanguage, speaker } from '@einklang/contract'
import type { Finding } from './lint.ts'

/** What the checks of words find; kept by code with the variant, said in the language of whoever reads. */
const findingPhrases: Phrases = {
  invalid: { en: '{message}.', de: 'Das lässt sich nicht lesen: {message}.' },
  unknown_data: { en: 'There is no “{root}”.', de: '„{root}“ gibt es nicht.' },
  known_data: { en: 'Known are {known}.', de: 'Bekannt sind {known}.' },
  empty: { en: 'The {field:field} is empty.', de: '{field:field} ist leer.' },
  one_line: { en: 'A subject has one line.', de: 'Ein Betreff hat eine Zeile.' },
  costly: {
    en: '“{character}” makes every part hold 70 instead of 160 characters ({segments} parts as written).',
    de: 'Durch „{character}“ fasst jeder Teil 70 statt 160 Zeichen (so geschrieben {segments} Teile).',
  },
  write_instead: { en: 'Write {plain} instead.', de: 'Schreiben Sie stattdessen {plain}.' },
  no_files: { en: 'Files cannot be included.', de: 'Dateien können nicht eingebunden werden.' },
  markup: { en: '{message} ({tag}).', de: 'Fehler im Aufbau: {message} ({tag}).' },
  no_unsubscribe: { en: 'There is no unsubscribe link.', de: 'Der Abmeldelink fehlt.' },
  add_unsubscribe: { en: 'Add {{ links.unsubscribe }}.', de: 'Fügen Sie {{ links.unsubscribe }} ein.' },
  clipped: {
    en: 'The mail has {size} kB; Gmail cuts it at 102 kB and hides the unsubscribe link.',
    de: 'Die Mail hat {size} kB; Gmail schneidet bei 102 kB ab und verbirgt den Abmeldelink.',
  },
  shorten: { en: 'Make it shorter.', de: 'Kürzen Sie sie.' },
  no_description: { en: 'An image has no description: {image}…', de: 'Ein Bild hat keine Beschreibung: {image}…' },
  describe: { en: 'Add alt="…".', de: 'Ergänzen Sie alt="…".' },
  typed_price: { en: '“{text}” is a price typed by hand.', de: '„{text}“ ist ein von Hand getippter Preis.' },
  typed_percentage: {
    en: '“{text}” is a percentage typed by hand.',
    de: '„{text}“ ist ein von Hand getippter Prozentsatz.',
  },
  typed_date: { en: '“{text}” is a date typed by hand.', de: '„{text}“ ist ein von Hand getipptes Datum.' },
  typed_stock: { en: '“{text}” is a stock count typed by hand.', de: '„{text}“ ist ein von Hand getippter Bestand.' },
  use_reference: {
    en: 'Use a reference such as {{ line.price }}, so that it is true when the message leaves.',
    de: 'Verwenden Sie einen Verweis wie {{ line.price }}, damit es stimmt, wenn die Nachricht hinausgeht.',
  },
  no_fallback: {
    en: '“{name}” may be unknown and has no fallback.',
    de: '„{name}“ kann unbekannt sein und hat keinen Ersatz.',
  },
  write: { en: 'Write {example}.', de: 'Schreiben Sie {example}.' },
  not_escaped: { en: '{output} is not escaped.', de: '{output} wird nicht maskiert.' },
  take_raw_away: {
    en: 'Take “raw” away unless the value is markup of your own.',
    de: 'Nehmen Sie „raw“ weg, wenn der Wert kein eigenes Markup ist.',
  },
  hidden: { en: 'The text contains an invisible character.', de: 'Der Text enthält ein unsichtbares Zeichen.' },
  delete_hidden: {
    en: 'Delete it; it usually comes with text that was pasted.',
    de: 'Löschen Sie es; es kommt meist mit eingefügtem Text.',
  },
}

const say = speaker(findingPhrases)

export function findingsIn(findings: Finding[], language: SpokenLanguage): Finding[] {
  return findings.map((finding) => ({
    ...finding,
    message: say(finding.message, language),
    doInstead: finding.doInstead === null ? null : say(finding.doInstead, language),
  }))
}

const german: { [code: string]: string } = {
  'NO_VARIANT: the concept does not exist.': 'Der Inhalt ist nicht mehr da.',
  'REFERENCE_UNRESOLVED: the cart is no longer open.': 'Der Warenkorb ist nicht mehr offen.',
  'REFERENCE_UNRESOLVED: no article in the cart has a price that holds now.':
    'Kein Artikel im Warenkorb hat einen Preis, der jetzt gilt.',
  'BLOCKED: the words do not pass the checks.': 'Der Text besteht die Prüfungen nicht.',
  'SOLD_OUT: nothing in the cart is in stock any more.': 'Nichts aus dem Warenkorb ist noch lieferbar.',
}
const germanBeginnings: [string, string][] = [
  ['NO_VARIANT: ', 'Es gibt keinen Text für diesen Kanal.'],
  ['TEMPLATE_LIMIT: ', 'Die Vorlage brauchte zu lange oder zu viel Speicher.'],
  ['TEMPLATE_FAILED: ', 'Die Vorlage ließ sich nicht ausfüllen.'],
]

/** Why there were no words, without the code in front, which is for programs. */
export function refusalIn(refused: string, language: SpokenLanguage): string {
  const match = /^[A-Z_]{4,}: (.)(.*)$/s.exec(refused)
  if (!match) return refused
  if (language === 'en') return `${match[1]?.toUpperCase()}${match[2]}`
  return german[refused] ?? germanBeginnings.find(([begin]) => refused.startsWith(begin))?.[1] ?? refused
}
