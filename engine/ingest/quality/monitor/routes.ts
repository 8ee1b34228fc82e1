import { api, type Route } from '@einklang/contract'
import { type Mounted, mount, nameOf } from '@einklang/platform'
import type { Monitor } from './index.ts'

const routes = api.ingest

export function monitorRoutes(monitor: Monitor): Mounted<Route>[] {
  return [
    mount(routes.alarms, ({ query }) => monitor.alarms(query)),
    mount(routes.monitors, () => monitor.monitors()),
    mount(routes.acceptAlarm, ({ params: { alarm } }, { caller }) => monitor.accept(alarm, nameOf(caller))),
  ]
}
