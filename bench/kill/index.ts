/**
 * `einklang bench kill [server|demo] [KILLS] [KILLS OF POSTGRESQL]`: the server dies at random moments under load with 10 %
 * duplicates and 10 % reordering, then PostgreSQL under another one, then the demo at random moments of its life;
 * prints what was lost or done twice. Before that a control: somebody acknowledges before the server has the events, and
 * the same audit has to find them lost. Without a word both.
 */
import { machine } from '../served.ts'
import { demoStorm } from './demo.ts'
import { ingestPoints, killStorm } from './storm.ts'

const words = process.argv.slice(2)
const only = words.find((word) => word === 'server' || word === 'demo')
const [kills = 20, databaseKills = 5] = words.filter((word) => /^\d+$/.test(word)).map(Number)
const log = (line: string) => console.error(line)
let broken = 0

if (only !== 'demo') {
  const traffic = { seed: 1, persons: 200, duplicates: 0.1, reordered: 0.1 }
  const control = await killStorm({ ...traffic, kills: 3, eager: true, log })
  console.log(JSON.stringify({ bench: 'kill', of: 'control: acknowledged before the commit', found: control.lost }))
  if (control.lost === 0) broken++
  const storms = [
    { of: 'server', kills, points: ingestPoints },
    { of: 'PostgreSQL', kills: 0, databaseKills },
  ]
  for (const { of, ...storm } of storms) {
    const result = await killStorm({ ...traffic, ...storm, log })
    console.log(JSON.stringify({ bench: 'kill', of, machine: machine(), ...result }))
    broken += result.lost + result.quarantined + result.doubled + result.mailsTwice + result.personsTwice
  }
}
if (only !== 'server') {
  const result = await demoStorm({ kills, seed: 1, log })
  console.log(JSON.stringify({ bench: 'kill', of: 'demo', machine: machine(), ...result }))
  broken += result.lost + result.quarantined + result.doubled + result.mailsTwice + result.personsTwice
  broken += result.different.length
}
if (broken > 0) process.exitCode = 1
