import { api } from '@einklang/contract'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Page } from '../../kit/page.tsx'
import { ScreenTabs } from '../../kit/tabs.tsx'
import { useFilters } from '../../shell/filters.ts'
import { useMay } from '../../shell/session.ts'
import { Approvals } from './approvals.tsx'
import { Audit } from './audit.tsx'
import { BrandForm } from './brand.tsx'
import { Keys } from './keys.tsx'
import { People } from './people.tsx'
import { Policy } from './policy.tsx'
import { Roles } from './roles.tsx'
import { Sessions } from './sessions.tsx'

/** Who works here, by which rules, and what was done. */
export function Settings(): ReactNode {
  const { t } = useTranslation()
  const may = useMay()
  const [filters, change] = useFilters()
  return (
    <Page title={t('nav.governance')} hint={t('hint.governance')}>
      <ScreenTabs
        value={filters.tab}
        onChange={(tab) =>
          change({
            tab,
            state: undefined,
            approval: undefined,
            action: undefined,
            result: undefined,
            from: undefined,
            to: undefined,
          })
        }
        tabs={[
          ...(may(api.governance.people)
            ? [{ value: 'people', label: t('settings.people'), panel: () => <People /> }]
            : []),
          ...(may(api.governance.approvals)
            ? [{ value: 'approvals', label: t('settings.approvals'), panel: () => <Approvals /> }]
            : []),
          { value: 'roles', label: t('settings.roles'), panel: () => <Roles /> },
          { value: 'brand', label: t('settings.brand'), panel: () => <BrandForm /> },
          { value: 'policy', label: t('settings.policy'), panel: () => <Policy /> },
          ...(may(api.governance.audit)
            ? [{ value: 'audit', label: t('settings.audit'), panel: () => <Audit /> }]
            : []),
          ...(may(api.governance.keys) ? [{ value: 'keys', label: t('settings.keys'), panel: () => <Keys /> }] : []),
          { value: 'sessions', label: t('settings.sessions'), panel: () => <Sessions /> },
        ]}
      />
    </Page>
  )
}
