import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const home = join(import.meta.dirname, '../../.cache/peers/python')

/**
 * Runs a peer's script in an ignored environment of its own, installed on first use, and prints its lines; says "not
 * run" when there is no Python or no way to install. Peers are never dependencies of ours.
 */
export async function peer(
  name: string,
  script: string,
  words: string[],
  packages: string[],
): Promise<{ [figure: string]: number }> {
  const python = join(home, 'bin', 'python')
  if (!existsSync(python) && (await run('python3', ['-m', 'venv', home])).code !== 0)
    return notRun(name, 'no Python environment could be made')
  const marked = packages.map((one) => one.replace('scikit-learn', 'sklearn').replace('scikit-uplift', 'sklift'))
  const known = await run(python, ['-c', marked.map((one) => `import ${one}`).join('\n')])
  if (known.code !== 0) {
    const installed = await run(join(home, 'bin', 'pip'), ['install', '--quiet', ...packages])
    if (installed.code !== 0) return notRun(name, `${packages.join(', ')} could not be installed`)
  }
  const { code, out, error } = await run(python, ['-W', 'ignore', script, ...words])
  if (code !== 0) return notRun(name, error.trim().split('\n').at(-1) ?? 'it failed')
  const figures: { [figure: string]: number } = {}
  for (const line of out.trim().split('\n')) {
    const said = JSON.parse(line) as { figure: string; value: number }
    figures[said.figure] = said.value
    console.log(JSON.stringify({ peer: name, ...said }))
  }
  return figures
}

function notRun(name: string, because: string): { [figure: string]: number } {
  console.log(JSON.stringify({ peer: name, notRun: because }))
  return {}
}

function run(command: string, words: string[]): Promise<{ code: number; out: string; error: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
    })
    let [out, error] = ['', '']
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (error += text))
    child.on('error', () => resolve({ code: 1, out, error: `${command} is not there` }))
    child.on('close', (code) => resolve({ code: code ?? 1, out, error }))
  })
}
