import { type Comparison, formatMoney, type Predicate, type Range } from '@einklang/contract'
import { ruleOf } from '#consent'

type Language = 'en' | 'de'
export type Sentence = { en: string; de: string }
export type Names = { audiences: Map<string, string>; currency: string }

/** A condition as one sentence that a marketer can check against what was meant. */
export function sentenceOf(tree: Predicate, names: Names): Sentence {
  return { en: told(tree, 'en', names, true), de: told(tree, 'de', names, true) }
}

const words = {
  en: { and: ' and ', or: ' or ', not: 'not: ', everybody: 'everybody', nobody: 'nobody', once: 'at least once' },
  de: { and: ' und ', or: ' oder ', not: 'nicht: ', everybody: 'alle', nobody: 'niemand', once: 'mindestens einmal' },
}

function told(tree: Predicate, language: Language, names: Names, outermost = false): string {
  const word = words[language]
  if ('all' in tree || 'any' in tree) {
    const inner = 'all' in tree ? tree.all : tree.any
    if (inner.length === 0) return 'all' in tree ? word.everybody : word.nobody
    const text = inner.map((one) => told(one, language, names)).join('all' in tree ? word.and : word.or)
    return outermost || inner.length === 1 ? text : `(${text})`
  }
  if ('not' in tree) return `${word.not}${told(tree.not, language, names)}`
  return leaf(tree, language, names)
}

type LeafTree = Exclude<Predicate, { all: Predicate[] } | { any: Predicate[] } | { not: Predicate }>

function leaf(tree: LeafTree, language: Language, names: Names): string {
  const german = language === 'de'
  if ('trait' in tree)
    return `${traits[tree.trait]?.[language] ?? tree.trait} ${compared(tree.is, tree.value, language)}`
  if ('event' in tree) return `“${tree.event}” ${times(tree.times, language)}${within(tree.within, language)}`
  if ('orders' in tree) {
    const channels = {
      web: { en: 'web', de: 'Web' },
      app: { en: 'app', de: 'App' },
      store: { en: 'store', de: 'Filial' },
    }
    const way = tree.channel === undefined ? '' : `${channels[tree.channel][language]}${german ? '-' : ' '}`
    const one = (tree.orders.most ?? tree.orders.least) === 1
    const orders = german ? (one ? 'Bestellung' : 'Bestellungen') : one ? 'order' : 'orders'
    return `${range(tree.orders, language, String)} ${way}${orders}${within(tree.within, language)}`
  }
  if ('spent' in tree) {
    const money = (amount: number) => formatMoney({ amount, currency: names.currency }, language)
    return `${german ? 'Umsatz' : 'spent'} ${range(tree.spent, language, money)}${within(tree.within, language)}`
  }
  if ('cart' in tree) return german ? 'offener Warenkorb' : 'an open cart'
  if ('permitted' in tree) {
    const name = ruleOf(tree.permitted)?.name[language] ?? tree.permitted
    const channel = channels[tree.channel]?.[language] ?? tree.channel
    return german ? `darf ${name} per ${channel} erhalten` : `may receive ${name} by ${channel}`
  }
  if ('score' in tree) return `${tree.score} ${compared(tree.is, tree.value, language)}`
  const name = names.audiences.get(tree.member) ?? tree.member
  return german ? `ist in „${name}“` : `is in “${name}”`
}

const channels: { [channel: string]: Sentence } = {
  email: { en: 'e-mail', de: 'E-Mail' },
  sms: { en: 'SMS', de: 'SMS' },
  push: { en: 'push message', de: 'Push-Nachricht' },
  letter: { en: 'letter', de: 'Brief' },
  phone: { en: 'phone', de: 'Telefon' },
}

/** Fields that every customer has; own fields keep the name they were given. */
const traits: { [trait: string]: Sentence } = {
  first_name: { en: 'first name', de: 'Vorname' },
  last_name: { en: 'surname', de: 'Nachname' },
  email: { en: 'e-mail', de: 'E-Mail' },
  phone: { en: 'phone', de: 'Telefon' },
  city: { en: 'town', de: 'Ort' },
  postal_code: { en: 'postcode', de: 'Postleitzahl' },
  country: { en: 'country', de: 'Land' },
  language: { en: 'language', de: 'Sprache' },
  birthday: { en: 'birthday', de: 'Geburtstag' },
  loyalty_card: { en: 'loyalty card', de: 'Kundenkarte' },
}

const comparisons: { [is in Comparison]: Sentence } = {
  equal: { en: 'is', de: 'ist' },
  not_equal: { en: 'is not', de: 'ist nicht' },
  contains: { en: 'contains', de: 'enthält' },
  starts: { en: 'starts with', de: 'beginnt mit' },
  more: { en: 'is more than', de: 'ist größer als' },
  less: { en: 'is less than', de: 'ist kleiner als' },
  one_of: { en: 'is one of', de: 'ist eines von' },
  known: { en: 'is known', de: 'ist bekannt' },
  unknown: { en: 'is unknown', de: 'ist unbekannt' },
}

function compared(is: Comparison, value: unknown, language: Language): string {
  const verb = comparisons[is][language]
  if (is === 'known' || is === 'unknown') return verb
  return `${verb} ${Array.isArray(value) ? value.join(', ') : String(value)}`
}

function times(given: Range | undefined, language: Language): string {
  if (given === undefined || (given.least === 1 && given.most === undefined)) return words[language].once
  return `${range(given, language, String)} ${language === 'de' ? 'Mal' : 'times'}`
}

function range({ least, most }: Range, language: Language, show: (amount: number) => string): string {
  const german = language === 'de'
  if (least === undefined && most === undefined) return german ? 'beliebig viele' : 'any number of'
  if (least !== undefined && least === most) return `${german ? 'genau' : 'exactly'} ${show(least)}`
  if (least === undefined || least === 0) return `${german ? 'höchstens' : 'at most'} ${show(most ?? 0)}`
  if (most === undefined) return `${german ? 'mindestens' : 'at least'} ${show(least)}`
  return german ? `${show(least)} bis ${show(most)}` : `${show(least)} to ${show(most)}`
}

function within(given: { days: number } | undefined, language: Language): string {
  if (given === undefined) return ''
  return language === 'de' ? ` in den letzten ${given.days} Tagen` : ` in the last ${given.days} days`
}
