// Layers that prepare data: what they make of it, and what they refuse.
import { describe, expect, it } from "vitest";
import { evaluate } from "../src/graph/index.ts";
import { centreCrop, oneHot, predictionGraph, type Layer } from "../src/model/index.ts";

const predict = (layer: Layer, shape: readonly number[], features: readonly number[]) =>
  evaluate(predictionGraph(layer, shape), { features }).prediction;

describe("oneHot", () => {
  it("makes a vector of every number", () => {
    const { shape, data } = predict(oneHot(3), [2], [2, 0]);
    expect(shape).toEqual([1, 2, 3]);
    expect([...data]).toEqual([0, 0, 1, 1, 0, 0]);
    expect([...predict(oneHot(3), [], [3]).data]).toEqual([0, 0, 0]);
  });

  it("needs a depth", () => {
    expect(() => oneHot(0)).toThrow("oneHot: the depth is 0; expected a whole number from 1");
  });
});

describe("centreCrop", () => {
  const image = Array.from({ length: 20 }, (_, i) => i);

  it("cuts out the middle, of every channel", () => {
    const { shape, data } = predict(centreCrop(2, 3), [4, 5], image);
    expect(shape).toEqual([1, 2, 3]);
    expect([...data]).toEqual([6, 7, 8, 11, 12, 13]);
    const channels = predict(centreCrop(1), [2, 2, 5], image);
    expect(channels.shape).toEqual([1, 2, 1, 1]);
    expect([...channels.data]).toEqual([2, 12]);
  });

  it.each([
    [centreCrop(5), [4, 5]],
    [centreCrop(1), [5]],
  ] as const)("needs an image that is large enough", (layer, shape) => {
    expect(() => predictionGraph(layer, shape)).toThrow(
      expect.objectContaining({ code: "MODEL_INVALID", message: expect.stringContaining("centreCrop") as string }),
    );
  });
});
