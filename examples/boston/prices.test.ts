// The example stays what its comments say it is.
import { forwardGraph, initialParameters } from "tabgrad";
import { describe, expect, it } from "vitest";
import run from "./prices.ts";

describe("examples/boston/prices.ts", () => {
  it("is a perceptron 12-64-64-1, on all columns but b and the price", () => {
    const { data, model, loss, metrics } = run;
    expect(data).toMatchObject({ kind: "csv", label: "medv", features: expect.not.arrayContaining(["b", "medv"]) as unknown });
    const graph = forwardGraph({
      model,
      loss,
      metrics,
      data: { features: { shape: [12], scale: 1, shift: 0 }, labels: { kind: "values", shape: [] } },
    });
    expect(initialParameters(graph, 1)).toHaveLength(12 * 64 + 64 + 64 * 64 + 64 + 64 + 1);
  });
});
