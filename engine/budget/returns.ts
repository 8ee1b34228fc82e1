import type { CreditedRevenue, CreditedWeek } from '#measurement'
import type { SpendSum } from './ledger.ts'

/** Media that no single person can be seen to meet: what they bring needs a test or a mix model. */
export const withoutPersons = new Set(['radio', 'tv', 'out_of_home', 'print', 'cinema', 'sponsoring'])

export type Figures = {
  spend: number
  impressions: number
  clicks: number
  revenue: number
  orders: number
  roas: number | null
}
export type ChannelFigures = Figures & { channel: string; shareOfSpend: number; measuredBy: 'person' | 'none' }
export type Series = { channel: string; spend: number[]; revenue: number[]; roas: (number | null)[] }

export type ReturnTable = {
  totals: Figures
  channels: ChannelFigures[]
  series: Series[]
  campaigns: (Figures & { channel: string; campaign: string })[]
}

/**
 * Lays spend beside the revenue that attribution credits to the same channel, campaign and week. Return on spend is
 * null without spend, and for media without persons, where zero would be a lie.
 */
export function returnTable(
  spend: SpendSum[],
  credited: { weeks: CreditedWeek[]; campaigns: CreditedRevenue[] },
  weeks: string[],
): ReturnTable {
  const spent = Map.groupBy(spend, (row) => row.channel)
  const earned = Map.groupBy(credited.weeks, (row) => row.channel)
  const names = [...new Set([...spent.keys(), ...earned.keys()])]
  const total = spend.reduce((sum, row) => sum + row.amount, 0)
  const channels = names
    .map((channel) => {
      const figures = figuresOf(channel, spent.get(channel) ?? [], earned.get(channel) ?? [])
      return {
        channel,
        ...figures,
        shareOfSpend: total === 0 ? 0 : figures.spend / total,
        measuredBy: withoutPersons.has(channel) ? ('none' as const) : ('person' as const),
      }
    })
    .sort((left, right) => right.spend - left.spend || right.revenue - left.revenue)
  return {
    totals: totalsOf(spend, credited.weeks),
    channels,
    series: channels.map(({ channel }) =>
      seriesOf(channel, spent.get(channel) ?? [], earned.get(channel) ?? [], weeks),
    ),
    campaigns: campaignsOf(spend, credited.campaigns),
  }
}

function figuresOf(channel: string, spend: SpendSum[], earned: { orders: number; revenue: number }[]): Figures {
  const sum = (pick: (row: SpendSum) => number) => Math.round(spend.reduce((total, row) => total + pick(row), 0))
  const amount = sum((row) => row.amount)
  const revenue = earned.reduce((total, row) => total + row.revenue, 0)
  return {
    spend: amount,
    impressions: sum((row) => row.impressions),
    clicks: sum((row) => row.clicks),
    revenue: Math.round(revenue),
    orders: earned.reduce((total, row) => total + row.orders, 0),
    roas: amount === 0 || withoutPersons.has(channel) ? null : revenue / amount,
  }
}

/** Return of the whole: revenue credited to channels with spend, over all spend. */
function totalsOf(spend: SpendSum[], earned: CreditedWeek[]): Figures {
  const paid = new Set(spend.map((row) => row.channel))
  const whole = figuresOf('', spend, earned)
  const ofPaid = earned.reduce((sum, row) => sum + (paid.has(row.channel) ? row.revenue : 0), 0)
  return { ...whole, roas: whole.spend === 0 ? null : ofPaid / whole.spend }
}

function seriesOf(channel: string, spend: SpendSum[], earned: CreditedWeek[], weeks: string[]): Series {
  const spentIn = Map.groupBy(spend, (row) => row.week)
  const earnedIn = Map.groupBy(earned, (row) => row.week)
  const figures = weeks.map((week) => figuresOf(channel, spentIn.get(week) ?? [], earnedIn.get(week) ?? []))
  return {
    channel,
    spend: figures.map((figure) => figure.spend),
    revenue: figures.map((figure) => figure.revenue),
    roas: figures.map((figure) => figure.roas),
  }
}

function campaignsOf(spend: SpendSum[], earned: CreditedRevenue[]): ReturnTable['campaigns'] {
  const key = (row: { channel: string; campaign: string }) => `${row.channel}\u0000${row.campaign.trim().toLowerCase()}`
  const named = <Row extends { channel: string; campaign: string }>(rows: Row[]) =>
    rows.filter((row) => row.campaign.trim() !== '')
  const spent = Map.groupBy(named(spend), key)
  const revenue = Map.groupBy(named(earned), key)
  return [...new Set([...spent.keys(), ...revenue.keys()])]
    .map((name) => {
      const first = spent.get(name)?.[0] ?? revenue.get(name)?.[0]
      const channel = first?.channel ?? ''
      return {
        channel,
        campaign: first?.campaign ?? '',
        ...figuresOf(channel, spent.get(name) ?? [], revenue.get(name) ?? []),
      }
    })
    .sort((left, right) => right.spend - left.spend || right.revenue - left.revenue)
    .slice(0, 500)
}
