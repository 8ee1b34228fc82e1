import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'

/** The word for a value of a closed list (`words('channel', 'email')` → E-mail); an unknown value shows as it stands. */
export function useWords(): (list: string, value: string) => string {
  const { t, i18n } = useTranslation()
  return useCallback(
    (list, value) => {
      // `customer_no.shop` is the customer number of one issuer.
      if (list === 'namespace' && value.includes('.')) {
        const [kind = '', ...issuer] = value.split('.')
        return `${t(`list.namespace.${kind}`)} (${issuer.join('.')})`
      }
      const key = `list.${list}.${value.replaceAll(/[ .:]/g, '_')}`
      return i18n.exists(key) ? t(key) : value
    },
    [t, i18n],
  )
}

type Reason = {
  code: string
  message: string
  check?: string | undefined
  word?: string | undefined
  values?: { [name: string]: string | number } | undefined
}

/**
 * Why an item waits, in the reader's language: the sentence with its values, else what the check means in general, else the
 * server's own words. What was kept before sentences had values has only these.
 */
export function useReason(): (reason: Reason) => string {
  const { t, i18n } = useTranslation()
  return useCallback(
    ({ code, message, check, word, values }) => {
      const about = (word ?? check ?? code).replaceAll(/[ .:]/g, '_')
      const key = `list.reason.${about}`
      const template: unknown = i18n.getResource(i18n.language, 'translation', key)
      if (typeof template === 'string' && (values !== undefined || !template.includes('{{'))) {
        const shown = Object.entries(values ?? {}).map(([name, value]) => [
          name,
          typeof value === 'number' ? value.toLocaleString(i18n.language) : value,
        ])
        return t(key, Object.fromEntries(shown) as { [name: string]: string })
      }
      const general = `list.checkSays.${(check ?? code).replaceAll(/[ .:]/g, '_')}`
      return i18n.exists(general) ? t(general) : message
    },
    [t, i18n],
  )
}

/** The sentence in the reader's language where an answer brings several. */
export function useSaid(): (said: { en: string; de: string }) => string {
  const { i18n } = useTranslation()
  const { language } = i18n
  return useCallback((said) => (language === 'de' ? said.de : said.en), [language])
}
