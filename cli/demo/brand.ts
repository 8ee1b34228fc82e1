import { api } from '@einklang/contract'
import type { Reached } from '../connect.ts'

/** Who writes to the customers of the demo: the shoe retailer. What somebody has changed in the console stays. */
export async function introduceRetailer({ client }: Reached): Promise<void> {
  const brand = await client.call(api.governance.brand)
  if (!brand.senderEmail.endsWith('@localhost')) return
  await client.call(api.governance.changeBrand, {
    body: {
      name: 'Schuhhaus',
      senderName: 'Schuhhaus',
      senderEmail: 'service@schuhhaus.example',
      imprint: 'Schuhhaus GmbH\nHohe Straße 1, 50667 Köln\nGeschäftsführung: Erika Muster\nservice@schuhhaus.example',
      colour: '#0f766e',
      language: 'de',
      shopUrl: 'https://www.schuhhaus.example/',
    },
  })
}
