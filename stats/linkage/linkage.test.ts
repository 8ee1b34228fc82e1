import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  chanceOf,
  clusteredQuality,
  clusterLinks,
  colognePhonetics,
  drawsFrom,
  editDistance,
  evidenceOf,
  fitLinkage,
  jaroWinkler,
  kinOf,
  type LinkageModel,
  oneSlip,
  type Patterns,
  type Prior,
  posteriorBits,
} from '../index.ts'

test('Jaro–Winkler and Levenshtein give the published values', () => {
  // Winkler (1990), table of examples.
  for (const [one, other, value] of [
    ['martha', 'marhta', 0.9611],
    ['dwayne', 'duane', 0.84],
    ['dixon', 'dicksonx', 0.8133],
  ] as const) {
    expect(jaroWinkler(one, other)).toBeCloseTo(value, 3)
  }
  expect(editDistance('kitten', 'sitting')).toBe(3)
  expect(editDistance('saturday', 'sunday')).toBe(3)
})

test('Kölner Phonetik gives the published codes', () => {
  // Postel (1969) and the examples in circulation since.
  for (const [name, code] of [
    ['mueller', '657'],
    ['muller', '657'],
    ['muellerluedenscheidt', '65752682'],
    ['breschnew', '17863'],
    ['wikipedia', '3412'],
  ] as const) {
    expect(colognePhonetics(name)).toBe(code)
  }
})

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 8 })
test('distances are symmetric, and one slip is what one edit or one swap of neighbours makes', () => {
  fc.assert(
    fc.property(word, word, (one, other) => {
      expect(jaroWinkler(one, other)).toBeCloseTo(jaroWinkler(other, one), 12)
      expect(editDistance(one, other)).toBe(editDistance(other, one))
      if (editDistance(one, other) <= 1) expect(oneSlip(one, other)).toBe(true)
      if (oneSlip(one, other)) expect(editDistance(one, other)).toBeLessThanOrEqual(2)
    }),
  )
  expect(oneSlip('anna', 'nana')).toBe(true)
  expect(oneSlip('abc', 'cba')).toBe(false)
})

/** Planted: matches agree with probability `m`, strangers with `u`, families in the shared field only. */
const planted = { match: [0.9, 0.85, 0.8], chance: [0.02, 0.05, 0.01], matchShare: 0.05, familyShare: 0.03 }

function drawn(pairs: number): { patterns: Patterns; start: LinkageModel; priors: Prior[] } {
  const draws = drawsFrom('planted pairs', 1)
  const counts = new Map<number, number>()
  for (let pair = 0; pair < pairs; pair++) {
    const kind = draws.uniform()
    const match = kind < planted.matchShare
    const family = !match && kind < planted.matchShare + planted.familyShare
    let pattern = 0
    planted.match.forEach((share, field) => {
      const agrees = draws.uniform() < (match || (family && field === 2) ? share : (planted.chance[field] as number))
      pattern += (agrees ? 1 : 2) * 3 ** field
    })
    counts.set(pattern, (counts.get(pattern) ?? 0) + 1)
  }
  const list = [...counts].sort((one, other) => one[0] - other[0])
  return {
    patterns: {
      fields: 3,
      levels: Uint8Array.from(
        list.flatMap(([pattern]) => [pattern % 3, Math.floor(pattern / 3) % 3, Math.floor(pattern / 9)]),
      ),
      counts: Float64Array.from(list, ([, count]) => count),
      teaches: Uint32Array.from(list, () => 7),
    },
    start: {
      matchShare: 0.02,
      familyShare: 0.01,
      fields: planted.chance.map((chance, field) => ({
        match: [1, 0.7, 0.3],
        chance: [1, chance, 1 - chance],
        family: field === 2 ? [1, 0.7, 0.3] : [1, chance, 1 - chance],
      })),
    },
    priors: planted.chance.map((_, field) => ({ match: [1, 0.7, 0.3], strength: 20, shared: field === 2 })),
  }
}

test('EM finds the planted shares within two points and never loses likelihood', () => {
  const { patterns, start, priors } = drawn(200_000)
  const fit = fitLinkage(patterns, start, priors, { most: 200, tolerance: 1e-6 })
  planted.match.forEach((share, field) => {
    expect(Math.abs((fit.model.fields[field]?.match[1] ?? 0) - share), `field ${field}`).toBeLessThan(0.02)
  })
  expect(Math.abs(fit.model.matchShare - planted.matchShare)).toBeLessThan(0.01)
  fit.logLikelihood.slice(1).forEach((value, round) => {
    // The prior may cost a trace of likelihood near the end.
    expect(value).toBeGreaterThan((fit.logLikelihood[round] as number) - 0.5)
  })
})

test('where random pairs show no strangers, EM learns how they stand', () => {
  const { patterns, start, priors } = drawn(200_000)
  // The second field begins with a wrong idea of strangers: half of them agree.
  const fields = start.fields.map((field, at) =>
    at === 1 ? { ...field, chance: [1, 0.5, 0.5], family: [1, 0.5, 0.5] } : field,
  )
  const learned = priors.map((prior, at) => (at === 1 ? { ...prior, chance: [1, 0.5, 0.5] } : prior))
  const fit = fitLinkage(patterns, { ...start, fields }, learned, { most: 200, tolerance: 1e-6 })
  expect(Math.abs((fit.model.fields[1]?.chance[1] ?? 0) - (planted.chance[1] as number))).toBeLessThan(0.005)
  expect(Math.abs((fit.model.fields[1]?.match[1] ?? 0) - (planted.match[1] as number))).toBeLessThan(0.02)
  // A field that strangers were seen in stays as it was seen.
  expect(fit.model.fields[0]?.chance).toEqual(start.fields[0]?.chance)
})

test('in a family some agree in a personal field as one person does', () => {
  expect(kinOf([1, 0.9, 0.1], [1, 0.01, 0.99], 0.02)[1]).toBeCloseTo(0.98 * 0.01 + 0.02 * 0.9, 12)
  expect(kinOf([1, 0.9, 0.1], [1, 0.01, 0.99])).toEqual([1, 0.01, 0.99])
})

test('a level never seen is bounded evidence', () => {
  const chance = chanceOf([0, 0, 1000], [1, 0.9, 0.1], 0)
  const model: LinkageModel = {
    matchShare: 0.01,
    familyShare: 0,
    fields: [{ match: [1, 1, 1e-9], family: [1, 1, 1e-9], chance }],
  }
  for (const bits of evidenceOf(model).match.flat()) expect(Math.abs(bits)).toBeLessThanOrEqual(24)
  expect(Number.isFinite(posteriorBits(model, 24, 24))).toBe(true)
})

test('an agreement that families share too does not make one person', () => {
  const model: LinkageModel = { matchShare: 0.001, familyShare: 0.01, fields: [] }
  const alone: LinkageModel = { ...model, familyShare: 0 }
  expect(posteriorBits(alone, 12, 12)).toBeGreaterThan(1)
  expect(posteriorBits(model, 12, 12)).toBeLessThan(0)
})

test('clusters do not depend on the order of links, hold no refused pair, and those of a higher threshold lie inside', () => {
  const links = fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.integer({ min: -20, max: 80 })), { maxLength: 40 })
  fc.assert(
    fc.property(links, fc.nat(1000), (drawn, seed) => {
      const unique = [
        ...new Map(
          drawn
            .filter(([a, b]) => a !== b)
            .map(([a, b, w]) => [`${Math.min(a, b)},${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b), w / 8]]),
        ).values(),
      ] as [number, number, number][]
      const linksOf = (list: [number, number, number][]) => ({
        left: Uint32Array.from(list, ([a]) => a),
        right: Uint32Array.from(list, ([, b]) => b),
        weight: Float64Array.from(list, ([, , w]) => w),
      })
      const apart = (a: number, b: number) => (a + b) % 7 === 0
      const may = (_link: number, one: number[], other: number[]) =>
        one.some((a) => other.some((b) => apart(a, b))) ? 'apart' : null
      const draws = drawsFrom('shuffle', seed)
      const shuffled = [...unique].sort(() => draws.uniform() - 0.5)
      const low = clusterLinks(12, linksOf(unique), 0, may)
      expect([...clusterLinks(12, linksOf(shuffled), 0, may).of]).toEqual([...low.of])
      const high = clusterLinks(12, linksOf(unique), 4, may)
      expect([...(clusterLinks(12, linksOf(unique), 0, may, [], [4]).marked[0] ?? [])]).toEqual([...high.of])
      for (let a = 0; a < 12; a++) {
        for (let b = a + 1; b < 12; b++) {
          if (high.of[a] === high.of[b]) expect(low.of[a]).toBe(low.of[b])
          if (low.of[a] === low.of[b]) expect(apart(a, b)).toBe(false)
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('clustered quality counts all pairs inside groups, or only those across inputs', () => {
  const quality = clusteredQuality([1, 1, 1, 2], ['a', 'a', 'b', 'b'])
  expect(quality).toMatchObject({ found: 3, true: 2, right: 1 })
  expect(clusteredQuality([1, 1, 2, 2], ['a', 'a', 'b', 'b'], [0, 1, 0, 0])).toMatchObject({
    found: 1,
    true: 1,
    right: 1,
  })
})
