// How the values of a tensor are spread, for people to look at: counts in bins of equal width.
import type { Histogram } from "@tabgrad/core";

export const histogramBins = 48;
/** Of a tensor with more values than these, so many at equal distances are counted: the picture is the same, and the cost has a bound. */
export const histogramValues = 65_536;

/**
 * Counts values in 48 bins of equal width over their range; all go into the middle one where they are equal. Of more than 65,536
 * values only that many are counted, at equal distances from each other; their range, mean and deviation are those of what is
 * counted.
 * @param values at least one; all finite
 * @param scale what each value is multiplied with
 */
export function histogram(values: Float32Array, scale = 1): Histogram {
  const sample = sampled(values, scale);
  const count = sample.length;
  let least = Infinity;
  let most = -Infinity;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const value = sample[i];
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
  }
  const mean = sum / count;
  const bins = new Uint32Array(histogramBins);
  const binsPerUnit = histogramBins / (most - least);
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const value = sample[i];
    squares += (value - mean) * (value - mean);
    if (most > least) bins[Math.min(histogramBins - 1, Math.floor((value - least) * binsPerUnit))]++;
  }
  if (most === least) bins[histogramBins / 2] = count;
  return { least, most, counts: Array.from(bins), mean, deviation: Math.sqrt(squares / count) };
}

/** A copy in float64, so that the sums are exact enough. */
function sampled(values: Float32Array, scale: number): Float64Array {
  const count = Math.min(values.length, histogramValues);
  const distance = values.length / count;
  const sample = new Float64Array(count);
  for (let i = 0; i < count; i++) sample[i] = scale * values[Math.floor(i * distance)];
  return sample;
}
