#!/usr/bin/env node
import { commands } from './commands/index.ts'
import { runProgram } from './program.ts'

// Whoever read along (`| head`) has seen enough and closed the pipe: what else would be said is said to nobody.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

process.exitCode = await runProgram(commands, process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  environment: process.env,
})
