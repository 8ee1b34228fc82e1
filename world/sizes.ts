export const sizes = ['town', 'S', 'M'] as const
export type Size = (typeof sizes)[number]

export type Preset = {
  persons: number
  stores: number
  models: number
  weeks: number
  /** Weeks below which the size's laws (unification, holdouts) do not fit. */
  leastWeeks: number
  /** Persons of one partition: the unit of work, of memory and of resuming. */
  partition: number
}

/** Town: 28 models of 7 sizes and four articles for care make 200 SKUs. L differs in scale only and is not offered yet. */
export const presets: { readonly [size in Size]: Preset } = {
  town: { persons: 40, stores: 3, models: 29, weeks: 8, leastWeeks: 4, partition: 40 },
  S: { persons: 10_000, stores: 9, models: 1_200, weeks: 104, leastWeeks: 20, partition: 500 },
  M: { persons: 1_000_000, stores: 45, models: 6_400, weeks: 104, leastWeeks: 20, partition: 1_000 },
}

/** What the laws aim at, per person of a world of 104 weeks. */
export const targets = {
  webOrders: 1.7,
  knownReceipts: 1.7,
  anonymousReceipts: 3,
  sessions: 16.8,
  emails: 48,
  sms: 4.4,
  push: 9,
  letters: 5.7,
  catalogues: 1.46,
} as const
