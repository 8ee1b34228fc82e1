import type { PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'

/** Orders stay as bookkeeping without anybody behind them; carts go. */
export async function erasePersons(tx: Database, persons: PersonId[]): Promise<number> {
  const orders = await tx.run`update commerce.purchase set person = null where person = any(${persons})`
  const refunds = await tx.run`update commerce.refund set person = null where person = any(${persons})`
  const carts = await tx.run`delete from commerce.cart where person = any(${persons})`
  return orders + refunds + carts
}
