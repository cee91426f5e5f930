// The example stays what its comments say it is. That it learns is tested with the real command, in e2e/examples.test.ts.
import { forwardGraph, initialParameters, summary } from "tabgrad";
import { describe, expect, it } from "vitest";
import run from "./cnn.ts";

describe("examples/mnist/cnn.ts", () => {
  const graph = forwardGraph({
    model: run.model,
    loss: run.loss,
    data: { features: { shape: [28, 28], scale: 1 / 255, shift: 0 }, labels: { kind: "classes", count: 10 } },
  });

  it("is two convolutions with pools and two dense layers", () => {
    expect(summary(graph).split("\n")).toEqual([
      "layer                           output        parameters",
      "features                        [28, 28]               0",
      "conv2d 0 (32 filters of 3 × 3)  [32, 26, 26]         320",
      "relu 1                          [32, 26, 26]           0",
      "maxPool2d 2 (2 × 2)             [32, 13, 13]           0",
      "conv2d 3 (64 filters of 3 × 3)  [64, 11, 11]      18,496",
      "relu 4                          [64, 11, 11]           0",
      "maxPool2d 5 (2 × 2)             [64, 5, 5]             0",
      "flatten 6                       [1600]                 0",
      "dense 7 (128 units)             [128]            204,928",
      "relu 8                          [128]                  0",
      "dropout 9 (rate 0.5)            [128]                  0",
      "dense 10 (10 units)             [10]               1,290",
      "total                                            225,034",
    ]);
    expect(initialParameters(graph, run.seed ?? 1)).toHaveLength(225_034);
  });

  it("reports accuracy", () => {
    expect(Object.keys(graph.outputs)).toEqual(["loss", "metric:accuracy", "prediction"]);
  });
});
