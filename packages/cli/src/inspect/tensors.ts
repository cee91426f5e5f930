// What can be said of tensors without knowing the model: how large their values are, and whether they are numbers at all.
import type { NamedTensor, TensorEntry } from "@tabgrad/coordinator";

export interface TensorFindings {
  readonly name: string;
  /** As the file stores it: "F32", "BF16" and so on. */
  readonly type: string;
  readonly shape: readonly number[];
  readonly values: number;
  /** Of the finite values, of which there may be none. The deviation is that of these values, divided by n. */
  readonly mean: number | null;
  readonly deviation: number | null;
  readonly least: number | null;
  readonly greatest: number | null;
  /** Values that are infinite, or no numbers. */
  readonly notFinite: number;
}

export function tensorFindings(
  { name, type, shape }: Pick<TensorEntry, "name" | "type" | "shape">,
  { data }: NamedTensor,
): TensorFindings {
  const statistics = new Statistics();
  for (const value of data) statistics.add(value);
  return { name, type, shape, values: data.length, ...statistics.result() };
}

/** In one pass. Welford 1962, https://doi.org/10.1080/00401706.1962.10490022 */
class Statistics {
  private count = 0;
  private notFinite = 0;
  private mean = 0;
  private squares = 0;
  private least = Infinity;
  private greatest = -Infinity;

  add(value: number): void {
    if (!Number.isFinite(value)) {
      this.notFinite++;
      return;
    }
    this.count++;
    const before = value - this.mean;
    this.mean += before / this.count;
    this.squares += before * (value - this.mean);
    if (value < this.least) this.least = value;
    if (value > this.greatest) this.greatest = value;
  }

  result(): Pick<TensorFindings, "mean" | "deviation" | "least" | "greatest" | "notFinite"> {
    const { count, notFinite, mean, squares, least, greatest } = this;
    if (count === 0) return { mean: null, deviation: null, least: null, greatest: null, notFinite };
    return { mean, deviation: Math.sqrt(squares / count), least, greatest, notFinite };
  }
}
