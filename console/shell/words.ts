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

/** The sentence in the reader's language where an answer brings several. */
export function useSaid(): (said: { en: string; de: string }) => string {
  const { i18n } = useTranslation()
  const { language } = i18n
  return useCallback((said) => (language === 'de' ? said.de : said.en), [language])
}
