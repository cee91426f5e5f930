// Which checkpoints stay: the newest, and the one that did best on the held-out samples.

export interface Retained {
  readonly step: number;
  /** On the held-out samples, with the parameters of this very step; undefined where that was not measured. */
  readonly loss?: number;
}

/** The one with the lowest loss, of equal ones the newest; undefined where none was evaluated. */
export function bestOf<T extends Retained>(checkpoints: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const one of checkpoints) {
    if (one.loss === undefined || !Number.isFinite(one.loss)) continue;
    if (best?.loss === undefined || one.loss < best.loss || (one.loss === best.loss && one.step > best.step)) best = one;
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
