import { collectPaths, type Paths } from '@einklang/stats'
import { Misuse } from '../command.ts'
import { type CsvFile, columnOf, countIn, currencyIn, instantIn, readCsv } from './csv.ts'

const dayMs = 86_400_000

/** Paths of a file in either form, told apart by their columns. */
export function readPaths(path: string, separator: string): Paths {
  const file = readCsv(path)
  if (file.header.includes('path')) return aggregated(file, path, separator)
  if (file.header.includes('channel')) return longForm(file, path)
  throw new Misuse(
    `${path} has neither a column path nor a column channel.`,
    `Use path,total_conversions,total_conversion_value,total_null or person,time,channel,conversion,value; its columns are ${file.header.join(', ')}.`,
  )
}

function aggregated(file: CsvFile, path: string, separator: string): Paths {
  const way = columnOf(file, path, 'path')
  const conversions = columnOf(file, path, 'total_conversions')
  const value = file.header.indexOf('total_conversion_value')
  const nulls = file.header.indexOf('total_null')
  const mark = separator.trim()
  const collector = collectPaths()
  // Names repeat in millions of touches: one look-up by the raw piece, trimmed once.
  const known = new Map<string, number>()
  const money = currencyIn(file, path)
  file.each((cells, row) => {
    money.see(cells, row)
    const text = cells[way] as string
    for (const piece of text.split(mark)) {
      let channel = known.get(piece)
      if (channel === undefined) {
        const name = piece.trim()
        if (name === '') {
          if (text.trim() === '') continue
          throw new Misuse(
            `${path}, row ${row}, path: an empty step in "${text}".`,
            'Is the separator right? See --separator.',
          )
        }
        channel = collector.channel(name)
        known.set(piece, channel)
      }
      collector.touch(channel)
    }
    collector.row(
      countIn(path, row, 'total_conversions', cells[conversions] as string),
      value < 0 ? 0 : countIn(path, row, 'total_conversion_value', cells[value] as string),
      nulls < 0 ? 0 : countIn(path, row, 'total_null', cells[nulls] as string),
    )
  })
  money.refuse()
  return collector.paths()
}

type Touch = { time: number; row: number; channel: number; conversion: number; value: number }

/** One touch a row: a person's touches in order of time, split after every conversion; the rest is a path without one. */
function longForm(file: CsvFile, path: string): Paths {
  const column = (name: string) => columnOf(file, path, name)
  const [person, time, channel, conversion] = [
    column('person'),
    column('time'),
    column('channel'),
    column('conversion'),
  ]
  const value = file.header.indexOf('value')
  const collector = collectPaths({ withAges: true })
  const persons = new Map<string, Touch[]>()
  const money = currencyIn(file, path)
  file.each((cells, row) => {
    money.see(cells, row)
    const name = (cells[channel] as string).trim()
    if (name === '') throw new Misuse(`${path}, row ${row}, channel: it is empty.`)
    const touch: Touch = {
      time: instantIn(path, row, 'time', cells[time] as string),
      row,
      channel: collector.channel(name),
      conversion: countIn(path, row, 'conversion', cells[conversion] as string),
      value: value < 0 || cells[value] === '' ? 0 : countIn(path, row, 'value', cells[value] as string),
    }
    const known = persons.get(cells[person] as string)
    if (known) known.push(touch)
    else persons.set(cells[person] as string, [touch])
  })
  money.refuse()
  for (const touches of persons.values()) {
    touches.sort((left, right) => left.time - right.time || left.row - right.row)
    let start = 0
    for (let at = 0; at < touches.length; at++) {
      const last = touches[at] as Touch
      if (last.conversion === 0 && at < touches.length - 1) continue
      for (const touch of touches.slice(start, at + 1)) collector.touch(touch.channel, (last.time - touch.time) / dayMs)
      collector.row(last.conversion, last.conversion > 0 ? last.value : 0, last.conversion > 0 ? 0 : 1)
      start = at + 1
    }
  }
  return collector.paths()
}
