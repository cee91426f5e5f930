// The scale and shift that bring features into a range that trains well, taken from the training samples and from no others, in one
// pass over them in the order of their files: it does not depend on how they come in blocks.
import { type Field, fieldElements, type FieldValues, type Normalisation } from "@tabgrad/core";

/** x becomes x * scale + shift: one number for all features, or one for each. */
export interface ScaleAndShift {
  readonly scale: number | readonly number[];
  readonly shift: number | readonly number[];
}

export interface NormalisationOptions {
  readonly method: Normalisation;
  /** One flag a feature: those that are true are scaled each on its own, the others not at all. Absent: all are scaled alike. */
  readonly columns?: readonly boolean[];
}

/** Statistics of one feature, or of all of them. `squares`: the sum of squared differences from the mean. */
interface Moments {
  count: number;
  mean: number;
  squares: number;
  least: number;
  greatest: number;
}

const none = (): Moments => ({ count: 0, mean: 0, squares: 0, least: Number.MAX_VALUE, greatest: -Number.MAX_VALUE });

/** Takes in a value. B. P. Welford: "Note on a Method for Calculating Corrected Sums of Squares and Products", 1962. */
function addValue(moments: Moments, value: number): void {
  moments.count += 1;
  const difference = value - moments.mean;
  moments.mean += difference / moments.count;
  moments.squares += difference * (value - moments.mean);
  if (value < moments.least) moments.least = value;
  if (value > moments.greatest) moments.greatest = value;
}

/**
 * Takes in the values `from` up to `to`, which have a mean and squares of their own. T. F. Chan, G. H. Golub, R. J. LeVeque: "Updating
 * Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
 */
function addValues(moments: Moments, values: FieldValues, from: number, to: number): void {
  let sum = 0;
  for (let i = from; i < to; i += 1) {
    const value = values[i];
    sum += value;
    if (value < moments.least) moments.least = value;
    if (value > moments.greatest) moments.greatest = value;
  }
  const count = to - from;
  const mean = sum / count;
  let squares = 0;
  for (let i = from; i < to; i += 1) squares += (values[i] - mean) ** 2;
  const all = moments.count + count;
  const difference = mean - moments.mean;
  moments.mean += (difference * count) / all;
  moments.squares += squares + difference * difference * ((moments.count * count) / all);
  moments.count = all;
}

/** A constant feature carries nothing and has no scale of its own: it is moved to 0 and not stretched. Never -0, which JSON lacks. */
function scaleAndShift(
  method: "unit" | "standard",
  { count, mean, squares, least, greatest }: Moments,
): { scale: number; shift: number } {
  if (least === greatest) return { scale: 1, shift: 0 - least };
  const [width, middle] = method === "standard" ? [Math.sqrt(squares / count), mean] : [greatest - least, least];
  return { scale: 1 / width, shift: 0 - middle / width };
}

/** What is known of the training samples so far. Its state is plain data, so that a reading that was cut off can go on. */
export class FeatureStatistics {
  readonly #elements: number;
  readonly #options: NormalisationOptions;
  /** Bytes go from 0 to 255, whatever the samples have. */
  readonly #fixed: ScaleAndShift | undefined;
  readonly #moments: Moments[];

  constructor(features: Field, options: NormalisationOptions, state?: FeatureStatistics["state"]) {
    const { method, columns } = options;
    this.#elements = fieldElements(features);
    this.#options = options;
    if (method === "none" || columns?.includes(true) === false) this.#fixed = { scale: 1, shift: 0 };
    else if (method === "unit" && !columns && features.storage === "uint8") this.#fixed = { scale: 1 / 255, shift: 0 };
    const length = this.#fixed ? 0 : columns ? this.#elements : 1;
    this.#moments = Array.from({ length }, (_, i) => ({ ...none(), ...state?.[i] }));
  }

  get state(): readonly Readonly<Moments>[] {
    return this.#moments;
  }

  /** Takes in sample number `sample` of those in `values`. */
  add(values: FieldValues, sample: number): void {
    if (this.#fixed) return;
    const begin = sample * this.#elements;
    const { columns } = this.#options;
    if (!columns) return addValues(this.#moments[0], values, begin, begin + this.#elements);
    for (let e = 0; e < this.#elements; e += 1) if (columns[e]) addValue(this.#moments[e], values[begin + e]);
  }

  get normalisation(): ScaleAndShift {
    const { method, columns } = this.#options;
    if (this.#fixed || method === "none") return this.#fixed ?? { scale: 1, shift: 0 };
    const found = this.#moments.map((moments, e) =>
      !columns || columns[e] ? scaleAndShift(method, moments) : { scale: 1, shift: 0 },
    );
    if (!columns) return found[0];
    return { scale: found.map(({ scale }) => scale), shift: found.map(({ shift }) => shift) };
  }
}
