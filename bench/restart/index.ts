/**
 * `einklang bench restart [RESTARTS]`: servers take the house over from each other while clients call; counts the calls that
 * failed and the events that were lost or stored twice. Linux only: it needs shared ports.
 */
import { machine } from '../served.ts'
import { rollingRestarts } from './rolling.ts'

const result = await rollingRestarts({ restarts: Number(process.argv[2] ?? 10), clients: 16 })
console.log(JSON.stringify({ bench: 'restart', machine: machine(), ...result }))
if (Object.keys(result.failed).length > 0 || result.lost + result.doubled > 0) process.exitCode = 1
