import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { useWords } from '../../shell/words.ts'

/** `family_sound + substr(postcode,1,3)` → "sound of the surname and postcode (characters 1–3)". */
export function useRuleWords(): (rule: string) => string {
  const { t } = useTranslation()
  const words = useWords()
  return useCallback(
    (rule) => {
      const parts = rule.split(' + ').map((part) => {
        const cut = /^substr\((\w+),(\d+),(\d+)\)$/.exec(part)
        if (cut === null) return words('matchFeature', part)
        const [, field = '', from, length] = cut
        const to = Number(from) + Number(length) - 1
        return t('matching.cut', { field: words('matchFeature', field), from, to })
      })
      return parts.join(` ${t('matching.and')} `)
    },
    [t, words],
  )
}

/** Likeness is told by its least value: `alike .92` → "at least 92 % alike". */
export function useLevelWords(): (level: string) => string {
  const { t } = useTranslation()
  const words = useWords()
  return useCallback(
    (level) => {
      const alike = /^(|both |name )alike \.(\d\d)$/.exec(level)
      if (alike === null) return words('matchLevel', level)
      const [, which, percent] = alike
      const share = { percent }
      if (which === 'both ') return t('matching.bothAlike', share)
      return which === 'name ' ? t('matching.nameAlike', share) : t('matching.alike', share)
    },
    [t, words],
  )
}
