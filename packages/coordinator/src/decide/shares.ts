// Who gets how many microbatches: in proportion to measured speed, and steady, so that workers keep the shards they hold.

/** A share moves only when the ideal is off by more than this many microbatches; below it, noise would move shards about. */
const hysteresis = 0.75;

/**
 * Divides `total` microbatches.
 * @param speeds one positive number for each worker, in any common unit; undefined for a worker that was not measured yet, which
 *   counts as an average one
 * @param previous the shares of the step before, if they were the same workers'
 * @returns whole numbers in the order of `speeds` that add up to `total`
 */
export function shares(total: number, speeds: readonly (number | undefined)[], previous?: readonly number[]): number[] {
  if (speeds.length === 0) return [];
  const measured = speeds.filter((speed) => speed !== undefined);
  const average = measured.length > 0 ? measured.reduce((sum, speed) => sum + speed, 0) / measured.length : 1;
  const known = speeds.map((speed) => speed ?? average);
  const sum = known.reduce((a, b) => a + b, 0);
  const ideal = known.map((speed) => (total * speed) / sum);
  const steady =
    previous?.length === speeds.length &&
    previous.reduce((a, b) => a + b, 0) === total &&
    previous.every((share, i) => Math.abs(share - ideal[i]) <= hysteresis);
  return steady ? [...previous] : largestRemainders(total, ideal);
}

/** Hamilton's method of apportionment: whole parts first, then one each to the largest remainders. */
function largestRemainders(total: number, ideal: readonly number[]): number[] {
  const whole = ideal.map(Math.floor);
  const left = total - whole.reduce((a, b) => a + b, 0);
  const order = ideal
    .map((share, i) => ({ i, remainder: share - whole[i] }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of order.slice(0, left)) whole[i]++;
  return whole;
}

/** Cuts `items` into runs of the given lengths. */
export function cut<T>(items: readonly T[], lengths: readonly number[]): T[][] {
  let begin = 0;
  return lengths.map((length) => items.slice(begin, (begin += length)));
}
