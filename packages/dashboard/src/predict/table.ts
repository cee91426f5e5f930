// What to say of a sample that is a row of a table: the columns in which it differs most from the others.
import type { FeatureDescription } from "@tabgrad/core";
import { featuresOf, type SampleSet } from "./samples.ts";

/** Mean and standard deviation of each value over the samples. */
export interface ColumnStatistics {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

export function statisticsOf(samples: SampleSet): ColumnStatistics {
  const { count, featureElements } = samples;
  const mean = new Float64Array(featureElements);
  const deviation = new Float64Array(featureElements);
  for (let sample = 0; sample < count; sample++) featuresOf(samples, sample).forEach((value, i) => (mean[i] += value / count));
  for (let sample = 0; sample < count; sample++)
    featuresOf(samples, sample).forEach((value, i) => (deviation[i] += (value - mean[i]) ** 2 / count));
  return { mean, deviation: deviation.map(Math.sqrt) };
}

/** "age", "71"; of a column of kinds "colour", "red". */
export interface Trait {
  readonly name: string;
  readonly value: string;
}

/** The `most` columns in which a sample is furthest from the mean, in standard deviations. */
export function traitsOf(
  samples: SampleSet,
  sample: number,
  { names }: Pick<FeatureDescription, "names">,
  { mean, deviation }: ColumnStatistics,
  most: number,
): Trait[] {
  const values = featuresOf(samples, sample);
  const distance = (i: number): number => (deviation[i] > 0 ? Math.abs(values[i] - mean[i]) / deviation[i] : 0);
  const named = (i: number): string => names?.[i] ?? `value ${i + 1}`;
  // A column of kinds is a value for each kind, called "colour=red"; only the kind that the row has says something.
  const kindAt = (i: number): number => named(i).indexOf("=");
  const traitAt = (i: number): Trait =>
    kindAt(i) < 0
      ? { name: named(i), value: tidy(values[i]) }
      : { name: named(i).slice(0, kindAt(i)), value: named(i).slice(kindAt(i) + 1) };
  return Array.from(values, (_, i) => i)
    .filter((i) => kindAt(i) < 0 || values[i] === 1)
    .sort((a, b) => distance(b) - distance(a))
    .slice(0, most)
    .map(traitAt);
}

/** Four digits, and no zeros behind them. */
export const tidy = (value: number): string => String(Number(value.toPrecision(4)));
