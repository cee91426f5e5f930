// The float64 reference evaluator against values worked out by hand, since everything else is compared with it.
import { describe, expect, it } from "vitest";
import { evaluate, GraphBuilder, math, type Shape, type Value } from "../src/graph/index.ts";

interface Operand {
  readonly shape: Shape;
  readonly data: number[];
}
const scalar = (value: number): Operand => ({ shape: [], data: [value] });
const vector = (...data: number[]): Operand => ({ shape: [data.length], data });
const matrix = (...rows: number[][]): Operand => ({ shape: [rows.length, rows[0].length], data: rows.flat() });

function result(operands: readonly Operand[], build: (...values: Value[]) => Value): number[] {
  const builder = new GraphBuilder(1);
  const values = operands.map(({ shape }, i) => builder.emit("input", [], { name: `x${i}`, shape, batched: false }));
  const graph = builder.graph({ y: build(...values) });
  return [...evaluate(graph, Object.fromEntries(operands.map(({ data }, i) => [`x${i}`, data]))).y.data];
}

const { LN2, E } = Math;

describe("evaluate", () => {
  it.each<[string, readonly Operand[], (...values: Value[]) => Value, number[]]>([
    ["negate", [vector(1, -2)], math.negate, [-1, 2]],
    ["exp", [vector(0, 1)], math.exp, [1, E]],
    ["log", [vector(1, E, 0)], math.log, [0, 1, -Infinity]],
    ["sqrt", [vector(4, 2)], math.sqrt, [2, Math.SQRT2]],
    ["abs", [vector(-3, 3)], math.abs, [3, 3]],
    ["sign", [vector(-3, 0, 3)], math.sign, [-1, 0, 1]],
    ["step", [vector(-3, 0, 3)], math.step, [0, 0, 1]],
    ["relu", [vector(-3, 0, 3)], math.relu, [0, 0, 3]],
    ["leakyRelu", [vector(-3, 0, 3)], (x) => math.leakyRelu(x, 0.5), [-1.5, 0, 3]],
    ["sigmoid", [vector(0, LN2, -1000, 1000)], math.sigmoid, [1 / 2, 2 / 3, 0, 1]],
    ["tanh", [vector(0, LN2)], math.tanh, [0, 0.6]],
    ["softplus", [vector(0, -1000, 1000)], math.softplus, [LN2, 0, 1000]],
    ["add", [matrix([1, 2], [3, 4]), vector(10, 20)], math.add, [11, 22, 13, 24]],
    ["subtract", [matrix([1, 2], [3, 4]), matrix([1], [2])], math.subtract, [0, 1, 1, 2]],
    ["multiply", [scalar(3), vector(1, 2)], math.multiply, [3, 6]],
    ["divide", [vector(1, -1, 0), scalar(0)], math.divide, [Infinity, -Infinity, NaN]],
    ["power", [vector(2, 9), vector(10, 0.5)], math.power, [1024, 3]],
    ["maximum", [vector(1, 5), scalar(3)], math.maximum, [3, 5]],
    ["minimum", [vector(1, 5), scalar(3)], math.minimum, [1, 3]],
    ["equal", [vector(1, 3), scalar(3)], math.equal, [0, 1]],
    ["greater", [vector(1, 3, 4), scalar(3)], math.greater, [0, 0, 1]],
    ["select", [vector(1, 0, -1), scalar(7), vector(1, 2, 3)], math.select, [7, 2, 7]],
    ["square", [vector(-3, 2)], math.square, [9, 4]],
    ["matmul", [matrix([1, 2, 3], [4, 5, 6]), matrix([1, 0], [0, 1], [1, 1])], (a, b) => math.matmul(a, b), [4, 5, 10, 11]],
    [
      "matmul, both transposed",
      [matrix([1, 4], [2, 5], [3, 6]), matrix([1, 0, 1], [0, 1, 1])],
      (a, b) => math.matmul(a, b, { transposeA: true, transposeB: true }),
      [4, 5, 10, 11],
    ],
    [
      "matmul of a batch with one matrix",
      [{ shape: [2, 1, 2], data: [1, 2, 3, 4] }, matrix([1, 10], [100, 1000])],
      (a, b) => math.matmul(a, b),
      [201, 2010, 403, 4030],
    ],
    ["sum over rows", [matrix([1, 2], [3, 4])], (x) => math.sum(x, [0]), [4, 6]],
    ["sum over columns", [matrix([1, 2], [3, 4])], (x) => math.sum(x, [1], true), [3, 7]],
    ["mean", [matrix([1, 2], [3, 4])], (x) => math.mean(x), [2.5]],
    ["max", [matrix([1, 5], [3, -4])], (x) => math.max(x, [-1]), [5, 3]],
    ["argmax, the first of equals", [matrix([1, 5, 5], [3, 3, -4])], (x) => math.argmax(x), [1, 0]],
    ["argmax along rows", [matrix([1, 5], [3, 2])], (x) => math.argmax(x, 0), [1, 0]],
    ["softmax", [matrix([0, LN2], [5, 5])], (x) => math.softmax(x), [1 / 3, 2 / 3, 0.5, 0.5]],
    ["softmax, far from 0", [matrix([-1e30, -1e30], [1e30, -1e30])], (x) => math.softmax(x), [0.5, 0.5, 1, 0]],
    ["logSoftmax along rows", [matrix([0, 1000], [0, -1000])], (x) => math.logSoftmax(x, 0), [-LN2, 0, -LN2, -2000]],
    ["reshape", [matrix([1, 2, 3], [4, 5, 6])], (x) => math.reshape(x, [3, 2]), [1, 2, 3, 4, 5, 6]],
    ["transpose", [matrix([1, 2, 3], [4, 5, 6])], (x) => math.transpose(x, [1, 0]), [1, 4, 2, 5, 3, 6]],
    [
      "transpose of three axes",
      [{ shape: [2, 1, 3], data: [1, 2, 3, 4, 5, 6] }],
      (x) => math.transpose(x, [2, 0, 1]),
      [1, 4, 2, 5, 3, 6],
    ],
    ["broadcastTo", [matrix([1], [2])], (x) => math.broadcastTo(x, [2, 2, 2]), [1, 1, 2, 2, 1, 1, 2, 2]],
    ["oneHot, outside gives zeros", [vector(1, 0, 2, -1)], (x) => math.oneHot(x, 2), [0, 1, 1, 0, 0, 0, 0, 0]],
    ["constant, filled", [scalar(0)], (x) => math.constant(x, 7, [2]), [7, 7]],
    ["constant, listed", [scalar(0)], (x) => math.constant(x, [1, 2], [2, 1]), [1, 2]],
  ])("%s", (_, operands, build, expected) => {
    const found = result(operands, build);
    expect(found).toHaveLength(expected.length);
    found.forEach((value, i) => {
      if (Number.isFinite(expected[i])) expect(value).toBeCloseTo(expected[i], 12);
      else expect(value).toBe(expected[i]);
    });
  });

  it("reads parameters from the flat vector in graph order", () => {
    const builder = new GraphBuilder(1);
    const [a, b] = ["a", "b"].map((name) =>
      builder.emit("parameter", [], { name, shape: [2], initialisation: { kind: "constant", value: 0 } }),
    );
    const graph = builder.graph({ a, b, sum: math.add(a, b) });
    const { a: first, b: second, sum } = evaluate(graph, {}, [1, 2, 30, 40]);
    expect([first, second, sum].map(({ data }) => [...data])).toEqual([
      [1, 2],
      [30, 40],
      [31, 42],
    ]);
  });

  it("says which input is missing or has the wrong length", () => {
    const builder = new GraphBuilder(2);
    const graph = builder.graph({ x: builder.emit("input", [], { name: "x", shape: [3], batched: true }) });
    expect(() => evaluate(graph, {})).toThrow("input x of shape [2, 3] was fed no values");
    expect(() => evaluate(graph, { x: [1, 2] })).toThrow("input x of shape [2, 3] was fed 2 values");
    expect([...evaluate(graph, { x: [1, 2, 3, 4, 5, 6] }).x.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("matmul", () => {
  const [m, n] = [3, 5];
  // Lengths with every remainder of the four products that are taken at a time.
  const cases = [1, 4, 6, 9, 11].flatMap((k) => [0, 1, 2, 3].map((flags) => [k, (flags & 1) > 0, (flags & 2) > 0] as const));

  it.each(cases)("over %i products, transposed %s and %s, is the textbook's loop to the last bit", (k, transposeA, transposeB) => {
    const left = Array.from({ length: m * k }, (_, i) => Math.sin(i + 1) / 3);
    const right = Array.from({ length: k * n }, (_, i) => Math.cos(i + 1) * 7);
    const expected = Array.from({ length: m * n }, (_, i) => {
      const [row, column] = [Math.floor(i / n), i % n];
      let sum = 0;
      for (let inner = 0; inner < k; inner++) {
        const a = left[transposeA ? inner * m + row : row * k + inner];
        sum += a * right[transposeB ? column * k + inner : inner * n + column];
      }
      return sum;
    });
    const a = { shape: transposeA ? [k, m] : [m, k], data: left };
    const b = { shape: transposeB ? [n, k] : [k, n], data: right };
    expect(result([a, b], (x, y) => math.matmul(x, y, { transposeA, transposeB }))).toEqual(expected);
  });
});
