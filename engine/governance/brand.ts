import type { api } from '@einklang/contract'
import { type Config, type Database, derivedId } from '@einklang/platform'

export type Brand = api.governance.Brand

/** The brand as set in the console; before that, what the configuration says. */
export async function readBrand(database: Database, config: Config): Promise<Brand> {
  const row = await database.row<Brand>`
    select name, sender_name as "senderName", sender_email as "senderEmail", imprint, colour, language, shop_url as "shopUrl"
    from governance.brand`
  return row ?? unsetBrand(config)
}

function unsetBrand({ mailFrom, languages }: Config): Brand {
  const [, senderName, bracketed] = /^\s*"?([^"<]*?)"?\s*<([^>]+)>\s*$/.exec(mailFrom) ?? []
  const name = senderName || 'Einklang'
  return {
    name,
    senderName: name,
    senderEmail: bracketed ?? mailFrom,
    imprint: '',
    colour: '#1d4ed8',
    language: languages[0] ?? 'en',
    shopUrl: null,
  }
}

export async function writeBrand(tx: Database, brand: Brand): Promise<Brand> {
  await tx.run`
    insert into governance.brand (id, name, sender_name, sender_email, imprint, colour, language, shop_url)
    values (${derivedId('brand', 'only')}, ${brand.name}, ${brand.senderName}, ${brand.senderEmail}, ${brand.imprint},
      ${brand.colour.toLowerCase()}, ${brand.language}, ${brand.shopUrl ?? null})
    on conflict (id) do update set name = excluded.name, sender_name = excluded.sender_name,
      sender_email = excluded.sender_email, imprint = excluded.imprint, colour = excluded.colour, language = excluded.language,
      shop_url = excluded.shop_url`
  return { ...brand, colour: brand.colour.toLowerCase(), shopUrl: brand.shopUrl ?? null }
}
