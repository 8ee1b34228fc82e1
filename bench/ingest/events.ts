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
