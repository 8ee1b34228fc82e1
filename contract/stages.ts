/** The thirteen stages in the order of the flow; code imports only from stages before its own. */
export const stages = [
  'governance',
  'ingest',
  'identity',
  'profile',
  'consent',
  'commerce',
  'audience',
  'decision',
  'content',
  'delivery',
  'conversation',
  'measurement',
  'budget',
] as const
export type StageName = (typeof stages)[number]
