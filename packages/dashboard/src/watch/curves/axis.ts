// What curves are drawn against: steps, or the time since the run began. One axis for all of them, so that they can be compared.
import type { RunView } from "@tabgrad/core";

export type Against = "step" | "time";
export type Range = readonly [from: number, to: number];

/** Zero of the time axis. */
export const origin = (view: RunView): number => view.runningSince ?? view.startedAt;

/** Steps, or seconds since the run began, of every point of the series. */
export function seriesX(view: RunView, against: Against): Float64Array {
  const { series } = view;
  if (against === "step") return series.step.subarray(0, series.length);
  const zero = origin(view);
  const x = new Float64Array(series.length);
  for (let i = 0; i < x.length; i++) x[i] = (series.time[i] - zero) / 1000;
  return x;
}

/** The same of every evaluation. */
export const evaluationX = (view: RunView, against: Against): Float64Array =>
  Float64Array.from(view.evaluations, ({ step, time }) => (against === "step" ? step : (time - origin(view)) / 1000));

/** Everything there is; never empty. */
export function fullRange(view: RunView | undefined, against: Against): Range {
  if (!view?.start || view.series.length === 0) return [0, 1];
  const x = seriesX(view, against);
  const evaluations = evaluationX(view, against);
  const from = Math.min(x[0], evaluations[0] ?? Infinity);
  const to = Math.max(x[x.length - 1], evaluations[evaluations.length - 1] ?? 0);
  return to > from ? [from, to] : [from, from + 1];
}

/** The index whose value is nearest; -1 in an empty list. @param sorted rising */
export function nearest(sorted: ArrayLike<number>, x: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - sorted[low - 1] <= sorted[low] - x ? low - 1 : high;
}

/**
 * From least to most of what lies in `range`, with a little air; undefined where nothing does.
 * @param curves each with its x and y
 */
export function extent(
  curves: readonly (readonly [x: ArrayLike<number>, y: ArrayLike<number>])[],
  [from, to]: Range,
  log: boolean,
): Range | undefined {
  let [least, most] = [Infinity, -Infinity];
  for (const [x, y] of curves) {
    for (let i = 0; i < y.length; i++) {
      if (x[i] < from || x[i] > to || !Number.isFinite(y[i]) || (log && y[i] <= 0)) continue;
      least = Math.min(least, y[i]);
      most = Math.max(most, y[i]);
    }
  }
  if (least > most) return undefined;
  if (log) return [least / 1.15, most * 1.15];
  const air = most > least ? 0.06 * (most - least) : Math.abs(most) * 0.1 || 1;
  // What is never negative gets no negative axis.
  return [least >= 0 ? Math.max(0, least - air) : least - air, most + air];
}
