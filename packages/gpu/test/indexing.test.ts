// Tables and sums by index at the sizes of embeddings: tiles in both directions, shared updates, any width, and indices that are none.
import { GraphBuilder, math, type Graph, type Shape } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { numbers, parameter, sharedEngine } from "./support.ts";

const engine = sharedEngine();

/** An embedding whose gradient, where `factors` are the derivatives of its output, is a sum by index. */
function embedding(count: number, width: Shape, positions: number): { forward: Graph; parameters: number } {
  const builder = new GraphBuilder(1);
  const table = parameter(builder, "table", [count, ...width]);
  const indices = builder.emit("input", [], { name: "indices", shape: [positions], batched: true });
  const factors = builder.emit("input", [], { name: "factors", shape: [positions, ...width], batched: true });
  const all = Array.from({ length: width.length + 1 }, (_, i) => i + 1);
  const loss = math.sum(math.multiply(math.gather(table, indices), factors), all);
  return { forward: builder.graph({ loss }), parameters: width.reduce((product, size) => product * size, count) };
}

/** Sizes with one tile and many, one part and many, four lanes and one. */
const sizes: [number, Shape, number][] = [
  [80, [128], 2048],
  [1000, [96], 300],
  [5, [], 700],
  [70, [3], 1000],
  [33, [2, 65], 257],
  [2100, [128], 600],
];

describe("gather and scatterAdd", () => {
  it.each(sizes)("with a table of %i times %j and %i indices", async (count, width, positions) => {
    const { forward, parameters } = embedding(count, width, positions);
    const columns = parameters / count;
    const drawn = numbers(positions, 5);
    // Some outside, some no whole numbers; the first rows most often, as words are.
    const indices = Float32Array.from(drawn, (x, i) =>
      i % 50 === 0 ? [-1, count, 0.5, NaN, 1e30, -Infinity][(i / 50) % 6] : Math.floor(x * x * count),
    );
    const factors = numbers(positions * columns, 7);
    const table = numbers(parameters, 3);
    let loss = 0;
    const expected = new Float64Array(parameters);
    indices.forEach((row, i) => {
      if (!(Number.isInteger(row) && row >= 0 && row < count)) return;
      for (let column = 0; column < columns; column++) {
        loss += table[row * columns + column] * factors[i * columns + column];
        expected[row * columns + column] += factors[i * columns + column];
      }
    });

    const program = await engine().compile(forward);
    await program.setParameters(table);
    const batch = { rows: 1, samples: 1, inputs: { indices, factors }, weights: Float32Array.of(1) };
    const gradients = new Float32Array(parameters);
    const { lossSum } = await program.train([batch], gradients);
    expect(Math.abs(lossSum - loss)).toBeLessThan(1e-4 * (1 + Math.sqrt(positions * columns)));
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - gradients[i])), 0);
    expect(worst).toBeLessThan(1e-4);
    // The order of additions is fixed.
    const again = new Float32Array(parameters);
    await program.train([batch], again);
    expect(again).toEqual(gradients);
    await program.close();
  });
});
