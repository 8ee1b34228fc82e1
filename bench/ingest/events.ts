/** The n-th call of a made-up shop: nine of ten views of an article, one puts it into the cart. */
export function shopEvent(index: number, people = 10_000): object {
  return {
    type: 'track',
    messageId: `bench-${index}`,
    userId: `user-${index % people}`,
    event: index % 10 === 0 ? 'Product Added' : 'Product Viewed',
    timestamp: new Date().toISOString(),
    properties: {
      sku: `SKU-${index % 500}`,
      name: 'Ankle boot',
      price: 89.95,
      currency: 'EUR',
      quantity: 1,
      category: 'Boots',
    },
    context: { page: { url: 'https://shop.example/boots', path: '/boots' }, locale: 'de-DE' },
  }
}

/**
 * Requests of `size` events each that differ in the ids and times of their events alone, for a generator that must cost less
 * than what it measures: the bytes are made once; a number of twelve digits and the present are written over at their places.
 */
export function stampedRequests(size: number, of: (batch: object[]) => Buffer): (index: number) => Buffer {
  const number = '#'.repeat(12)
  const instant = '2000-01-01T00:00:00.000Z'
  const forms = Array.from({ length: 100 }, (_, form) => {
    const bytes = of(
      Array.from({ length: size }, (_, at) => ({
        ...shopEvent(form * size + at),
        messageId: `bench-${at}-${number}`,
        timestamp: instant,
      })),
    )
    return { bytes, numbers: placesOf(bytes, number), instants: placesOf(bytes, instant) }
  })
  return (index) => {
    const { bytes, numbers, instants } = forms[index % forms.length] as (typeof forms)[number]
    const request = Buffer.from(bytes)
    const digits = String(index).padStart(number.length, '0')
    for (const place of numbers) request.write(digits, place, 'latin1')
    const now = new Date().toISOString()
    for (const place of instants) request.write(now, place, 'latin1')
    return request
  }
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) places.push(at)
  return places
}
