import { type Calendar, day, dayOf, endOf, instant, isoWeek, localDate } from './calendar.ts'
import type { Purpose, Stream } from './chance.ts'

export type CampaignKind = 'newsletter' | 'offer' | 'sms' | 'push' | 'letter' | 'catalogue'

export type Campaign = {
  index: number
  kind: CampaignKind
  name: string
  subject: string
  at: number
  week: number
  /** Share of those with permission who are chosen; decided person by person. */
  reach: number
  /** Share held out of those chosen; a campaign without holdout has 0. */
  holdout: number
  url: string
  utm: string
}

const subjects = [
  'Neu eingetroffen: die Modelle der Woche',
  'Bequem durch den Alltag',
  'Ihre Größe ist wieder da',
  'Nur kurze Zeit: ausgewählte Paare günstiger',
  'Drei Paare, die zu allem passen',
  'Für Regentage gemacht',
  'Jetzt im Schuhhaus in Ihrer Nähe',
  'Leder richtig pflegen',
  'Die Lieblinge unserer Filialen',
  'Mit Leichtigkeit ins Wochenende',
]
const offerSubject = 'Ihr Vorteil in diesem Monat'

/** All sends of the frame, in order of time; `reach` is set later, when the number of subscribers is known. */
export function planCampaigns(calendar: Calendar, needs: { stream: Stream; plan: Purpose; until: number }): Campaign[] {
  const campaigns: Campaign[] = []
  const add = (kind: CampaignKind, week: number, dayInWeek: number, hours: number, number: number): void => {
    const at = instant(calendar, week * 7 + dayInWeek, hours * 3600)
    const label = isoWeek(at).replace('-W', '-KW')
    const prefix = {
      newsletter: 'NL',
      offer: 'VORTEIL',
      sms: 'SMS',
      push: 'APP',
      letter: 'BRIEF',
      catalogue: 'KATALOG',
    }[kind]
    const name = `${prefix}-${label}${kind === 'newsletter' ? `-${number}` : ''}`
    const draw = needs.stream.open(needs.plan, week, campaigns.length)
    const subject = kind === 'offer' ? offerSubject : kind === 'sms' ? 'Schuhhaus' : draw.pick(subjects)
    const path = draw.pick(['neu', 'sneaker', 'sandalen', 'stiefel', 'sale', 'damen', 'herren', 'kinder'])
    campaigns.push({
      index: 0,
      kind,
      name,
      subject,
      at,
      week,
      reach: 1,
      holdout: kind === 'letter' ? 0.15 : kind === 'newsletter' && week % 17 === 9 ? 0 : 0.05,
      url: `https://www.schuhhaus.example/${path}`,
      utm: name.toLowerCase(),
    })
  }
  const hours = [8, 10, 12, 17, 19, 20]
  for (let week = 0; week < calendar.weeks; week++) {
    const month = Number(localDate(calendar.midnight[week * 7] as number).slice(5, 7))
    const draw = needs.stream.open(needs.plan, 1_000_000 + week)
    const peak = month === 11 || month === 12 || month === 1 || month === 7
    const count = peak ? 2 + (week % 2) : 1 + (week % 2)
    if (week % 4 === 2) add('offer', week, 2, draw.pick(hours), 0)
    for (let number = 0; number < count; number++)
      add('newsletter', week, [1, 3, 6][number] as number, draw.pick(hours), number + 1)
    if (week % 5 === 3) add('sms', week, 4, 11, 0)
    add('push', week, draw.below(7), 16, 0)
    if (week % 7 === 4) add('letter', week, 2, 9, 0)
    if (week % 26 === 8) add('catalogue', week, 1, 9, 0)
  }
  addStoryCampaigns(calendar, campaigns, needs.until)
  campaigns.sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
  const names = new Map<string, number>()
  for (const [index, campaign] of campaigns.entries()) {
    campaign.index = index
    const seen = (names.get(campaign.name) ?? 0) + 1
    names.set(campaign.name, seen)
    if (seen > 1) {
      campaign.name += `-${seen}`
      campaign.utm = campaign.name.toLowerCase()
    }
  }
  return campaigns
}

/** The newsletters of the last week follow `until`: one six days before it, one on its eve; others of these days fall away. */
function addStoryCampaigns(calendar: Calendar, campaigns: Campaign[], until: number): void {
  const end = Math.min(until, endOf(calendar))
  for (let at = campaigns.length - 1; at >= 0; at--) {
    const campaign = campaigns[at] as Campaign
    if ((campaign.kind === 'newsletter' || campaign.kind === 'offer') && campaign.at > end - 8 * day)
      campaigns.splice(at, 1)
  }
  const lastDay = Math.min(dayOf(calendar, end - 1), calendar.days - 1)
  for (const [number, before] of [6, 1].entries()) {
    if (lastDay < 7) return
    const at = instant(calendar, lastDay - before, (number === 0 ? 10 : 17) * 3600)
    const week = Math.floor((lastDay - before) / 7)
    const name = `NL-${isoWeek(at).replace('-W', '-KW')}-${number === 0 ? 'A' : 'B'}`
    campaigns.push({
      index: 0,
      kind: 'newsletter',
      name,
      subject: number === 0 ? 'Neu eingetroffen: die Modelle der Woche' : 'Ihre Größe ist wieder da',
      at,
      week,
      reach: 1,
      holdout: 0.05,
      url: `https://www.schuhhaus.example/${number === 0 ? 'neu' : 'sneaker'}`,
      utm: name.toLowerCase(),
    })
  }
}
