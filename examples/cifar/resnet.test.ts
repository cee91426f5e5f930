// The example stays what its comments say it is.
import { forwardGraph, initialParameters, parameterSlots } from "tabgrad";
import { describe, expect, it } from "vitest";
import run from "./resnet.ts";

describe("examples/cifar/resnet.ts", () => {
  const graph = forwardGraph({
    model: run.model,
    loss: run.loss,
    microbatchSize: run.microbatchSize,
    data: { features: { shape: [3, 32, 32], scale: 1 / 255, shift: 0 }, labels: { kind: "classes", count: 10 } },
  });

  it("has nineteen convolutions of 3 × 3, two of 1 × 1, and a dense layer", () => {
    const shapes = parameterSlots(graph).map(({ shape }) => shape);
    const kernels = shapes.filter((shape) => shape.length === 4).map((shape) => shape[2]);
    expect([3, 1].map((size) => kernels.filter((kernel) => kernel === size).length)).toEqual([19, 2]);
    expect(shapes.filter((shape) => shape.length === 2)).toEqual([[10, 64]]);
    expect(initialParameters(graph, run.seed ?? 1)).toHaveLength(272_282 + 1_376);
    expect(shapes.length).toBe(19 + 2 + 19 * 4 + 2);
  });
});
