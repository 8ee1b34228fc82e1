import { shortHash } from '@einklang/platform'

/** 52 bits that tell a repeat from a re-used id: two contents of one sender under one id. */
export function contentHash(text: string): number {
  return shortHash(text, 52)
}
