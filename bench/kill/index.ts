/**
 * `einklang bench kill [server|demo] [KILLS]`: the server dies at random moments under load, then the demo at random moments
 * of its life; prints what was lost or done twice. Without a word both.
 */
import { machine } from '../served.ts'
import { demoStorm } from './demo.ts'
import { ingestPoints, killStorm } from './storm.ts'

const words = process.argv.slice(2)
const only = words.find((word) => word === 'server' || word === 'demo')
const kills = Number(words.find((word) => /^\d+$/.test(word)) ?? 20)
const log = (line: string) => console.error(line)
let broken = 0

if (only !== 'demo') {
  const result = await killStorm({ kills, seed: 1, persons: 200, duplicates: 0.1, points: ingestPoints, log })
  console.log(JSON.stringify({ bench: 'kill', of: 'server', machine: machine(), ...result }))
  broken += result.lost + result.quarantined + result.doubled + result.mailsTwice + result.personsTwice
}
if (only !== 'server') {
  const result = await demoStorm({ kills, seed: 1, log })
  console.log(JSON.stringify({ bench: 'kill', of: 'demo', machine: machine(), ...result }))
  broken += result.lost + result.quarantined + result.doubled + result.mailsTwice + result.personsTwice
  broken += result.different.length
}
if (broken > 0) process.exitCode = 1
