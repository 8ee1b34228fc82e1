import type { Setting } from './setting.ts'

/** What has to be set up for a source before its files or calls are taken. */
export type SourceNote = {
  name: string
  /** Kind of system and channel, in the words of ingest. */
  kind: string
  channel: string | null
  /** Customer numbers of one issuer are one numbering. */
  issuer: string
  /** Banner category → purpose, of sources that send calls. */
  consentCategories: { [category: string]: string } | null
}

const house = 'schuhhaus'
const categories = { analytics: 'analytics', profiling: 'profiling', ads_share: 'ads_share' }

export function sourcesOf(_setting: Setting): SourceNote[] {
  const note = (
    name: string,
    kind: string,
    channel: string | null,
    own: SourceNote['consentCategories'] = null,
  ): SourceNote => ({ name, kind, channel, issuer: house, consentCategories: own })
  return [
    note('web', 'web', 'web', categories),
    note('app', 'app', 'app', categories),
    note('shop', 'shop', 'web'),
    note('till', 'till', 'store'),
    note('loyalty', 'loyalty', 'store'),
    note('newsletter', 'newsletter', 'email'),
    note('sms', 'sms', 'sms'),
    note('crm', 'crm', 'store'),
    note('catalogue', 'print', 'letter'),
    note('print', 'print', 'letter'),
    note('ads', 'ads', 'ads'),
    note('master', 'erp', null),
    note('stock', 'erp', null),
  ]
}
