/** `einklang bench kill [KILLS]`: the server dies at random moments under load; prints what was lost or done twice. */
import { machine } from '../served.ts'
import { killStorm } from './storm.ts'

const kills = Number(process.argv[2] ?? 20)
const result = await killStorm({ kills, seed: 1, persons: 200, duplicates: 0.1, log: (line) => console.error(line) })
console.log(JSON.stringify({ bench: 'kill', machine: machine(), ...result }))
if (result.lost > 0 || result.quarantined > 0 || result.doubled > 0 || result.mailsTwice > 0 || result.personsTwice > 0)
  process.exitCode = 1
