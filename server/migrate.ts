import { fileURLToPath } from 'node:url'
import { bootGround, type Config, createLifecycle, createLog } from '@einklang/platform'

/** Holds one folder per stage with its migrations. */
export const engineDirectory = fileURLToPath(new URL('../engine', import.meta.url))

/** Brings the databases to this program's version and closes them again. */
export async function migrateOnly(needs: { config: Config; told: (message: string) => void }): Promise<void> {
  const log = createLog('error')
  const lifecycle = createLifecycle({ log })
  await bootGround({ ...needs, lifecycle, log, engineDirectory, environment: process.env })
  await lifecycle.stop()
}
