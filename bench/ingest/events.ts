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
 * Requests of `size` events each that differ in the ids of their events alone, for a generator that must cost less than
 * what it measures: the bytes are made once, a number of twelve digits is written over at its places.
 */
export function stampedRequests(size: number, of: (batch: object[]) => Buffer): (index: number) => Buffer {
  const digits = 12
  const blank = '#'.repeat(digits)
  const forms = Array.from({ length: 100 }, (_, form) => {
    const bytes = of(
      Array.from({ length: size }, (_, at) => ({
        ...shopEvent(form * size + at),
        messageId: `bench-${at}-${blank}`,
      })),
    )
    const places: number[] = []
    for (let at = bytes.indexOf(blank); at >= 0; at = bytes.indexOf(blank, at + digits)) places.push(at)
    return { bytes, places }
  })
  return (index) => {
    const { bytes, places } = forms[index % forms.length] as (typeof forms)[number]
    const request = Buffer.from(bytes)
    const number = String(index).padStart(digits, '0')
    for (const place of places) request.write(number, place, 'latin1')
    return request
  }
}
