// The histograms of a step: when to make them, and from what.
import type { WatchRecord } from "@tabgrad/core";
import type { Reducer } from "../reduce/reducer.ts";
import { histogram } from "./histogram.ts";

export type HistogramsRecord = Extract<WatchRecord, { kind: "histograms" }>;

/** Between two of them: they change slowly, and are the only thing that watching makes the coordinator compute. */
const shortestMs = 2_000;

export class Histograms {
  private readonly reducer: Pick<Reducer, "version" | "newestStep">;
  private made: { readonly at: number; readonly record: HistogramsRecord } | undefined;

  constructor(reducer: Pick<Reducer, "version" | "newestStep">) {
    this.reducer = reducer;
  }

  /** The last that were made; undefined before any. */
  get newest(): HistogramsRecord | undefined {
    return this.made?.record;
  }

  /**
   * Those of the newest step; undefined where some were made for it or less than two seconds ago, or where its gradients are gone.
   * @param now milliseconds
   */
  make(now: number): HistogramsRecord | undefined {
    const { version: step } = this.reducer;
    if (this.made && (this.made.record.step === step || now - this.made.at < shortestMs)) return undefined;
    const newest = this.reducer.newestStep();
    if (!newest) return undefined;
    const tensors = newest.tensors.map(({ name, shape, weights, gradientSum }) => ({
      name,
      shape,
      weights: histogram(weights),
      gradients: histogram(gradientSum, 1 / newest.samples),
    }));
    this.made = { at: now, record: { kind: "histograms", step, tensors } };
    return this.made.record;
  }
}
