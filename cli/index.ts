#!/usr/bin/env node
import { bench } from './commands/bench.ts'
import { audienceList, audienceSize, erase, profileSearch, profileShow } from './commands/customers.ts'
import { demo } from './commands/demo.ts'
import { importCommand } from './commands/import.ts'
import { peopleList, peoplePassword } from './commands/people.ts'
import { serve } from './commands/serve.ts'
import { sourceAdd, sourceList } from './commands/sources.ts'
import { test } from './commands/test.ts'
import { auditVerify, doctor, migrate, versionCommand } from './commands/upkeep.ts'
import { runProgram } from './program.ts'

const commands = [
  demo,
  serve,
  migrate,
  doctor,
  sourceAdd,
  sourceList,
  importCommand,
  profileSearch,
  profileShow,
  audienceList,
  audienceSize,
  erase,
  peopleList,
  peoplePassword,
  auditVerify,
  test,
  bench,
  versionCommand,
]

const code = await runProgram(commands, process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  environment: process.env,
})
process.exitCode = Math.max(code, Number(process.exitCode ?? 0))
