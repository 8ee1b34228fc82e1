import type { Draws } from '../numbers/chance.ts'

/** What is known of one choice: so many tries, sum and squares of what they brought (0/1 or amounts). */
export type ChoiceSums = { tries: number; sum: number; squares: number }

export type Standing = { best: number[]; expectedLoss: number[]; mean: number[] }

/**
 * One draw of what a choice might be worth: beta for 0/1 outcomes (uniform prior), normal around the mean for amounts
 * (flat prior; unknown variance after fewer than two tries counts as wide).
 */
function worthDraw(
  { tries, sum, squares }: ChoiceSums,
  kind: 'share' | 'amount',
  draws: Draws,
  spread: number,
): number {
  if (kind === 'share') return draws.beta(1 + sum, 1 + tries - sum)
  if (tries < 2) return spread * draws.normal() * 3
  const variance = Math.max(0, (squares - (sum * sum) / tries) / (tries - 1))
  return sum / tries + draws.normal() * Math.sqrt((variance || spread * spread) / tries)
}

/**
 * Thompson sampling (1933): choose as often as the choice may be the best one. Good choices win quickly, doubtful ones
 * keep being tried.
 */
export function chooseByThompson(choices: readonly ChoiceSums[], kind: 'share' | 'amount', draws: Draws): number {
  const spread = spreadOf(choices)
  let best = 0
  let most = Number.NEGATIVE_INFINITY
  choices.forEach((choice, index) => {
    const worth = worthDraw(choice, kind, draws, spread)
    if (worth > most) {
      most = worth
      best = index
    }
  })
  return best
}

/** Share of further tries that each choice should get, its chance to be the best, and what is lost if it is not. */
export function standingOf(
  choices: readonly ChoiceSums[],
  kind: 'share' | 'amount',
  draws: Draws,
  samples = 10_000,
): Standing {
  const best = choices.map(() => 0)
  const expectedLoss = choices.map(() => 0)
  const mean = choices.map(() => 0)
  const spread = spreadOf(choices)
  for (let sample = 0; sample < samples; sample++) {
    const worth = choices.map((choice) => worthDraw(choice, kind, draws, spread))
    const most = Math.max(...worth)
    best[worth.indexOf(most)] = (best[worth.indexOf(most)] as number) + 1 / samples
    worth.forEach((value, index) => {
      expectedLoss[index] = (expectedLoss[index] as number) + (most - value) / samples
      mean[index] = (mean[index] as number) + value / samples
    })
  }
  return { best, expectedLoss, mean }
}

/** Old evidence fades: with memory .99 a try of yesterday counts .99 today. Keeps up with a world that changes. */
export function faded(choice: ChoiceSums, memory: number): ChoiceSums {
  return { tries: choice.tries * memory, sum: choice.sum * memory, squares: choice.squares * memory }
}

function spreadOf(choices: readonly ChoiceSums[]): number {
  let [tries, sum, squares] = [0, 0, 0]
  for (const choice of choices) {
    tries += choice.tries
    sum += choice.sum
    squares += choice.squares
  }
  return tries < 2 ? 1 : Math.sqrt(Math.max(1e-12, (squares - (sum * sum) / tries) / (tries - 1)))
}
