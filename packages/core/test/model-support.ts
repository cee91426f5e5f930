// What tests of models ask again and again: what a model answers, and in which words it is refused.
import { TabgradError } from "../src/errors.ts";
import { evaluate, withRows } from "../src/graph/index.ts";
import { predictionGraph, type Layer } from "../src/model/index.ts";

/** The prediction for `features`, row after row. */
export function predict(
  model: Layer,
  shape: readonly number[],
  rows: number,
  features: number[],
  parameters: number[] = [],
): number[] {
  return [...evaluate(withRows(predictionGraph(model, shape), rows), { features }, parameters).prediction.data];
}

/** Code, message and remedy of the TabgradError that `build` throws. */
export function failure(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    if (!(error instanceof TabgradError)) throw error;
    return `${error.code}: ${error.message} → ${error.remedy}`;
  }
  throw new Error("nothing was thrown");
}
