// The matmul kernel where its tiles fit and where they do not, with every flag, batched, in parts, and with what is fused into it.
import { GraphBuilder, math, parameterElements, type Graph, type Value } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { layoutOf } from "../src/plan/layout.ts";
import { compileVariant } from "../src/variant.ts";
import { dataset, expectClose, limits, numbers, parameter, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();

interface Case {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly after?: (product: Value, builder: GraphBuilder) => Value;
}

/** Its loss weighs every element of the product differently, so that none can be wrong unnoticed. */
function graphOf({ a, b, transposeA = false, transposeB = false, after }: Case): Graph {
  const builder = new GraphBuilder(1);
  const product = math.matmul(parameter(builder, "a", a), parameter(builder, "b", b), { transposeA, transposeB });
  const y = after?.(product, builder) ?? product;
  const factors = parameter(builder, "factors", y.shape);
  return builder.graph({ loss: math.reshape(math.sum(math.multiply(y, factors)), [1]) });
}

async function check(case_: Case, tolerance = 1e-5): Promise<void> {
  const forward = graphOf(case_);
  const parameters = numbers(parameterElements(forward));
  const batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };
  const program = await engine().compile(forward);
  await program.setParameters(parameters);
  const gradients = new Float32Array(parameters.length);
  const { lossSum } = await program.train([batch], gradients);
  const expected = reference(forward, [batch], parameters);
  // The gradient of the factors is the product itself.
  expectClose(gradients, expected.gradients, tolerance);
  expectClose([lossSum], [expected.sums.lossSum], 20 * tolerance);
  await program.close();
}

const flags = [false, true].flatMap((transposeA) => [false, true].map((transposeB) => ({ transposeA, transposeB })));
const shape = (rows: number, columns: number, transposed: boolean): number[] => (transposed ? [columns, rows] : [rows, columns]);

describe.each(flags)("matmul with $transposeA, $transposeB", ({ transposeA, transposeB }) => {
  it.each([
    ["whole tiles", 64, 32, 32],
    ["part of one tile", 3, 5, 7],
    ["part of the last tiles, by four", 36, 44, 40],
    ["part of the last tiles, one by one", 33, 35, 37],
    ["one row and one column", 1, 34, 1],
  ])("%s", async (_, m, k, n) => {
    await check({ a: shape(m, k, transposeA), b: shape(k, n, transposeB), transposeA, transposeB });
  });

  it("broadcasts its batch on both sides", async () => {
    await check({ a: [3, 1, ...shape(5, 6, transposeA)], b: [2, ...shape(6, 4, transposeB)], transposeA, transposeB });
  });

  it.each([
    ["by four", 100, 20, 120],
    ["one by one", 101, 21, 118],
  ])("takes large tiles where there is enough for them, and part of the last ones, %s", async (_, m, k, n) => {
    await check({ a: [130, ...shape(m, k, transposeA)], b: [130, ...shape(k, n, transposeB)], transposeA, transposeB });
  });

  it("takes one matrix for a whole batch", async () => {
    await check({ a: [2, 3, ...shape(5, 6, transposeA)], b: shape(6, 8, transposeB), transposeA, transposeB });
  });

  it("cuts a long k into parts", async () => {
    await check({ a: shape(9, 700, transposeA), b: shape(700, 12, transposeB), transposeA, transposeB }, 3e-5);
  });
});

describe("what follows a matmul", () => {
  it.each([
    [6, 8],
    [6, 7],
  ])("is fused: bias and activation, [%i, %i]", async (m, n) => {
    await check({
      a: [m, 5],
      b: [5, n],
      after: (product, builder) => math.tanh(math.add(product, parameter(builder, "bias", [n]))),
    });
  });

  it("is fused through a reshape", async () => {
    await check({ a: [4, 5], b: [5, 8], after: (product) => math.sigmoid(math.reshape(product, [2, 2, 8])) });
  });

  it("is not fused where an element is needed elsewhere", async () => {
    await check({
      a: [4, 5],
      b: [5, 8],
      after: (product) => math.multiply(math.transpose(product, [1, 0]), math.transpose(math.exp(product), [1, 0])),
    });
  });

  it("may be the matmul of a matrix with itself", async () => {
    const builder = new GraphBuilder(1);
    const a = parameter(builder, "a", [6, 10]);
    const forward = builder.graph({ loss: math.reshape(math.sum(math.square(math.matmul(a, a, { transposeB: true }))), [1]) });
    const parameters = numbers(60);
    const batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };
    const program = await engine().compile(forward);
    await program.setParameters(parameters);
    const gradients = new Float32Array(60);
    await program.train([batch], gradients);
    expectClose(gradients, reference(forward, [batch], parameters).gradients);
    await program.close();
  });

  it("that is a weight shared by a sequence has its gradient from one product", async () => {
    const builder = new GraphBuilder(1);
    const sequence = dataset(builder, "x", [5, 6]);
    const weight = parameter(builder, "weight", [7, 6]);
    const y = math.tanh(math.matmul(sequence, weight, { transposeB: true }));
    const forward = builder.graph({ loss: math.sum(y, [1, 2]) });
    const labels = compileVariant(forward, "train", 4, layoutOf(forward), limits).lowered.dispatches.map(({ label }) => label);
    expect(labels.filter((label) => label.includes("gradient"))).toEqual(["tanh gradient: multiply", "matmul gradient: matmul"]);
    const parameters = numbers(42);
    const batch = { rows: 4, samples: 4, inputs: { x: numbers(120, 2) }, weights: new Float32Array(4).fill(1) };
    const program = await engine().compile(forward);
    await program.setParameters(parameters);
    const gradients = new Float32Array(42);
    await program.train([batch], gradients);
    expectClose(gradients, reference(forward, [batch], parameters).gradients);
    await program.close();
  });
});
