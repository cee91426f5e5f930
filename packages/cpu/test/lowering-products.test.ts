// What products of matrices become, with what is added to them and summed of them.
import { GraphBuilder, math, trainingGraph, type Shape, type Value } from "@tabgrad/core";
import { lowerGraph } from "../src/index.ts";
import { describe, expect, it } from "vitest";
import { lowered, types } from "./lowered.ts";

describe("gemm-addend", () => {
  const flags = { transposeA: true, transposeB: true };

  it.each<[string, Shape]>([
    ["a row", [5]],
    ["a column", [4, 1]],
    ["a matrix", [4, 5]],
    ["one number", []],
  ])("takes %s into the product, from either side", async (_, addend) => {
    for (const build of [
      ([a, b, c]: Value[]) => math.add(math.matmul(a, b, flags), c),
      ([a, b, c]: Value[]) => math.add(c, math.matmul(a, b, flags)),
    ]) {
      expect(types(await lowered([[3, 4], [5, 3], addend], build))).toEqual(["Transpose", "Gemm"]);
    }
  });

  it("leaves a product alone that something else reads, that is repeated by the sum, or that is added to itself", async () => {
    const shapes: Shape[] = [
      [4, 3],
      [3, 5],
      [4, 5],
    ];
    const result = await lowered(shapes, ([a, b, c]) => {
      const product = math.matmul(a, b);
      return [math.add(product, c), product];
    });
    expect(types(result)).toEqual(["Gemm", "Add"]);
    const twice = await lowered(shapes, ([a, b, c]) => {
      const product = math.matmul(a, b);
      return math.multiply(math.add(product, c), product);
    });
    expect(types(twice)).toContain("Add");
    expect(
      types(
        await lowered(
          [
            [1, 3],
            [3, 5],
            [4, 5],
          ],
          ([a, b, c]) => math.add(math.matmul(a, b), c),
        ),
      ),
    ).toEqual(["Gemm", "Add"]);
    const doubled = await lowered(shapes, ([a, b]) => {
      const product = math.matmul(a, b);
      return math.add(product, product);
    });
    expect(types(doubled)).toEqual(["Gemm", "Add"]);
    expect(types(await lowered([[2, 4, 3], [3, 5], [5]], ([a, b, c]) => math.add(math.matmul(a, b), c)))).toEqual([
      "MatMul",
      "Add",
    ]);
  });
});

describe("a weight's gradient", () => {
  const gradient = ([a, b]: Value[]): Value => math.matmul(a, b, { transposeA: true });

  it("copies the smaller of its two matrices", async () => {
    const wide = await lowered(
      [
        [64, 40],
        [64, 8],
      ],
      gradient,
    );
    expect(wide.graph.nodes.map(({ type, inputs }) => [type, inputs[0]])).toEqual([
      ["Transpose", "input:operand 1"],
      ["Gemm", "Transpose 0"],
      ["Transpose", "Gemm 1"],
    ]);
    expect(
      types(
        await lowered(
          [
            [64, 8],
            [64, 40],
          ],
          gradient,
        ),
      ),
    ).toEqual(["Transpose", "Gemm"]);
    // With few rows the result is what is large.
    expect(
      types(
        await lowered(
          [
            [6, 40],
            [6, 8],
          ],
          gradient,
        ),
      ),
    ).toEqual(["Transpose", "Gemm"]);
  });

  it("does so for sequences, too", async () => {
    const model = await lowered(
      [
        [4, 16, 40],
        [4, 16, 8],
      ],
      (operands) => math.sum(gradient(operands), [0]),
    );
    expect(types(model)).toEqual(["Reshape", "Reshape", "Transpose", "Gemm", "Transpose"]);
  });
});

describe("batched-product-sum", () => {
  const flags = { transposeA: true };

  it("lays the batch end to end, where both sides have all of it", async () => {
    const flat = ["Reshape", "Reshape", "Transpose", "Gemm"];
    const sumOf =
      (axes: number[], keep = false) =>
      ([a, b]: Value[]) =>
        math.sum(math.matmul(a, b, flags), axes, keep);
    expect(
      types(
        await lowered(
          [
            [6, 3, 4],
            [6, 3, 5],
          ],
          sumOf([0]),
        ),
      ),
    ).toEqual(flat);
    expect(
      types(
        await lowered(
          [
            [2, 6, 3, 4],
            [2, 6, 3, 5],
          ],
          sumOf([0, 1]),
        ),
      ),
    ).toEqual(flat);
    expect(
      types(
        await lowered(
          [
            [6, 3, 4],
            [6, 3, 5],
          ],
          sumOf([0], true),
        ),
      ),
    ).toEqual([...flat, "Reshape"]);
    for (const shapes of [
      [
        [6, 3, 4],
        [1, 3, 5],
      ],
      [
        [6, 3, 4],
        [3, 5],
      ],
    ] as Shape[][]) {
      expect(types(await lowered(shapes, sumOf([0])))).not.toContain("Gemm");
    }
    expect(
      types(
        await lowered(
          [
            [2, 6, 3, 4],
            [2, 6, 3, 5],
          ],
          sumOf([0]),
        ),
      ),
    ).not.toContain("Gemm");
    expect(
      types(
        await lowered(
          [
            [6, 3, 4],
            [6, 4, 5],
          ],
          ([a, b]) => math.sum(math.matmul(a, b, { transposeA: false, transposeB: false }), [0]),
        ),
      ),
    ).not.toContain("Gemm");
  });

  it("serves a dense layer over sequences", () => {
    const builder = new GraphBuilder(8);
    const x = builder.emit("input", [], { name: "x", shape: [6, 4], batched: true });
    const weight = builder.emit("parameter", [], { name: "weight", shape: [5, 4], initialisation: { kind: "constant", value: 0 } });
    const y = math.tanh(math.matmul(x, weight, { transposeB: true }));
    const model = lowerGraph(trainingGraph(builder.graph({ loss: math.sum(y, [1, 2]) }), 8));
    expect(types(model).filter((type) => type === "Gemm" || type === "MatMul")).toEqual(["MatMul", "Gemm"]);
  });
});

describe("column-sum", () => {
  it.each<[Shape, number[], boolean, string[]]>([
    [[6, 4], [0], false, ["MatMul"]],
    [[6, 4], [0], true, ["MatMul", "Reshape"]],
    [[2, 3, 4], [0, 1], false, ["Reshape", "MatMul"]],
    [[2, 3, 4], [0], false, ["Reshape", "MatMul", "Reshape"]],
    [[2, 3, 4], [1], false, ["ReduceSum"]],
    [[2, 3, 4], [2], false, ["ReduceSum"]],
    [[6], [0], false, ["ReduceSum"]],
    [[2, 3], [0, 1], false, ["ReduceSum"]],
  ])("%j over %j, keeping dimensions: %s", async (shape, axes, keep, expected) => {
    expect(types(await lowered([shape], ([x]) => math.sum(x, axes, keep)))).toEqual(expected);
  });
});
