// What to say of a sample that is a row of a table: the columns in which it differs most from the others.
import type { FeatureDescription } from "@tabgrad/core";
import { decimal } from "../shared/format.ts";
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

/** "age 71.00", "colour=red". */
export interface Trait {
  readonly name: string;
  /** Absent where the name says it all. */
  readonly value?: string;
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
  // Of a column of kinds, only the kind that the row has says something.
  const isKind = (i: number): boolean => named(i).includes("=");
  return Array.from(values, (_, i) => i)
    .filter((i) => !isKind(i) || values[i] === 1)
    .sort((a, b) => distance(b) - distance(a))
    .slice(0, most)
    .map((i) => (isKind(i) ? { name: named(i) } : { name: named(i), value: tidy(values[i]) }));
}

/** Whole numbers as they are. */
export const tidy = (value: number): string => (Number.isInteger(value) ? String(value) : decimal(value));
