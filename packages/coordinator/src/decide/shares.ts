// Who gets how many microbatches: such that all are expected to be done at the same time, and steady, so that workers keep the shards
// they hold.
import { averagePace, duration, type Pace } from "./pace.ts";

/** Shares stay as they are unless others promise to end the step earlier by more than this part of it; noise would move shards about. */
const hysteresis = 0.1;
/** Nobody waits for a worker whose one microbatch makes a step longer by more than this part of it. */
export const tolerance = 0.25;

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
  const average = averagePace(paces) ?? { overhead: 0, perSample: 1 };
  const known = paces.map((pace) => pace ?? average);
  const best = earliestEnd(total, samples, known, leastShares(total, samples, paces, known));
  const comparable = previous?.length === paces.length && previous.reduce((a, b) => a + b, 0) === total;
  return comparable && end(previous, samples, known) <= (1 + hysteresis) * end(best, samples, known) ? [...previous] : best;
}

/**
 * One microbatch for everybody, if there are so many, since who computes nothing is not measured: but none for those that would be
 * waited for.
 */
function leastShares(total: number, samples: number, paces: readonly (Pace | undefined)[], known: readonly Pace[]): number[] {
  const nothing = paces.map(() => 0);
  if (total < paces.length) return nothing;
  const soonest = end(earliestEnd(total, samples, known, nothing), samples, known);
  return paces.map((pace) => (pace && duration(samples, pace) > (1 + tolerance) * soonest ? 0 : 1));
}

/**
 * From `least` on, one microbatch after another to whoever would be done with it first: for equal jobs on machines of different speed,
 * no other division ends earlier.
 */
function earliestEnd(total: number, samples: number, paces: readonly Pace[], least: readonly number[]): number[] {
  const counts = [...least];
  for (let given = least.reduce((a, b) => a + b, 0); given < total; given++) {
    let first = 0;
    for (let i = 1; i < paces.length; i++) {
      if (duration((counts[i] + 1) * samples, paces[i]) < duration((counts[first] + 1) * samples, paces[first])) first = i;
    }
    counts[first]++;
  }
  return counts;
}

/** When the last one would be done where everybody does what is best. */
export const soonestEnd = (total: number, samples: number, paces: readonly Pace[]): number =>
  end(
    earliestEnd(
      total,
      samples,
      paces,
      paces.map(() => 0),
    ),
    samples,
    paces,
  );

/** When the last worker would be done. A worker without a share is not waited for. */
const end = (counts: readonly number[], samples: number, paces: readonly Pace[]): number =>
  Math.max(...counts.map((count, i) => (count === 0 ? 0 : duration(count * samples, paces[i]))));

/** Cuts `items` into runs of the given lengths. */
export function cut<T>(items: readonly T[], lengths: readonly number[]): T[][] {
  let begin = 0;
  return lengths.map((length) => items.slice(begin, (begin += length)));
}
