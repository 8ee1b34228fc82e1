import { checkNames } from '@einklang/contract'
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

export const languages = ['en', 'de'] as const
export type Language = (typeof languages)[number]

const remembered = 'einklang.language'

const loadWords: { [language in Language]: () => Promise<{ default: object }> } = {
  en: () => import('../words/en.json'),
  de: () => import('../words/de.json'),
}

function isLanguage(value: string | null | undefined): value is Language {
  return languages.some((language) => language === value)
}

/** The reader's own choice, else the first language of the browser that we speak, else English. */
export function chooseLanguage(stored: string | null, preferred: readonly string[]): Language {
  if (isLanguage(stored)) return stored
  for (const tag of preferred) {
    const language = tag.slice(0, 2).toLowerCase()
    if (isLanguage(language)) return language
  }
  return 'en'
}

async function bring(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    const words = await loadWords[language]()
    i18next.addResourceBundle(language, 'translation', words.default)
    const checks = Object.entries(checkNames).map(([code, name]) => [code.replaceAll('.', '_'), name[language]])
    i18next.addResourceBundle(language, 'translation', { list: { check: Object.fromEntries(checks) } }, true)
  }
  document.documentElement.lang = language
}

export async function startLanguage(): Promise<void> {
  const language = chooseLanguage(localStorage.getItem(remembered), navigator.languages)
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: {},
    // React escapes; doing it twice would show &amp;.
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  await bring(language)
  await i18next.changeLanguage(language)
}

export async function speak(language: Language): Promise<void> {
  await bring(language)
  localStorage.setItem(remembered, language)
  await i18next.changeLanguage(language)
}
