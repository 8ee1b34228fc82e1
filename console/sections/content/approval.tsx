import { type AnswerOf, api } from '@einklang/contract'
import { Button, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useAnswer, useDeed } from '../../shell/api.ts'
import { ScreenLink } from '../../shell/link.tsx'
import { useMay } from '../../shell/session.ts'

type Variant = AnswerOf<typeof api.content.concept>['variants'][number]

/** Whether exactly these words were approved, and the way to ask for it. */
export function VariantApproval(props: { variant: Variant; title: string }): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const { id, hash } = props.variant
  const asked = useAnswer(
    api.governance.approvals,
    { query: { kind: 'variant', object: id, limit: 20 } },
    { enabled: may(api.governance.approvals) },
  )
  const ask = useDeed(api.governance.requestApproval, { refresh: ['governance'], done: t('approval.asked') })
  if (asked.data === undefined) return null
  const known = asked.data.items.find((approval) => approval.hash === hash && approval.state !== 'stale')
  if (known !== undefined && known.state !== 'stale') {
    const word = { requested: 'isRequested', approved: 'isApproved', rejected: 'isRejected' }[known.state]
    return (
      <Text size="xs" c="dimmed" data-testid="variant-approval" data-state={known.state}>
        {t(`approval.${word}`, { name: known.decidedBy ?? '' })}{' '}
        <ScreenLink to="/governance" search={{ tab: 'approvals', approval: known.id }} size="xs">
          {t('approval.open')}
        </ScreenLink>
      </Text>
    )
  }
  if (!may(api.governance.requestApproval)) return null
  return (
    <Button
      size="xs"
      variant="default"
      loading={ask.pending}
      onClick={() => void ask.run({ body: { kind: 'variant', object: id, hash, title: props.title.slice(0, 120) } })}
      data-testid="ask-approval"
    >
      {t('approval.ask')}
    </Button>
  )
}
