// Which curves there are, and what each shows of a run.
import type { Measure, MetricForm, RunView } from "@tabgrad/core";
import { brief, count, decimal, metricText, plain } from "../../shared/format.ts";
import { evaluationX, seriesX, type Against } from "./axis.ts";
import type { CurveStyle, PlotData } from "./plot.ts";
import { smoothed } from "./smoothing.ts";

/** What `read` finds, before it is known how much of it is shown. */
export type CurveData = Pick<PlotData, "x" | "curves" | "marks">;

export interface CurveSpec {
  readonly id: string;
  readonly title: string;
  /** A name for each curve, for the values at the cursor; undefined where the value is not shown. */
  readonly names: readonly (string | undefined)[];
  readonly marksName?: string;
  readonly styles: readonly CurveStyle[];
  readonly canLog: boolean;
  /** The axis begins at zero, where half as high is half as much. */
  readonly fromZero?: boolean;
  readonly format: (value: number) => string;
  /** Said where there is nothing to show yet. */
  readonly empty: string;
  /** @param smoothing in seconds */
  readonly read: (view: RunView, against: Against, smoothing: number) => CurveData;
}

/** The measure of every step, and what it comes to when it is smoothed. */
function rawAndSmoothed({ series }: RunView, measure: Measure, smoothing: number): readonly Float32Array[] {
  const raw = series[measure].subarray(0, series.length);
  return [raw, smoothed(series.time.subarray(0, series.length), raw, smoothing)];
}

const twoStrokes = (color: CurveStyle["color"], stroke: CurveStyle["stroke"]): readonly CurveStyle[] => [
  { color, stroke: "faint" },
  { color, stroke },
];

export const lossSpec: CurveSpec = {
  id: "loss",
  title: "Loss",
  names: ["raw", "smoothed"],
  marksName: "evaluation",
  styles: twoStrokes("--pulse", "strong"),
  canLog: true,
  format: decimal,
  empty: "The curve begins with the first step.",
  read: (view, against, smoothing) => ({
    x: seriesX(view, against),
    curves: rawAndSmoothed(view, "loss", smoothing),
    marks: { x: evaluationX(view, against), y: Float64Array.from(view.evaluations, (evaluation) => evaluation.loss) },
  }),
};

const empty = "Nothing yet.";

export const measureSpecs: readonly CurveSpec[] = [
  {
    id: "samples-per-second",
    title: "Samples/s",
    names: [undefined, ""],
    styles: twoStrokes("--ink-soft", "plain"),
    canLog: false,
    fromZero: true,
    format: (value) => (value >= 1e5 ? brief(value) : count(value)),
    empty,
    read: (view, against, smoothing) => ({
      x: seriesX(view, against),
      curves: rawAndSmoothed(view, "samplesPerSecond", smoothing),
    }),
  },
  {
    id: "gradient-norm",
    title: "Gradient norm",
    names: [undefined, ""],
    styles: twoStrokes("--ink-soft", "plain"),
    canLog: true,
    format: decimal,
    empty,
    read: (view, against, smoothing) => ({
      x: seriesX(view, against),
      curves: rawAndSmoothed(view, "gradientNorm", smoothing),
    }),
  },
  {
    id: "learning-rate",
    title: "Learning rate",
    names: [""],
    styles: [{ color: "--ink-soft", stroke: "plain" }],
    canLog: false,
    fromZero: true,
    format: plain,
    empty,
    read: (view, against) => ({
      x: seriesX(view, against),
      curves: [view.series.learningRate.subarray(0, view.series.length)],
    }),
  },
];

/** A metric of the evaluations. @param name as the run calls it: "accuracy" */
export const metricSpec = (name: string, form: MetricForm | undefined, evaluated: boolean): CurveSpec => ({
  id: `evaluation-${name}`,
  title: `Evaluation ${name}`,
  names: [""],
  styles: [{ color: "--pulse", stroke: "points" }],
  canLog: false,
  format: (value) => metricText(value, form),
  empty: evaluated ? "There was no evaluation yet." : "This run holds no samples back to evaluate on.",
  read: (view, against) => ({
    x: evaluationX(view, against),
    curves: [Float64Array.from(view.evaluations, ({ metrics }) => metrics[name] ?? NaN)],
  }),
});
