import { api, type Route, type UserId } from '@einklang/contract'
import { type Caller, type Mounted, mount, nameOf, Refusal } from '@einklang/platform'
import type { Monitor } from './index.ts'

const routes = api.ingest

export function monitorRoutes(monitor: Monitor): Mounted<Route>[] {
  return [
    mount(routes.alarms, ({ query: { mine, ...query } }, { caller }) => {
      if (mine === undefined) return monitor.alarms(query)
      const owner = userOf(caller)
      if (owner === null) throw new Refusal(422, 'no_person', 'A key of the API owns no alarms.')
      return monitor.alarms({ ...query, owner })
    }),
    mount(routes.monitors, () => monitor.monitors()),
    mount(routes.alarmOwners, async () => ({ items: await monitor.owners() })),
    mount(routes.acceptAlarm, ({ params: { alarm } }, { caller }) => monitor.accept(alarm, nameOf(caller))),
    mount(routes.assignAlarm, ({ params: { alarm }, body }) => monitor.assign(alarm, body.owner)),
    mount(routes.acknowledgeAlarm, ({ params: { alarm } }, { caller }) =>
      monitor.acknowledge(alarm, nameOf(caller), userOf(caller)),
    ),
  ]
}

function userOf(caller: Caller): UserId | null {
  return caller.kind === 'user' ? caller.user : null
}
