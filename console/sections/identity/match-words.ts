import type { AnswerOf, api } from '@einklang/contract'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
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

type Drift = AnswerOf<typeof api.identity.matchRun>['drift'][number]

/** What is unusual about a run, in one sentence. */
export function useDriftWords(): (drift: Drift) => string {
  const { t } = useTranslation()
  const words = useWords()
  const format = useFormat()
  const ruleWords = useRuleWords()
  return useCallback(
    ({ code, of, now, before }) => {
      const figure = (value: number): string =>
        code === 'pairs' ? format.count(value) : code === 'review' ? format.decimal(value, 1) : format.percent(value, 1)
      const about = of ?? ''
      return t(`matching.unusual.${code}`, {
        of:
          code === 'filled'
            ? words('matchFeature', about)
            : code === 'pairs'
              ? ruleWords(about)
              : words('matchBand', about),
        now: figure(now),
        before: figure(before ?? 0),
      })
    },
    [t, words, format, ruleWords],
  )
}
