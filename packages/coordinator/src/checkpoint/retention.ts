// Which checkpoints stay: the newest, and the one that did best on the held-out samples by the run's goal.

export interface Retained {
  readonly step: number;
  /** How good the parameters of this very step are on the held-out samples, less being better; undefined where that was not measured. */
  readonly score?: number;
}

/** The one with the lowest score, of equal ones the newest; undefined where none was evaluated. */
export function bestOf<T extends Retained>(checkpoints: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const one of checkpoints) {
    if (one.score === undefined || !Number.isFinite(one.score)) continue;
    if (best?.score === undefined || one.score < best.score || (one.score === best.score && one.step > best.step)) best = one;
  }
  return best;
}

/** Those that are neither the best nor among the newest `keep`. */
export function surplus<T extends Retained>(checkpoints: readonly T[], keep: number): T[] {
  const best = bestOf(checkpoints);
  return [...checkpoints]
    .sort((a, b) => b.step - a.step)
    .slice(keep)
    .filter((one) => one !== best);
}
