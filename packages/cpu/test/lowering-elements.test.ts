// What becomes of operations of every value, and of lines of them.
import { math, type Shape } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { lowered, types } from "./lowered.ts";

describe("condition", () => {
  it("chooses by the comparison itself", async () => {
    const shapes: Shape[] = [[3, 4], [4], [3, 1]];
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(math.step(a), b, c)))).toEqual(["Greater", "Where"]);
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(math.greater(a, c), b, c)))).toEqual(["Greater", "Where"]);
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(math.equal(b, b), a, c)))).toEqual(["Equal", "Where"]);
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(a, b, c)))).toEqual(["Cast", "Where"]);
  });
});

describe("gelu", () => {
  it("and its gradient take eleven passes over the tensor, those that they share being made once", async () => {
    const model = await lowered(
      [
        [2, 3],
        [2, 3],
      ],
      ([x, u]) => [math.gelu(x), math.geluGradient(x, u)],
    );
    const distinct = new Set<string>();
    // As ONNX Runtime does: what has the same type and operands is the same.
    const names = new Map<string, string>();
    for (const { type, inputs, outputs } of model.graph.nodes) {
      const key = `${type} ${inputs.map((input) => names.get(input) ?? input).join(", ")}`;
      distinct.add(key);
      names.set(outputs[0], key);
    }
    expect(distinct.size).toBe(11);
  });
});

describe("layer normalisation", () => {
  const shapes: Shape[] = [[2, 3, 8], [8], [8]];

  it("is one node where nothing is differentiated, whichever side its factors are on", async () => {
    const one = ["LayerNormalization"];
    expect(types(await lowered(shapes, ([x, w, b]) => math.add(math.multiply(math.normalise(x), w), b)))).toEqual(one);
    expect(types(await lowered(shapes, ([x, w, b]) => math.add(b, math.multiply(w, math.normalise(x)))))).toEqual(one);
    expect(types(await lowered(shapes.slice(0, 2), ([x, w]) => math.multiply(w, math.normalise(x))))).toEqual(one);
  });

  it("stays by itself where factors differ between lines, or something else reads it", async () => {
    const apart = ["LayerNormalization", "Mul"];
    expect(
      types(
        await lowered(
          [
            [2, 3, 8],
            [3, 1],
          ],
          ([x, w]) => math.multiply(math.normalise(x), w),
        ),
      ),
    ).toEqual(apart);
    expect(
      types(
        await lowered(
          [
            [2, 3, 1],
            [1, 8],
          ],
          ([x, w]) => math.multiply(math.normalise(x), w),
        ),
      ),
    ).toEqual(apart);
    const twice = await lowered(shapes, ([x, w]) => {
      const y = math.normalise(x);
      return [math.multiply(y, w), y];
    });
    expect(types(twice)).toEqual(apart);
    expect(
      types(await lowered(shapes.slice(0, 2), ([x, w]) => math.multiply(math.normalise(x, { centred: false }), w))),
    ).not.toContain("LayerNormalization");
  });

  it("tells its gradient what it has found out about the lines", async () => {
    const model = await lowered(
      [
        [2, 3, 8],
        [2, 3, 8],
      ],
      ([x, u]) => [math.normalise(x), math.normaliseGradient(x, u, { centred: true, epsilon: 1e-5 })],
    );
    expect(types(model)).toEqual(["LayerNormalization", "Mul", "ReduceMean", "Mul", "ReduceMean", "Sub", "Sub", "Mul"]);
  });
});
