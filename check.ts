/** `npm run check`: types, format, lint and dead code, side by side. Prints what failed; exit code 1 if anything did. */
import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'

const checks: { name: string; command: string; args: string[] }[] = [
  { name: 'types', command: 'tsc', args: ['-b', '--pretty', 'false'] },
  {
    name: 'format',
    command: 'biome',
    args: ['ci', '--colors=off', '--diagnostic-level=error', '--max-diagnostics=20', '.'],
  },
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings', '--quiet'] },
  { name: 'dead code', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
]

function run(check: (typeof checks)[number]): Promise<{ name: string; ok: boolean; seconds: number; output: string }> {
  const start = performance.now()
  return new Promise((resolve) => {
    const child = spawn(`node_modules/.bin/${check.command}`, check.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('close', (code) =>
      resolve({ name: check.name, ok: code === 0, seconds: (performance.now() - start) / 1000, output }),
    )
  })
}

const results = await Promise.all(checks.map(run))
for (const { name, ok, seconds, output } of results) {
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)\n`)
  if (!ok) process.stdout.write(`${output.split('\n').slice(0, 60).join('\n')}\n`)
}
process.exitCode = results.every((result) => result.ok) ? 0 : 1
