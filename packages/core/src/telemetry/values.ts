// Numbers of a run as people read them, in a terminal and on a page.
import type { MetricForm } from "../model/index.ts";

/** "97.85 %" */
export const percent = (fraction: number, digits = 2): string => `${(100 * fraction).toFixed(digits)} %`;

/** "0.2134", "1.2e-7" */
export const decimal = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : value.toPrecision(4);

/** @param form what the metric is; undefined for a number of any kind */
export const metricText = (value: number, form: MetricForm | undefined): string =>
  form === "share" ? percent(value) : decimal(value);
