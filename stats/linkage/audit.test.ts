import { expect, test } from 'vitest'
import { auditClusters } from './audit.ts'

/** Records by letter; `ab bc` links a with b and b with c. All are one cluster. */
function audited(records: string, links: string) {
  const pairs = new Set(links.split(' ').flatMap((pair) => [pair, pair.split('').reverse().join('')]))
  const letters = records.split('')
  const found = auditClusters(new Uint32Array(letters.length), (one, other) =>
    pairs.has(`${letters[one]}${letters[other]}`),
  )
  return found.map(({ kinds, bridges, density, diameter }) => ({
    kinds,
    bridges: bridges.map((pair) => pair.map((record) => letters[record]).join('')),
    density,
    diameter,
  }))
}

test('two pairs on one link hang on a bridge; a leaf does not', () => {
  expect(audited('abcd', 'ab bc cd')).toEqual([{ kinds: ['bridge'], bridges: ['bc'], density: 0.5, diameter: 3 }])
  expect(audited('abcd', 'ab bc ca cd')).toEqual([])
})

test('two families on one link, and a chain', () => {
  expect(audited('abcdef', 'ab bc ca cd de ef fd')).toEqual([
    { kinds: ['bridge', 'sparse'], bridges: ['cd'], density: 7 / 15, diameter: 3 },
  ])
  expect(audited('abcde', 'ab bc cd de ea')).toEqual([])
  const [chain] = audited('abcdefgh', 'ab bc cd de ef fg gh ha')
  expect(chain).toMatchObject({ kinds: ['sparse', 'long'], bridges: [], diameter: 4 })
})

test('everybody linked with everybody is no finding, however many', () => {
  expect(auditClusters(new Uint32Array(300), () => true)).toEqual([])
})

test('removing a bridge parts its cluster, and no other link does', () => {
  // Every graph of six records with up to fifteen links, sampled by its number.
  for (let number = 1; number < 32_768; number += 37) {
    const linked = new Set<string>()
    let bit = 0
    for (let one = 0; one < 6; one++)
      for (let other = one + 1; other < 6; other++) if (number & (1 << bit++)) linked.add(`${one}${other}`)
    const reach = (start: number, without: string) => {
      const seen = new Set([start])
      for (const node of seen)
        for (const key of linked) {
          if (key === without || !key.includes(String(node))) continue
          seen.add(Number(key.replace(String(node), '')))
        }
      return seen.size
    }
    const found = auditClusters(new Uint32Array(6), (one, other) => linked.has(`${one}${other}`))
    const bridges = new Set(
      found.flatMap((one) => one.bridges.map((pair) => [...pair].toSorted((one, other) => one - other).join(''))),
    )
    for (const key of linked) {
      const [one, other] = [Number(key[0]), Number(key[1])]
      const [left, right] = [reach(one, key), reach(other, key)]
      const parts = left + right === reach(one, '') && left !== reach(one, '') && left >= 2 && right >= 2
      expect([number, key, bridges.has(key)]).toEqual([number, key, parts])
    }
  }
})
