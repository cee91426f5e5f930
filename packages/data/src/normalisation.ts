// The scale and shift that bring features into a range that trains well, taken from the training samples and from no others.
import type { FieldValues, Normalisation } from "@tabgrad/core";

/** x becomes x * scale + shift: one number for all features, or one for each. */
export interface ScaleAndShift {
  readonly scale: number | readonly number[];
  readonly shift: number | readonly number[];
}

interface Statistics {
  readonly mean: number;
  readonly deviation: number;
  readonly least: number;
  readonly greatest: number;
}

const identity = { scale: 1, shift: 0 };

/** Statistics of features `from` up to `to` of the samples in `order`. The standard deviation is that of the samples, divided by n. */
function statisticsOf(values: FieldValues, elements: number, order: ArrayLike<number>, from: number, to: number): Statistics {
  let sum = 0;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < order.length; i += 1) {
    const begin = order[i] * elements;
    for (let k = begin + from; k < begin + to; k += 1) {
      const value = values[k];
      sum += value;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
  }
  const count = order.length * (to - from);
  const mean = sum / count;
  // A second pass: the mean of squares minus the square of the mean would lose everything where the mean is large.
  let squares = 0;
  for (let i = 0; i < order.length; i += 1) {
    const begin = order[i] * elements;
    for (let k = begin + from; k < begin + to; k += 1) squares += (values[k] - mean) ** 2;
  }
  return { mean, deviation: Math.sqrt(squares / count), least, greatest };
}

/** A constant feature carries nothing and has no scale of its own: it is moved to 0 and not stretched. */
function scaleAndShift(method: "unit" | "standard", found: Statistics): { scale: number; shift: number } {
  if (found.least === found.greatest) return { scale: 1, shift: -found.least };
  if (method === "standard") return { scale: 1 / found.deviation, shift: -found.mean / found.deviation };
  const range = found.greatest - found.least;
  return { scale: 1 / range, shift: -found.least / range };
}

/**
 * The normalisation of features, stored `elements` a sample in `values`, from the samples in `order`.
 * @param columns one flag a feature: those that are true are scaled each on its own, the others not at all. Absent: all features are
 *   scaled alike, bytes by 1/255 under "unit".
 */
export function normalisationOf(
  values: FieldValues,
  elements: number,
  order: ArrayLike<number>,
  { method, columns }: { method: Normalisation; columns?: readonly boolean[] },
): ScaleAndShift {
  if (method === "none") return identity;
  if (!columns) {
    if (method === "unit" && values instanceof Uint8Array) return { scale: 1 / 255, shift: 0 };
    return scaleAndShift(method, statisticsOf(values, elements, order, 0, elements));
  }
  if (!columns.includes(true)) return identity;
  const each = columns.map((own, e) => (own ? scaleAndShift(method, statisticsOf(values, elements, order, e, e + 1)) : identity));
  return { scale: each.map(({ scale }) => scale), shift: each.map(({ shift }) => shift) };
}
