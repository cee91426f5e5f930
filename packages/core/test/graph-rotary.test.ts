// Rotary position embedding: the formula, and the property that it exists for.
import { describe, expect, it } from "vitest";
import { evaluate, GraphBuilder, math, type Shape } from "../src/graph/index.ts";

function rotate(values: number[], shape: Shape, base?: number): number[] {
  const builder = new GraphBuilder(1);
  const x = builder.emit("input", [], { name: "x", shape, batched: false });
  return [...evaluate(builder.graph({ y: math.rotary(x, { base }) }), { x: values }).y.data];
}

describe("rotary", () => {
  it("turns pairs of halves by position times frequency", () => {
    const [positions, width, base] = [3, 4, 100];
    const x = Array.from({ length: 2 * positions * width }, (_, i) => Math.sin(i + 1));
    const y = rotate(x, [2, positions, width], base);
    for (let vector = 0; vector < 2 * positions; vector++) {
      for (const i of [0, 1]) {
        const angle = (vector % positions) * base ** (-i / 2);
        const [a, b] = [x[vector * width + i], x[vector * width + i + 2]];
        expect(y[vector * width + i]).toBeCloseTo(a * Math.cos(angle) - b * Math.sin(angle), 12);
        expect(y[vector * width + i + 2]).toBeCloseTo(a * Math.sin(angle) + b * Math.cos(angle), 12);
      }
    }
  });

  it("makes the product of two vectors a function of how far apart they are", () => {
    const [positions, width] = [9, 8];
    const repeated = (seed: number): number[] => Array.from({ length: positions * width }, (_, i) => Math.sin(seed + (i % width)));
    const [queries, keys] = [rotate(repeated(1), [positions, width]), rotate(repeated(5), [positions, width])];
    const product = (q: number, k: number): number =>
      Array.from({ length: width }, (_, i) => queries[q * width + i] * keys[k * width + i]).reduce((sum, term) => sum + term);
    for (let q = 0; q + 1 < positions; q++) {
      for (let k = 0; k + 1 < positions; k++) expect(product(q + 1, k + 1)).toBeCloseTo(product(q, k), 10);
    }
    expect(product(3, 0)).not.toBeCloseTo(product(0, 3), 3);
  });

  it("has pairs only where the width is even", () => {
    expect(() => rotate(Array(6).fill(0), [2, 3])).toThrow("rotary needs a shape [..., positions, an even number], not [2, 3]");
  });
});
