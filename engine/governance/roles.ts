import type { Role } from '@einklang/contract'

/** What each role is for, in the words of the settings screen (spec security §4). */
export const roleTexts: { [role in Role]: { may: string; mayNot: string } } = {
  admin: { may: 'People, roles, sources, keys, brand and the audit log', mayNot: 'Customers, campaigns, approvals' },
  marketer: { may: 'Audiences, journeys, contents, messages, measurement, budget', mayNot: 'People, keys, erasure' },
  store: { may: 'The customer in front of them, prices and stock', mayNot: 'Lists of customers, campaigns' },
  support: { may: 'Customers and conversations', mayNot: 'Campaigns, exports' },
  privacy: { may: 'Permission, erasure, audit, approvals; stop anything', mayNot: 'Campaigns of their own' },
  analyst: { may: 'Figures, charts and audiences as counts', mayNot: 'Single customers' },
}
