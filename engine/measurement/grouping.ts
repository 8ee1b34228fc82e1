import type { api } from '@einklang/contract'
import { type History, type HistoryPart, writtenSql } from '@einklang/platform'
import { refused } from './sayings.ts'
import { type SourceFields, sourceFields } from './sources.ts'

export type GroupingRule = api.measurement.GroupingRule
type Condition = GroupingRule['conditions'][number]

const rule = (channel: string, ...conditions: Condition[]): GroupingRule => ({ channel, conditions })
const oneOf = (field: Condition['field'], ...values: string[]): Condition => ({ field, is: 'one_of', values })
const contains = (field: Condition['field'], ...values: string[]): Condition => ({ field, is: 'contains', values })

const paidSearch = oneOf('medium', 'cpc', 'ppc', 'sem', 'paid_search', 'paid-search', 'paidsearch', 'search')
const paidMedium = oneOf(
  'medium',
  'cpc',
  'ppc',
  'cpm',
  'paid',
  'paid_social',
  'paid-social',
  'paidsocial',
  'social_ads',
  'ads',
)
const socialNames = [
  'facebook',
  'instagram',
  'meta',
  'tiktok',
  'pinterest',
  'linkedin',
  'snapchat',
  'youtube',
  'fb',
  'ig',
]

/** The rules a new installation starts with; first match wins, no match is `direct`. */
export const defaultRules: GroupingRule[] = [
  rule('qr', oneOf('medium', 'qr', 'qrcode', 'qr_code', 'qr-code')),
  rule('qr', oneOf('eventName', 'qr scanned', 'code scanned')),
  rule('catalogue', oneOf('medium', 'catalogue', 'catalog', 'katalog')),
  rule('catalogue', oneOf('eventChannel', 'catalogue')),
  rule('catalogue', oneOf('eventChannel', 'letter'), contains('campaign', 'catalog', 'katalog')),
  rule('email', oneOf('medium', 'email', 'e-mail', 'mail', 'newsletter')),
  rule('email', oneOf('source', 'newsletter', 'email', 'e-mail')),
  rule('sms', oneOf('medium', 'sms')),
  rule('push', oneOf('medium', 'push', 'web_push', 'app_push')),
  rule('letter', oneOf('medium', 'letter', 'direct_mail', 'direct-mail', 'mailing', 'print', 'brief')),
  rule('affiliate', oneOf('medium', 'affiliate', 'partner')),
  rule('shopping', oneOf('medium', 'shopping', 'product_listing', 'pla')),
  rule('shopping', oneOf('source', 'google_shopping', 'shopping')),
  rule(
    'social_ads',
    oneOf('medium', 'paid_social', 'paid-social', 'paidsocial', 'social_paid', 'social_ads', 'social-ads'),
  ),
  rule('social_ads', paidMedium, oneOf('source', ...socialNames)),
  rule('display', oneOf('medium', 'display', 'banner', 'retargeting', 'remarketing', 'programmatic', 'cpm')),
  rule('search_brand', oneOf('medium', 'brand_search', 'search_brand')),
  rule('search_brand', paidSearch, contains('campaign', 'brand', 'marke')),
  rule('search_generic', oneOf('medium', 'generic_search', 'search_generic')),
  rule('search_generic', paidSearch),
  rule('search_organic', oneOf('medium', 'organic')),
  rule('social', oneOf('medium', 'social', 'social_media', 'sm')),
  rule('radio', oneOf('medium', 'radio', 'audio')),
  rule('tv', oneOf('medium', 'tv', 'ctv')),
  rule('out_of_home', oneOf('medium', 'out_of_home', 'ooh', 'poster')),
  rule('referral', oneOf('medium', 'referral')),
  rule('email', oneOf('eventChannel', 'email')),
  rule('sms', oneOf('eventChannel', 'sms')),
  rule('push', oneOf('eventChannel', 'push')),
  rule('letter', oneOf('eventChannel', 'letter')),
  rule('phone', oneOf('eventChannel', 'phone')),
  rule('service', oneOf('eventChannel', 'service')),
  rule('store', oneOf('eventChannel', 'store')),
  rule('social_ads', oneOf('eventChannel', 'ads'), oneOf('source', ...socialNames)),
  rule('display', oneOf('eventChannel', 'ads')),
  rule('social', oneOf('eventChannel', 'social')),
  rule('search_organic', {
    field: 'referrer',
    is: 'matches',
    values: ['(^|\\.)(google|bing|duckduckgo|ecosia|yahoo|startpage|qwant|yandex|baidu)\\.[a-z.]+$'],
  }),
  rule('social', {
    field: 'referrer',
    is: 'matches',
    values: ['(^|\\.)(facebook|instagram|tiktok|pinterest|linkedin|twitter|x|youtube|reddit|t)\\.(com|de|co|it|net)$'],
  }),
  rule('email', { field: 'referrer', is: 'matches', values: ['^(mail|webmail|outlook|navigator)\\.'] }),
  rule('referral', { field: 'referrer', is: 'present', values: [] }),
]

/** Channels that mean "came by herself": they never take credit from a known touch. */
export const ownAccord = ['direct', 'store']

/** What a condition looks at, and the column that holds it. */
export const ruleColumns: { [Field in Condition['field']]: string } = {
  medium: 'medium',
  source: 'utm_source',
  campaign: 'campaign',
  referrer: 'referrer_host',
  url: 'url',
  eventChannel: 'event_channel',
  eventName: 'event_name',
}

/**
 * The rules as one SQL expression over columns `medium, utm_source, campaign, referrer_host, url, event_channel,
 * event_name`. Values travel as parameters.
 */
export function channelExpression(history: History, rules: readonly GroupingRule[]): HistoryPart {
  if (rules.length === 0) return history.part`'direct'`
  const branches = rules.flatMap(({ channel, conditions }) => [
    history.join(
      conditions.map((condition) => conditionPart(history, condition)),
      'and',
    ),
    history.part`${channel}`,
  ])
  return history.part`multiIf(${history.join([...branches, history.part`'direct'`], ',')})`
}

function conditionPart(history: History, condition: Condition): HistoryPart {
  // Column names come from the closed list above, never from the rule.
  const column = history.part(writtenSql(`lowerUTF8(${ruleColumns[condition.field]})`))
  const values = condition.values.map((value) => value.toLowerCase())
  const any = (each: (value: string) => HistoryPart) => history.join(values.map(each), 'or')
  switch (condition.is) {
    case 'empty':
      return history.part`${column} = ''`
    case 'present':
      return history.part`${column} != ''`
    case 'equal':
    case 'one_of':
      return history.part`has(${values}, ${column})`
    case 'contains':
      return any((value) => history.part`position(${column}, ${value}) > 0`)
    case 'starts':
      return any((value) => history.part`startsWith(${column}, ${value})`)
    case 'matches':
      return any((value) => history.part`match(${column}, ${value})`)
  }
}

/** The channel of each source; the history reads the rules, as it understands their patterns. */
export async function channelsOf(
  history: History,
  rules: readonly GroupingRule[],
  sources: SourceFields[],
): Promise<string[]> {
  const found: string[] = []
  for (let start = 0; start < sources.length; ) {
    const some: SourceFields[] = []
    // Statements of the embedded engine are limited in length.
    for (let length = 0; start < sources.length && length < lettersPerStatement; start++) {
      const source = sources[start] as SourceFields
      some.push(source)
      length += sourceFields.reduce((sum, field) => sum + source[field].length + 4, 0)
    }
    const list = (field: keyof SourceFields) =>
      history.part`${some.map((source) => source[field])} as ${history.part(writtenSql(field))}`
    const rows = await history.rows<{ channel: string }>`
      select ${channelExpression(history, rules)} as channel from (select ${history.join(sourceFields.map(list), ',')})
      array join ${history.part(writtenSql(sourceFields.join(', ')))}`
    for (const { channel } of rows) found.push(channel)
  }
  return found
}

const lettersPerStatement = 50_000

/** Refuses rules that could never match or that the database cannot read, naming the rule. */
export async function checkRules(history: History, rules: readonly GroupingRule[]): Promise<void> {
  for (const [index, { conditions }] of rules.entries()) {
    for (const condition of conditions) {
      const needsValues = condition.is !== 'empty' && condition.is !== 'present'
      if (needsValues && condition.values.length === 0) {
        throw refused(422, 'rule_without_values', {
          at: `rules.${index}`,
          given: { rule: index + 1, field: condition.field },
        })
      }
      if (condition.is === 'matches') await checkPatterns(history, condition.values, index)
    }
  }
}

async function checkPatterns(history: History, patterns: string[], index: number): Promise<void> {
  for (const pattern of patterns) {
    try {
      await history.rows`select match('', ${pattern.toLowerCase()}) as fine`
    } catch {
      throw refused(422, 'bad_pattern', { at: `rules.${index}`, given: { rule: index + 1, pattern } })
    }
  }
}
