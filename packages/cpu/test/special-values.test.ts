// Where float32 is extreme: NaN and infinity come through, so that divergence is noticed, and tails keep their digits.
import { evaluate, GraphBuilder, math, type Value } from "@tabgrad/core";
import { encodeModel, lowerGraph } from "../src/index.ts";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";

const extremes = [NaN, Infinity, -Infinity, 0, 1, -1, 0.5, 1e-30, -1e-30, 3e38, -3e38, 20, -20, 80, -80, 200, -200];
const dense = Array.from({ length: 1201 }, (_, i) => (i - 600) / 20);

/** The value of a function of tensors of one shape, on ONNX Runtime and in float64. */
async function compute(operands: readonly (readonly number[])[], shape: readonly number[], build: (operands: Value[]) => Value) {
  const builder = new GraphBuilder(1);
  const inputs = operands.map((_, i) => builder.emit("input", [], { name: `operand ${i}`, shape, batched: false }));
  const graph = builder.graph({ result: build(inputs) });
  const fed = operands.map((values) => Float32Array.from(values));
  const session = await ort.InferenceSession.create(encodeModel(lowerGraph(graph)), { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const feeds = session.inputNames.map((name) => [name, new ort.Tensor("float32", fed[Number(name.slice(-1))], shape)] as const);
  const { result } = await session.run(Object.fromEntries(feeds));
  await session.release();
  const expected = evaluate(graph, Object.fromEntries(fed.map((values, i) => [`operand ${i}`, values]))).result.data;
  return { actual: [...(result.data as Float32Array)], expected: [...expected] };
}

/** Equal within `digits` of relative error; NaN, infinities and what float32 flushes to 0 must be just that. */
function expectClose(
  { actual, expected }: { actual: number[]; expected: number[] },
  operands: readonly (readonly number[])[],
  relative: number,
) {
  expected.forEach((value, i) => {
    const rounded = Math.fround(value);
    const where = operands.map((operand) => operand[i]).join(", ");
    if (!Number.isFinite(rounded)) expect(actual[i], where).toBe(rounded);
    else expect(Math.abs(actual[i] - value), where).toBeLessThanOrEqual(relative * Math.abs(value) + 1e-37);
  });
}

const unary: Record<string, (x: Value) => Value> = {
  negate: math.negate,
  exp: math.exp,
  log: math.log,
  sqrt: math.sqrt,
  abs: math.abs,
  sign: math.sign,
  step: math.step,
  relu: math.relu,
  leakyRelu: (x) => math.leakyRelu(x, 0.01),
  sigmoid: math.sigmoid,
  tanh: math.tanh,
  softplus: math.softplus,
  erf: math.erf,
  sin: math.sin,
  cos: math.cos,
  "select by a step": (x) => math.select(math.step(x), math.negate(x), math.constant(x, 3)),
  "select by a comparison": (x) => math.select(math.equal(x, 1), x, math.constant(x, 3)),
  "select by any number": (x) => math.select(x, math.constant(x, 2), math.constant(x, 3)),
};

describe.each(Object.entries(unary))("%s", (_, build) => {
  it("is right from end to end of float32", async () => {
    const x = [...extremes, ...dense];
    expectClose(await compute([x], [x.length], ([value]) => build(value)), [x], 5e-7);
  });
});

const binary: Record<string, (a: Value, b: Value) => Value> = {
  add: math.add,
  subtract: math.subtract,
  multiply: math.multiply,
  divide: math.divide,
  maximum: math.maximum,
  minimum: math.minimum,
  equal: math.equal,
  greater: math.greater,
};

describe.each(Object.entries(binary))("%s", (_, build) => {
  it("is right for every pair of extremes", async () => {
    const a = extremes.flatMap((value) => extremes.map(() => value));
    const b = extremes.flatMap(() => extremes);
    expectClose(await compute([a, b], [a.length], ([x, y]) => build(x, y)), [a, b], 2e-7);
  });
});

const alongAxis: Record<string, (x: Value, axis: number) => Value> = {
  sum: (x, axis) => math.sum(x, [axis]),
  max: (x, axis) => math.max(x, [axis]),
  argmax: math.argmax,
  softmax: math.softmax,
  logSoftmax: math.logSoftmax,
};

describe.each(Object.entries(alongAxis))("%s", (_, build) => {
  it.each([
    ["the last axis", 1],
    ["the first axis", 0],
  ])("over %s passes NaN and infinity on, wherever they stand", async (_, axis) => {
    const [lines, length] = [3 * 19, 19];
    // Each of the three extremes at each place of a line.
    const rows = [NaN, Infinity, -Infinity].flatMap((extreme) =>
      Array.from({ length }, (_, at) => Array.from({ length }, (_, i) => (i === at ? extreme : Math.sin(i)))),
    );
    const values =
      axis === 1 ? rows.flat() : Array.from({ length: lines * length }, (_, i) => rows[i % lines][Math.floor(i / lines)]);
    const result = await compute([values], axis === 1 ? [lines, length] : [length, lines], ([x]) => build(x, axis));
    expectClose(result, [values], 2e-6);
  });
});

describe("gelu and its gradient", () => {
  it("are right within float32's digits of 1 and of x, and pass NaN and infinity on", async () => {
    const x = [...dense, NaN, Infinity, -Infinity, 1e19, -1e19, 3e38, -3e38];
    for (const build of [([a]: Value[]) => math.gelu(a), ([a, b]: Value[]) => math.geluGradient(a, b)]) {
      const { actual, expected } = await compute([x, x.map(() => 1)], [x.length], build);
      expected.forEach((value, i) => {
        if (!Number.isFinite(value)) expect(actual[i], `of ${x[i]}`).toBe(value);
        else expect(Math.abs(actual[i] - value), `of ${x[i]}`).toBeLessThanOrEqual(4e-7 * (1 + Math.abs(x[i])));
      });
    }
  });
});

describe.each([
  ["normalise", { centred: true, epsilon: 1e-5 }],
  ["normalise, not centred", { centred: false, epsilon: 1e-6 }],
])("%s", (_, options) => {
  it("passes NaN and infinity on, wherever they stand", async () => {
    const rows = [NaN, Infinity, -Infinity].flatMap((extreme) =>
      Array.from({ length: 19 }, (_, at) => Array.from({ length: 19 }, (_, i) => (i === at ? extreme : Math.sin(i)))),
    );
    const result = await compute([rows.flat()], [3 * 19, 19], ([x]) => math.normalise(x, options));
    expectClose(result, [rows.flat()], 2e-6);
  });

  it("keeps the digits that are left far from 0, also of a sum, and of lines that are all the same", async () => {
    const far = Array.from({ length: 64 }, (_, i) => 1000 + Math.round(64 * Math.sin(i)) / 64);
    const values = [...far, ...far.map(() => 7)];
    const result = await compute([values, values.map(() => 1)], [2, 64], ([x, one]) => math.normalise(math.add(x, one), options));
    result.actual.forEach((value, i) => expect(Math.abs(value - result.expected[i])).toBeLessThan(1e-4));
  });
});

describe("maxPool2d", () => {
  // Each of the three extremes at each place of a window of four.
  const images = [NaN, Infinity, -Infinity].flatMap((extreme) => [0, 1, 2, 3].flatMap((at) => [1, 4, 2, 3].with(at, extreme)));

  it.each([
    ["windows side by side", { kernel: [2, 2] }],
    ["windows that overlap", { kernel: [2, 2], strides: [1, 1], padding: [1, 0, 1, 1] }],
  ] as const)("passes NaN and infinity on, wherever they stand: %s", async (_, options) => {
    const result = await compute([images], [1, 12, 2, 2], ([x]) => math.maxPool2d(x, options));
    // ONNX Runtime starts from the lowest number.
    const lowest = -3.4028234663852886e38;
    expect(result.actual).toEqual(result.expected.map((value) => (value === -Infinity ? lowest : value)));
  });

  it.each([
    ["windows side by side", { kernel: [2, 2] }],
    ["windows that overlap", { kernel: [2, 2], strides: [1, 1] }],
  ] as const)("gives the gradient to the first of equals, also among NaNs: %s", async (_, options) => {
    const x = [0, 0, 0, 0, 1, 1, 2, 2, 0];
    const result = await compute([x], [1, 1, 3, 3], ([value]) => {
      const ones = math.add(math.multiply(math.maxPool2d(value, options), 0), 1);
      return math.maxPool2dGradient(value, ones, options);
    });
    expect(result.actual).toEqual(result.expected);
    const nothing = await compute([x.map(() => NaN)], [1, 1, 3, 3], ([value]) =>
      math.maxPool2dGradient(value, math.maxPool2d(value, options), options),
    );
    expect(nothing.actual.some(Number.isNaN)).toBe(true);
  });
});

describe("pad and concatenate", () => {
  it("let nothing of one part into another", async () => {
    const bad = extremes.slice(0, 4);
    const operands = [bad, [1, 2, 3, 4]];
    const result = await compute(operands, [2, 2], ([x, y]) => math.pad(math.concatenate([x, y, x], 1), 0, 1, 2));
    expect(result.actual).toEqual(result.expected);
  });
});

describe("gather and scatterAdd", () => {
  const indices = [0, 3, -1, 4, 1.5, NaN, Infinity, -Infinity, 1e30, -0, 3, 2];
  const values = indices.map((_, i) => [NaN, Infinity, 1, -2][i % 4]);

  it.each([
    ["fewer rows than indices", 4],
    ["more rows than indices", 40],
  ])("take an index outside for none, with %s", async (_, count) => {
    const found = await compute([values, indices], [indices.length], ([x, index]) =>
      math.gather(count < indices.length ? math.slice(x, 0, 0, count) : math.pad(x, 0, 0, count), index),
    );
    expect(found.actual).toEqual(found.expected);
    const added = await compute([values, indices], [indices.length], ([x, index]) => math.scatterAdd(x, index, count));
    expect(added.actual).toEqual(added.expected);
  });
});

describe("a diverged network", () => {
  it("shows NaN in loss and gradient through matmul, bias and relu", async () => {
    const x = [1, NaN, 2, 3];
    const result = await compute([x, [1, 1, 1, 1]], [2, 2], ([a, b]) =>
      math.relu(math.add(math.matmul(a, b, { transposeB: true }), math.sum(b, [0]))),
    );
    expect(result.actual.map(Number.isNaN)).toEqual([true, true, false, false]);
    expectClose(result, [x], 1e-6);
  });
});
