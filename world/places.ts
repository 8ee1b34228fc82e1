import type { Purpose, Stream } from './chance.ts'

/** A region of demand and of media: a city with its surroundings. */
export type Geo = {
  index: number
  code: string
  name: string
  /** Share of the retailer's customers who live here. */
  weight: number
  towns: { name: string; postcodes: string[]; weight: number }[]
}

export type Store = {
  index: number
  /** Public code, e.g. `F03`. */
  code: string
  name: string
  geo: number
  street: string
  postcode: string
  city: string
  latitude: number
  longitude: number
  /** Wave of the stepped wedge (1 …) and the week in which the store joins. */
  wave: number
  joins: number
  windows1252: boolean
  tablet: boolean
  /** Weeks in which the store stays closed (refurbishing, water damage). */
  closedWeeks: number[]
  /** Opening hours, local: [from, until) of Monday–Friday and of Saturday. */
  hours: { week: readonly [number, number]; saturday: readonly [number, number] }
}

const frame: readonly [string, string, number, [string, string, number][]][] = [
  [
    'K',
    'Köln',
    0.24,
    [
      ['Köln', '50667 50733 50823 50931 51063 51103', 10],
      ['Leverkusen', '51373 51375', 2],
      ['Bonn', '53111 53113', 2],
      ['Brühl', '50321', 1],
      ['Hürth', '50354', 1],
    ],
  ],
  [
    'D',
    'Düsseldorf',
    0.15,
    [
      ['Düsseldorf', '40210 40213 40474 40549 40591', 9],
      ['Neuss', '41460 41462', 2],
      ['Ratingen', '40878', 1],
      ['Meerbusch', '40667', 1],
    ],
  ],
  [
    'E',
    'Essen',
    0.12,
    [
      ['Essen', '45127 45130 45219 45276', 8],
      ['Mülheim an der Ruhr', '45468', 2],
      ['Oberhausen', '46045', 2],
    ],
  ],
  [
    'DO',
    'Dortmund',
    0.12,
    [
      ['Dortmund', '44135 44137 44263 44339', 8],
      ['Hagen', '58095', 2],
      ['Schwerte', '58239', 1],
      ['Lünen', '44532', 1],
    ],
  ],
  [
    'BO',
    'Bochum',
    0.1,
    [
      ['Bochum', '44787 44791 44801 44866', 7],
      ['Herne', '44623', 2],
      ['Witten', '58452', 1],
      ['Gelsenkirchen', '45879', 2],
    ],
  ],
  [
    'MS',
    'Münster',
    0.1,
    [
      ['Münster', '48143 48147 48153 48163', 8],
      ['Greven', '48268', 1],
      ['Telgte', '48291', 1],
    ],
  ],
  [
    'BI',
    'Bielefeld',
    0.09,
    [
      ['Bielefeld', '33602 33604 33615 33719', 7],
      ['Gütersloh', '33330', 2],
      ['Herford', '32049', 1],
    ],
  ],
  [
    'AC',
    'Aachen',
    0.08,
    [
      ['Aachen', '52062 52064 52066 52072', 7],
      ['Düren', '52349', 2],
      ['Eschweiler', '52249', 1],
    ],
  ],
]

export const geos: Geo[] = frame.map(([code, name, weight, towns], index) => ({
  index,
  code,
  name,
  weight,
  towns: towns.map(([town, postcodes, share]) => ({ name: town, postcodes: postcodes.split(' '), weight: share })),
}))

/** Street names that exist in nearly every town of the region; house numbers are random. */
export const streets =
  'Hauptstraße|Bahnhofstraße|Schulstraße|Gartenstraße|Kirchstraße|Bergstraße|Lindenstraße|Goethestraße|Schillerstraße|Mozartstraße|Beethovenstraße|Friedrichstraße|Wilhelmstraße|Mühlenweg|Am Markt|Rosenstraße|Birkenweg|Eichenweg|Buchenweg|Ahornweg|Kölner Straße|Düsseldorfer Straße|Aachener Straße|Dortmunder Straße|Münsterstraße|Bismarckstraße|Kaiserstraße|Königstraße|Marktstraße|Poststraße|Ringstraße|Talstraße|Waldstraße|Wiesenstraße|Feldstraße|Blumenstraße|Südstraße|Nordstraße|Weststraße|Oststraße|Parkstraße|Schloßstraße|Brückenstraße|Neue Straße|Lessingstraße|Uhlandstraße|Hohenzollernstraße|Luisenstraße|Augustastraße|Viktoriastraße|Rheinstraße|Ruhrallee|An der Kirche|Am Stadtpark|Im Grund|Zum Sportplatz|Grüner Weg|Dorfstraße|Amselweg|Finkenweg'.split(
    '|',
  )

const sites: readonly [string, string, string, string, number, number][] = [
  ['Köln Schildergasse', 'Schildergasse', '50667', 'Köln', 50.9364, 6.9528],
  ['Düsseldorf Schadowstraße', 'Schadowstraße', '40212', 'Düsseldorf', 51.2264, 6.7835],
  ['Essen Limbecker Straße', 'Limbecker Straße', '45127', 'Essen', 51.4573, 7.0087],
  ['Dortmund Westenhellweg', 'Westenhellweg', '44137', 'Dortmund', 51.5144, 7.4602],
  ['Bochum Kortumstraße', 'Kortumstraße', '44787', 'Bochum', 51.4806, 7.2188],
  ['Münster Ludgeristraße', 'Ludgeristraße', '48143', 'Münster', 51.9594, 7.6277],
  ['Bielefeld Bahnhofstraße', 'Bahnhofstraße', '33602', 'Bielefeld', 52.0246, 8.5325],
  ['Aachen Adalbertstraße', 'Adalbertstraße', '52062', 'Aachen', 50.7764, 6.0921],
  ['Köln Ehrenfeld', 'Venloer Straße', '50823', 'Köln', 50.9492, 6.9181],
]
const geoOfSite = [0, 1, 2, 3, 4, 5, 6, 7, 0]

/** Stores of a size: the nine sites, then further ones in the same cities. Join order is a seeded permutation. */
export function createStores(
  count: number,
  weeks: number,
  needs: { stream: Stream; order: Purpose; detail: Purpose },
): Store[] {
  const order = Array.from({ length: count }, (_, index) => index)
  const shuffle = needs.stream.open(needs.order, 0)
  for (let at = count - 1; at > 0; at--) {
    const other = shuffle.below(at + 1)
    ;[order[at], order[other]] = [order[other] as number, order[at] as number]
  }
  const middle = Math.floor(weeks / 2)
  const between = weeks >= 80 ? 3 : 1
  const perStep = Math.ceil(count / 9)
  return Array.from({ length: count }, (_, index) => {
    const site = sites[index % sites.length] as (typeof sites)[number]
    const detail = needs.stream.open(needs.detail, index)
    const wave = Math.floor(order.indexOf(index) / perStep) + 1
    const late = Math.floor(index / sites.length)
    const closedFrom = 4 + detail.below(Math.max(1, weeks - 10))
    return {
      index,
      code: `F${String(index + 1).padStart(count > 99 ? 3 : 2, '0')}`,
      name: late === 0 ? `Schuhhaus ${site[0]}` : `Schuhhaus ${site[3]} ${late + 1}`,
      geo: geoOfSite[index % sites.length] as number,
      street: late === 0 ? `${site[1]} ${1 + detail.below(120)}` : `${detail.pick(streets)} ${1 + detail.below(120)}`,
      postcode: site[2],
      city: site[3],
      latitude: Math.round((site[4] + late * 0.004) * 10_000) / 10_000,
      longitude: Math.round((site[5] + late * 0.006) * 10_000) / 10_000,
      wave,
      joins: middle + between * (wave - 1),
      windows1252: index % 3 === 1,
      tablet: index % 3 === 0,
      closedWeeks: weeks >= 52 && index % 9 < 6 ? [closedFrom] : [],
      hours: { week: [index % 2 === 0 ? 9.5 : 10, index % 9 < 2 ? 20 : 19], saturday: [10, index % 9 < 4 ? 19 : 18] },
    }
  })
}

/** The warehouse of the web shop, a place among places. */
export const warehouse = {
  code: 'WEB',
  name: 'Schuhhaus Online-Lager',
  street: 'Am Güterbahnhof 4',
  postcode: '58099',
  city: 'Hagen',
  latitude: 51.4046,
  longitude: 7.4718,
}
