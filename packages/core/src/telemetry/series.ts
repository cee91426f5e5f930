// A bounded series of what was measured in every step: when it is full, neighbours are merged and from then on twice as many steps
// make one point. Ten thousand steps and ten million take the same memory, and a page draws both at once.

/** The columns beside `step` and `time`: float32, which is what a plot can show. */
export const measures = ["loss", "gradientNorm", "learningRate", "samplesPerSecond"] as const;
export type Measure = (typeof measures)[number];

const columnNames = ["step", "time", ...measures] as const;

/** One point, or the mean of several steps. */
export interface SeriesPoint extends Readonly<Record<Measure, number>> {
  /** The last step in it. */
  readonly step: number;
  /** When it was taken, in milliseconds since 1970. */
  readonly time: number;
}

/** Points that a full series has. Even, so that it halves. */
export const seriesCapacity = 1024;

export class Series {
  /** Points so far; the columns hold that many values that count. */
  length = 0;
  /** Steps in one point. */
  stride = 1;
  readonly step = new Float64Array(seriesCapacity);
  readonly time = new Float64Array(seriesCapacity);
  readonly loss = new Float32Array(seriesCapacity);
  readonly gradientNorm = new Float32Array(seriesCapacity);
  readonly learningRate = new Float32Array(seriesCapacity);
  readonly samplesPerSecond = new Float32Array(seriesCapacity);
  /** Steps in the newest point: 1 to `stride`. */
  merged = 0;

  /** Adds a step. The newest point is a running mean until it holds `stride` steps. */
  append(point: SeriesPoint): void {
    if (this.length > 0 && this.merged < this.stride) {
      this.merged++;
      const last = this.length - 1;
      for (const name of measures) this[name][last] += (point[name] - this[name][last]) / this.merged;
      this.step[last] = point.step;
      this.time[last] = point.time;
      return;
    }
    if (this.length === seriesCapacity) this.halve();
    this.step[this.length] = point.step;
    this.time[this.length] = point.time;
    for (const name of measures) this[name][this.length] = point[name];
    this.length++;
    this.merged = 1;
  }

  /** Forgets every point that holds a later step. */
  forgetAfter(step: number): void {
    const before = this.length;
    while (this.length > 0 && this.step[this.length - 1] > step) this.length--;
    if (this.length === before) return;
    for (const name of columnNames) this[name].fill(0, this.length);
    // Only the very newest point can be less than whole.
    this.merged = this.stride;
  }

  /** Every point swallows the one after it. */
  private halve(): void {
    this.length = seriesCapacity / 2;
    this.stride *= 2;
    for (let i = 0; i < this.length; i++) {
      this.step[i] = this.step[2 * i + 1];
      this.time[i] = this.time[2 * i + 1];
      for (const name of measures) this[name][i] = (this[name][2 * i] + this[name][2 * i + 1]) / 2;
    }
    for (const name of columnNames) this[name].fill(0, this.length);
  }
}

/** A series as it travels: the bytes of its columns, no longer than they need to be. */
export interface PackedSeries {
  readonly length: number;
  readonly stride: number;
  readonly merged: number;
  /** Of each column its `length` values: float64 little-endian for `step` and `time`, float32 for the measures. */
  readonly columns: Readonly<Record<"step" | "time" | Measure, Uint8Array>>;
}

export function packSeries(series: Series): PackedSeries {
  const { length, stride, merged } = series;
  const columns = Object.fromEntries(
    columnNames.map((name) => {
      const { buffer, BYTES_PER_ELEMENT } = series[name];
      return [name, new Uint8Array(buffer).slice(0, length * BYTES_PER_ELEMENT)];
    }),
  ) as PackedSeries["columns"];
  return { length, stride, merged, columns };
}

export function unpackSeries({ length, stride, merged, columns }: PackedSeries): Series {
  const series = new Series();
  Object.assign(series, { length, stride, merged });
  for (const name of columnNames) new Uint8Array(series[name].buffer).set(columns[name].subarray(0, series[name].byteLength));
  return series;
}
