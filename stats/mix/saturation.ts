import type { SaturationKind } from './spec.ts'

/**
 * Share of the possible effect that is reached at `x`; one half at `half`. Hill: xˢ / (xˢ + halfˢ), S-shaped for
 * slopes above 1. Logistic: (1 − e^(−λx)) / (1 + e^(−λx)) with λ = ln 3 / half. None: x itself.
 */
export function saturate(kind: SaturationKind, x: number, half: number, slope: number): number {
  if (kind === 'none') return x
  if (x <= 0) return 0
  if (kind === 'hill') return 1 / (1 + Math.exp(-slope * Math.log(x / half)))
  const fade = Math.exp((-logThree * x) / half)
  return (1 - fade) / (1 + fade)
}

/** Slope of the saturation by `x`. */
export function saturateSlope(kind: SaturationKind, x: number, half: number, slope: number): number {
  if (kind === 'none') return 1
  if (kind === 'hill') {
    if (x <= 0) return slope === 1 ? 1 / half : slope > 1 ? 0 : Infinity
    const reached = saturate(kind, x, half, slope)
    return (reached * (1 - reached) * slope) / x
  }
  const reached = saturate(kind, Math.max(0, x), half, slope)
  return ((1 - reached * reached) * logThree) / (2 * half)
}

export const logThree = 1.0986122886681098
