import { contactPrices, jointReach, reachBounds, vehicleReach } from '@einklang/stats'
import { type Call, Misuse } from '../command.ts'
import { columnOf, countIn, readCsv } from './csv.ts'

/** Reach and frequency of a media plan, vehicle by vehicle and together. */
export function reachRun(call: Call, path: string): object {
  const file = readCsv(path)
  const at = (name: string) => columnOf(file, path, name)
  const [vehicle, one, insertions, population, cost] = [
    at('vehicle'),
    at('reach_1'),
    at('insertions'),
    at('population'),
    at('cost'),
  ]
  const two = file.header.indexOf('reach_2')
  const rows: { vehicle: string; population: number; cost: number; answer: ReturnType<typeof vehicleReach> }[] = []
  file.each((cells, row) => {
    const number = (place: number, name: string) => countIn(path, row, name, cells[place] as string)
    const reach = number(one, 'reach_1')
    if (!(reach > 0 && reach <= 1))
      throw new Misuse(`${path}, row ${row}, reach_1: ${reach} is no share above 0 and up to 1.`, 'Write 30 % as 0.3.')
    const times = number(insertions, 'insertions')
    if (!Number.isInteger(times) || times > 10_000)
      throw new Misuse(`${path}, row ${row}, insertions: ${times} is no whole number up to 10,000.`)
    const people = number(population, 'population')
    if (people === 0) throw new Misuse(`${path}, row ${row}, population: nobody can be reached.`)
    const second = two < 0 || (cells[two] as string).trim() === '' ? null : number(two, 'reach_2')
    rows.push({
      vehicle: cells[vehicle] as string,
      population: people,
      cost: number(cost, 'cost'),
      answer: vehicleReach({ reachOfOne: reach, reachOfTwo: second, insertions: times }),
    })
  })
  if (rows.length === 0) throw new Misuse(`${path} has a header but no rows.`)
  const answers = rows.map(({ answer }) => answer)
  const same = rows.every(({ population: people }) => people === rows[0]?.population)
  const joint = same ? jointReach(answers) : null
  const lines = rows.map(({ vehicle: name, population: people, cost: paid, answer }) => {
    const { contacts: chances, ...figures } = answer
    return { vehicle: name, ...figures, ...contactPrices(paid, answer.grp, people), chances: [...chances] }
  })
  for (const line of lines)
    call.show(
      `${line.vehicle.padEnd(24)} reach ${share(line.reach)}  3+ ${share(line.effective)}  frequency ${line.frequency.toFixed(2)}  GRP ${line.grp.toFixed(0)}${line.assumed === null ? '' : `  (${line.assumed})`}`,
    )
  if (joint !== null)
    call.show(
      `${'together'.padEnd(24)} reach ${share(joint.reach)}  3+ ${share(joint.effective)}  frequency ${joint.frequency.toFixed(2)}  GRP ${joint.grp.toFixed(0)}  (${joint.assumed})`,
    )
  else call.tell('The vehicles have different populations, so they are not added up.')
  return {
    vehicles: lines,
    together: joint && { ...joint, contacts: [...joint.contacts] },
    bounds: same ? reachBounds(answers.map(({ reach }) => reach)) : null,
  }
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`
}
