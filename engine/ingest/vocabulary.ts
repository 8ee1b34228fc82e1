/** Segment's e-commerce (v2) and e-mail vocabulary; other names stay as they are. */
const known = [
  'Products Searched',
  'Product List Viewed',
  'Product List Filtered',
  'Promotion Viewed',
  'Promotion Clicked',
  'Product Clicked',
  'Product Viewed',
  'Product Added',
  'Product Removed',
  'Cart Viewed',
  'Checkout Started',
  'Checkout Step Viewed',
  'Checkout Step Completed',
  'Payment Info Entered',
  'Order Completed',
  'Order Updated',
  'Order Cancelled',
  'Order Refunded',
  'Coupon Entered',
  'Coupon Applied',
  'Coupon Denied',
  'Coupon Removed',
  'Product Added to Wishlist',
  'Product Removed from Wishlist',
  'Wishlist Product Added to Cart',
  'Product Shared',
  'Cart Shared',
  'Product Reviewed',
  'Email Delivered',
  'Email Opened',
  'Email Link Clicked',
  'Email Bounced',
  'Email Marked as Spam',
  'Unsubscribed',
  'Segment Consent Preference Updated',
]

const canonical = new Map(known.map((name) => [folded(name), name]))
const answers = new Map<string, string>()

function folded(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
    .trim()
}

/** `order_completed`, `ORDER COMPLETED` → `Order Completed`; a name nobody specified is returned as it came. */
export function eventName(name: string): string {
  const remembered = answers.get(name)
  if (remembered !== undefined) return remembered
  const answer = canonical.get(folded(name)) ?? name
  // Names come from outside: without a bound, a hostile sender would fill the memory.
  if (answers.size < 2000) answers.set(name, answer)
  return answer
}

export const consentStatement = 'Segment Consent Preference Updated'
