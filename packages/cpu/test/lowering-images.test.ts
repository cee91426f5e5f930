// What convolutions and pooling become.
import { math, type Shape, type Value } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { count, lowered, types } from "./lowered.ts";

describe("convolution-bias", () => {
  const shapes = (bias: Shape): Shape[] => [[2, 3, 5, 6], [4, 3, 2, 2], bias];

  it.each<[string, Shape]>([
    ["[C, 1, 1]", [4, 1, 1]],
    ["[1, C, 1, 1]", [1, 4, 1, 1]],
  ])("takes a bias %s into the convolution, from either side", async (_, bias) => {
    for (const build of [
      ([x, w, b]: Value[]) => math.add(math.conv2d(x, w), b),
      ([x, w, b]: Value[]) => math.add(b, math.conv2d(x, w)),
    ]) {
      expect(types(await lowered(shapes(bias), build))).toEqual(["Reshape", "Conv"]);
    }
  });

  it("leaves alone what differs from place to place or from image to image", async () => {
    for (const addend of [[5], [4, 5], [4, 1, 5], [2, 4, 1, 1], [1]]) {
      const model = await lowered(shapes(addend), ([x, w, b]) => math.add(math.conv2d(x, w), b));
      expect(types(model)).toEqual(["Conv", "Add"]);
    }
  });
});

describe("max-pool-by-parts", () => {
  const step = ([x, u]: Value[], options: { kernel: [number, number]; strides?: [number, number] }): Value[] => [
    math.maxPool2d(x, options),
    math.maxPool2dGradient(x, u, options),
  ];

  it("shares the slices between the way forward and the way back", async () => {
    const model = await lowered(
      [
        [2, 3, 7, 6],
        [2, 3, 3, 3],
      ],
      (values) => step(values, { kernel: [2, 2] }),
    );
    expect([count(model, "Slice"), count(model, "Max"), count(model, "MaxUnpool")]).toEqual([4, 1, 1]);
    expect(count(model, "MaxPool")).toBe(0);
  });

  it("serves windows with cells between them", async () => {
    const model = await lowered(
      [
        [2, 3, 9, 8],
        [2, 3, 3, 3],
      ],
      (values) => step(values, { kernel: [2, 1], strides: [3, 3] }),
    );
    expect([count(model, "Slice"), count(model, "MaxPool")]).toEqual([2, 0]);
  });

  it("leaves windows to MaxPool that overlap or are large", async () => {
    const overlapping = await lowered(
      [
        [2, 3, 5, 5],
        [2, 3, 4, 4],
      ],
      (values) => step(values, { kernel: [2, 2], strides: [1, 1] }),
    );
    expect([count(overlapping, "MaxPool"), count(overlapping, "ScatterElements")]).toEqual([1, 1]);
    const large = await lowered(
      [
        [2, 3, 8, 8],
        [2, 3, 2, 2],
      ],
      (values) => step(values, { kernel: [4, 4] }),
    );
    expect([count(large, "MaxPool"), count(large, "MaxUnpool")]).toEqual([1, 1]);
  });
});
