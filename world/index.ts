import { mondayBefore } from './calendar.ts'
import { generate, type Manifest } from './generate.ts'
import { type Progress, requestFrom, type WorldArguments } from './request.ts'
import { presets, type Size } from './sizes.ts'

export { Stopped } from './crew.ts'
export { type Format, formats } from './formats.ts'
export { generate, type Manifest, type ManifestFile } from './generate.ts'
export { type LiveFault, liveFaultOf } from './live.ts'
export type { MemoryFile } from './memory.ts'
export { type GenerateRequest, type Progress, UsageError, type WorldArguments } from './request.ts'
export type { WorldOptions } from './setting.ts'
export { type Size, sizes } from './sizes.ts'
export type { SourceNote } from './sources.ts'
export { type SmallTown, smallTown, type TownPerson } from './town.ts'

/** The Monday from which the last week of the size contains `now`: the demo's past ends there, the rest is replayed live. */
export function startOfDemo(now: Date, size: Size = 'S'): Date {
  return mondayBefore(now, presets[size].weeks)
}

/** `einklang demo --write`: arguments as typed. Throws `UsageError` (exit code 2) for what does not fit. */
export function writeWorld(
  args: WorldArguments,
  needs: { onProgress?: (progress: Progress) => void; signal?: AbortSignal } = {},
): Promise<Manifest> {
  return generate({ ...requestFrom(args), ...needs })
}
