import { z } from 'zod'

/** Channels on which we address a person. Paid and broadcast media are free text in measurement and budget. */
export const channels = ['email', 'sms', 'push', 'letter', 'phone'] as const
export type Channel = (typeof channels)[number]
export const channel = z.enum(channels)

/** Where something happened: the channel of an event, an order or a visit. */
export const touchChannels = [...channels, 'web', 'app', 'store', 'social', 'ads', 'service'] as const
export type TouchChannel = (typeof touchChannels)[number]
export const touchChannel = z.enum(touchChannels)

/** Purposes of the starter registry (spec policy A3); the registry itself is data in consent. */
export const purposes = [
  'service',
  'newsletter',
  'offers_profiled',
  'survey',
  'analytics',
  'profiling',
  'ads_share',
  'model_training',
  'support',
  'legal_duty',
] as const
export type Purpose = (typeof purposes)[number]
export const purpose = z.enum(purposes)

export const roles = ['admin', 'marketer', 'store', 'support', 'privacy', 'analyst'] as const
export type Role = (typeof roles)[number]
export const role = z.enum(roles)
