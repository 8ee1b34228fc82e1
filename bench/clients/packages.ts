/** The official client packages, unmodified. They are peers: installed into an ignored folder, never dependencies. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export const peers = join(import.meta.dirname, '../../.cache/peers/clients')

export const versions: { [name: string]: string } = {
  '@segment/analytics-node': '3.1.0',
  '@segment/analytics-next': '1.84.3',
  'analytics-node': '6.2.0',
  '@rudderstack/rudder-sdk-node': '3.0.13',
  '@rudderstack/analytics-js': '3.34.1',
  '@jitsu/js': '1.11.0',
  '@customerio/cdp-analytics-node': '0.5.9',
  'customerio-node': '4.4.0',
  '@dittofeed/sdk-node': '0.1.2',
  'posthog-node': '5.70.0',
  'posthog-js': '1.449.2',
  'klaviyo-api': '23.0.0',
  '@snowplow/node-tracker': '4.8.0',
  'apache-unomi-tracker': '1.5.0',
  cloudevents: '10.0.0',
  standardwebhooks: '1.1.1',
  svix: '2.5.0',
  jsdom: '31.0.1',
}

export function installed(name: string): boolean {
  return existsSync(join(peers, 'node_modules', name, 'package.json'))
}

/** Brings what is missing; false when that fails, for example without a network. */
export async function install(told: (line: string) => void): Promise<boolean> {
  if (Object.keys(versions).every(installed)) return true
  told('Installing the client packages (once, about 200 MB)…')
  await mkdir(peers, { recursive: true })
  await writeFile(join(peers, 'package.json'), JSON.stringify({ private: true, dependencies: versions }, null, 2))
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const child = spawn('npm', words, { cwd: peers, stdio: ['ignore', 'ignore', 'inherit'] })
  const code = await new Promise<number>((done) => child.on('close', (status) => done(status ?? 1)))
  return code === 0
}
