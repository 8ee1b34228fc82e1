import { analyses } from '../analyse/index.ts'
import type { Command } from '../command.ts'
import { bench } from './bench.ts'
import { audienceList, audienceSize, erase, profileSearch, profileShow } from './customers.ts'
import { demo } from './demo.ts'
import { feedDrop, feedList, feedRun, pull, watch } from './feeds.ts'
import { identityCommands } from './identity.ts'
import { importCommand } from './import.ts'
import { peopleList, peoplePassword } from './people.ts'
import { planDryRun, planExport, planImport, planLearn, planList } from './plans.ts'
import { serve } from './serve.ts'
import { sourceAdd, sourceList } from './sources.ts'
import { test } from './test.ts'
import { auditVerify, doctor, migrate, versionCommand } from './upkeep.ts'

/** The command line, in the order of its help. */
export const commands: Command[] = [
  demo,
  serve,
  migrate,
  doctor,
  sourceAdd,
  sourceList,
  importCommand,
  watch,
  pull,
  feedList,
  feedRun,
  feedDrop,
  planList,
  planExport,
  planImport,
  planLearn,
  planDryRun,
  profileSearch,
  profileShow,
  ...identityCommands,
  audienceList,
  audienceSize,
  erase,
  peopleList,
  peoplePassword,
  auditVerify,
  ...analyses,
  test,
  bench,
  versionCommand,
]
