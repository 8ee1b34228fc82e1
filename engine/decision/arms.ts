import { chanceFrom } from '@einklang/platform'

/** Everybody's place in the experiment that leaves a few persons without any campaign. */
export const globalHoldout = 'holdout/global'

export function journeyHoldout(journey: string): string {
  return `holdout/${journey}`
}

export function splitOf(journey: string, node: string): string {
  return `split/${journey}/${node}`
}

/** The arm of a person: the same experiment and person always draw the same, whatever else is drawn. */
export function drawArm(experiment: string, person: string, arms: { name: string; share: number }[]): string {
  const draw = chanceFrom('decision.arm', experiment, person).next()
  let sum = 0
  for (const arm of arms) {
    sum += arm.share
    if (draw < sum) return arm.name
  }
  // Shares that add up to 0.999… leave a sliver; it belongs to the last arm.
  return arms.at(-1)?.name ?? 'treated'
}

export function drawHoldout(experiment: string, person: string, share: number): 'held out' | 'treated' {
  return drawArm(experiment, person, [
    { name: 'held out', share },
    { name: 'treated', share: 1 - share },
  ]) as 'held out' | 'treated'
}
