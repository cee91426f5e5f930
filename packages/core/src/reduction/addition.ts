// What is summed along the tree: gradients in float32, each addition rounded once, and the sums of losses and metrics in float64.
import type { Sums } from "../engine/engine.ts";

/** left ← left + right, value by value. Both have the same length. */
export function addInto(left: Float32Array, right: Float32Array): void {
  if (right.length !== left.length) throw new RangeError(`${right.length} values to add to ${left.length}`);
  // A double has more than twice the digits of a float32, so that rounding its sum to float32 is the float32 addition (Figueroa 1995).
  for (let i = 0; i < left.length; i++) left[i] += right[i];
}

/** left + right. Both have the same number of metrics. */
export function addSums(left: Sums, right: Sums): Sums {
  return {
    samples: left.samples + right.samples,
    lossSum: left.lossSum + right.lossSum,
    metricSums: left.metricSums.map((sum, i) => sum + right.metricSums[i]),
  };
}
