#!/usr/bin/env node
import { commands } from './commands/index.ts'
import { runProgram } from './program.ts'

process.exitCode = await runProgram(commands, process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  environment: process.env,
})
