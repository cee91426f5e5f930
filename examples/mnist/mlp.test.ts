// The example stays what its comments and the README say it is.
import { forwardGraph, initialParameters, summary } from "tabgrad";
import { describe, expect, it } from "vitest";
import run from "./mlp.ts";

describe("examples/mnist/mlp.ts", () => {
  const graph = forwardGraph({
    model: run.model,
    loss: run.loss,
    data: { features: { shape: [28, 28], scale: 1 / 255, shift: 0 }, labels: { kind: "classes", count: 10 } },
  });

  it("is a perceptron 784-256-128-10", () => {
    expect(summary(graph).split("\n")).toEqual([
      "layer                output    parameters",
      "features             [28, 28]           0",
      "flatten features     [784]              0",
      "dense 0 (256 units)  [256]        200,960",
      "relu 1               [256]              0",
      "dense 2 (128 units)  [128]         32,896",
      "relu 3               [128]              0",
      "dense 4 (10 units)   [10]           1,290",
      "total                             235,146",
    ]);
    expect(initialParameters(graph, run.seed ?? 1)).toHaveLength(235_146);
  });

  it("reports accuracy", () => {
    expect(Object.keys(graph.outputs)).toEqual(["loss", "metric:accuracy", "prediction"]);
  });
});
