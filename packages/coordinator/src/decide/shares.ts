// Who gets how many microbatches: such that all are expected to be done at the same time, and steady, so that workers keep the shards
// they hold.

/** How long a worker takes for a share, as measured. */
export interface Pace {
  /** Milliseconds that do not depend on the share: parameters down, gradient up. */
  readonly overhead: number;
  /** Milliseconds of computing for a sample. */
  readonly perSample: number;
}

/** Shares stay as they are unless others promise to end the step earlier by more than this part of it; noise would move shards about. */
const hysteresis = 0.1;

/**
 * Divides microbatches of about equal size.
 * @param total how many there are
 * @param samples how many samples each has
 * @param paces one for each worker; undefined for a worker that was not measured yet, which counts as an average one
 * @param previous the shares of the step before, if they were the same workers'
 * @returns whole numbers in the order of `paces` that add up to `total`
 */
export function shares(
  total: number,
  samples: number,
  paces: readonly (Pace | undefined)[],
  previous?: readonly number[],
): number[] {
  if (paces.length === 0) return [];
  const average = averagePace(paces);
  const known = paces.map((pace) => pace ?? average);
  const best = earliestEnd(total, samples, known);
  const comparable = previous?.length === paces.length && previous.reduce((a, b) => a + b, 0) === total;
  return comparable && end(previous, samples, known) <= (1 + hysteresis) * end(best, samples, known) ? [...previous] : best;
}

/**
 * One microbatch for everybody, if there are so many: who computes nothing is not measured, and would be left out for ever. Then one
 * after another to whoever would be done with it first: for equal jobs on machines of different speed, no other division ends earlier.
 */
function earliestEnd(total: number, samples: number, paces: readonly Pace[]): number[] {
  const least = total >= paces.length ? 1 : 0;
  const counts = paces.map(() => least);
  for (let given = least * paces.length; given < total; given++) {
    let first = 0;
    for (let i = 1; i < paces.length; i++) {
      if (duration(counts[i] + 1, samples, paces[i]) < duration(counts[first] + 1, samples, paces[first])) first = i;
    }
    counts[first]++;
  }
  return counts;
}

/** Milliseconds that so many microbatches take. */
export const duration = (count: number, samples: number, { overhead, perSample }: Pace): number =>
  overhead + count * samples * perSample;

/** When the last worker would be done. A worker without a share is not waited for. */
const end = (counts: readonly number[], samples: number, paces: readonly Pace[]): number =>
  Math.max(...counts.map((count, i) => (count === 0 ? 0 : duration(count, samples, paces[i]))));

function averagePace(paces: readonly (Pace | undefined)[]): Pace {
  const measured = paces.filter((pace) => pace !== undefined);
  if (measured.length === 0) return { overhead: 0, perSample: 1 };
  const mean = (of: (pace: Pace) => number): number => measured.reduce((total, pace) => total + of(pace), 0) / measured.length;
  return { overhead: mean((pace) => pace.overhead), perSample: mean((pace) => pace.perSample) };
}

/** Cuts `items` into runs of the given lengths. */
export function cut<T>(items: readonly T[], lengths: readonly number[]): T[][] {
  let begin = 0;
  return lengths.map((length) => items.slice(begin, (begin += length)));
}
