import type { StageParts } from '@einklang/platform'
import { webMounts } from './http.ts'
import type { Ingest, IngestInside } from './index.ts'

export function ingestParts(ingest: Ingest & IngestInside): StageParts {
  return { stage: 'ingest', routes: [], raw: webMounts(ingest.door), loops: ingest.loops }
}
