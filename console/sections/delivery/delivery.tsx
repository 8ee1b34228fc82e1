import { api } from '@einklang/contract'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Page } from '../../kit/page.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { useFilters } from '../../shell/filters.ts'
import { useLiveAnswers } from '../../shell/live.ts'
import { useMay } from '../../shell/session.ts'
import { MessageDrawer } from './drawer.tsx'
import { Lanes } from './lanes.tsx'
import { Mailbox } from './mailbox.tsx'
import { Outbox } from './outbox.tsx'

export function Messages(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [filters, change] = useFilters()
  useLiveAnswers(['delivery'])
  return (
    <Page title={t('nav.delivery')} hint={t('hint.delivery')}>
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) => change({ tab, mail: undefined, state: undefined, channel: undefined, q: undefined })}
        tabs={[
          { value: 'outbox', label: t('delivery.outbox'), panel: () => <Outbox /> },
          ...(may(api.delivery.mailbox)
            ? [{ value: 'mailbox', label: t('delivery.mailbox'), panel: () => <Mailbox /> }]
            : []),
          { value: 'lanes', label: t('delivery.lanes'), panel: () => <Lanes /> },
        ]}
      />
      <MessageDrawer message={filters.message} onClose={() => change({ message: undefined })} />
    </Page>
  )
}
