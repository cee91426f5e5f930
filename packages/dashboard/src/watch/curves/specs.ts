// Which curves there are, and what each shows of a run.
import type { Measure, RunView } from "@tabgrad/core";
import { brief, decimal, metric } from "../../shared/format.ts";
import { evaluationX, seriesX, type Against } from "./axis.ts";
import type { CurveStyle, PlotData } from "./plot.ts";

/** What `read` finds, before it is known how much of it is shown. */
export type CurveData = Pick<PlotData, "x" | "curves" | "marks">;

export interface CurveSpec {
  readonly id: string;
  readonly title: string;
  /** A name for each curve, for the values at the cursor. */
  readonly names: readonly string[];
  readonly marksName?: string;
  readonly styles: readonly CurveStyle[];
  readonly canLog: boolean;
  readonly format: (value: number) => string;
  /** Said where there is nothing to show yet. */
  readonly empty: string;
  /** @param loss the smoothed one */
  readonly read: (view: RunView, against: Against, loss: Float32Array) => CurveData;
}

export const lossSpec: CurveSpec = {
  id: "loss",
  title: "Loss",
  names: ["raw", "smoothed"],
  marksName: "evaluation",
  styles: [
    { color: "--pulse", stroke: "faint" },
    { color: "--pulse", stroke: "strong" },
  ],
  canLog: true,
  format: decimal,
  empty: "The curve begins with the first step.",
  read: (view, against, loss) => ({
    x: seriesX(view, against),
    curves: [view.series.loss.subarray(0, view.series.length), loss],
    marks: { x: evaluationX(view, against), y: Float64Array.from(view.evaluations, (evaluation) => evaluation.loss) },
  }),
};

const measured = (id: string, title: string, measure: Measure, others: Pick<CurveSpec, "canLog" | "format">): CurveSpec => ({
  id,
  title,
  names: [""],
  styles: [{ color: "--ink-soft", stroke: "plain" }],
  empty: "Nothing yet.",
  read: (view, against) => ({
    x: seriesX(view, against),
    curves: [view.series[measure].subarray(0, view.series.length)],
  }),
  ...others,
});

export const measureSpecs: readonly CurveSpec[] = [
  measured("samples-per-second", "Samples/s", "samplesPerSecond", { canLog: false, format: brief }),
  measured("gradient-norm", "Gradient norm", "gradientNorm", { canLog: true, format: decimal }),
  measured("learning-rate", "Learning rate", "learningRate", { canLog: false, format: decimal }),
];

/** A metric of the evaluations. @param name as the run calls it: "accuracy" */
export const metricSpec = (name: string, evaluated: boolean): CurveSpec => ({
  id: `evaluation-${name}`,
  title: `Evaluation ${name}`,
  names: [""],
  styles: [{ color: "--pulse", stroke: "points" }],
  canLog: false,
  format: (value) => metric(name, value),
  empty: evaluated ? "The first evaluation comes later." : "This run holds no samples back to evaluate on.",
  read: (view, against) => ({
    x: evaluationX(view, against),
    curves: [Float64Array.from(view.evaluations, ({ metrics }) => metrics[name] ?? NaN)],
  }),
});
