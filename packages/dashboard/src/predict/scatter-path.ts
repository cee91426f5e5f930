// Where the dots of predicted against true values lie, in a square of 100 by 100, both axes alike.
import type { ValueAssessment } from "./assess.ts";

export interface Scatter {
  /** The ends of both axes. */
  readonly least: number;
  readonly most: number;
  /** All dots as one path of lines of no length, which round caps make visible. */
  readonly path: string;
}

export const side = 100;

/** @param which of a sample's values */
export function scatterOf({ width, truth, predicted }: ValueAssessment, which: number): Scatter {
  const dots: (readonly [x: number, y: number])[] = [];
  for (let i = which; i < truth.length; i += width) if (Number.isFinite(predicted[i])) dots.push([truth[i], predicted[i]]);
  let [least, most] = [Infinity, -Infinity];
  for (const [x, y] of dots) {
    least = Math.min(least, x, y);
    most = Math.max(most, x, y);
  }
  if (!(most > least)) [least, most] = dots.length > 0 ? [least - 0.5, least + 0.5] : [0, 1];
  const place = (value: number): number => (side * (value - least)) / (most - least);
  const path = dots.map(([x, y]) => `M${place(x).toFixed(1)} ${(side - place(y)).toFixed(1)}h0`).join("");
  return { least, most, path };
}
