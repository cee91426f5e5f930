// Numbers at the edge: NaN, infinities, overflow and large inputs mean on the GPU what they mean in float64.
import { GraphBuilder, math, type Shape, type Value } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { parameter, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();

/** Compares y element by element: its factors in the loss are all 1, so y is their gradient. */
async function expectSame(
  operands: readonly { shape: Shape; values: readonly number[] }[],
  build: (...x: Value[]) => Value,
): Promise<void> {
  const builder = new GraphBuilder(1);
  const y = build(...operands.map(({ shape }, i) => parameter(builder, `operand ${i}`, shape)));
  const factors = parameter(builder, "factors", y.shape);
  const forward = builder.graph({ loss: math.reshape(math.sum(math.multiply(y, factors)), [1]) });
  const program = await engine().compile(forward);
  const inputs = operands.flatMap(({ values }) => values);
  const parameters = new Float32Array(program.parameterElements).fill(1);
  parameters.set(inputs);
  await program.setParameters(parameters);
  const batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };
  const gradients = new Float32Array(parameters.length);
  await program.train([batch], gradients);
  const expected = reference(forward, [batch], parameters).gradients;
  for (let i = inputs.length; i < gradients.length; i++) {
    const from = operands.map(({ values }) => values[(i - inputs.length) % values.length]).join(", ");
    expectNumber(gradients[i], expected[i], from);
  }
  await program.close();
}

function expectNumber(found: number, expected: number, from: string): void {
  if (Number.isNaN(expected)) return expect(found, `of ${from}`).toBeNaN();
  // float32 ends earlier than float64.
  if (Math.abs(expected) > 3.4e38) return expect(found, `of ${from}`).toBe(Math.sign(expected) * Infinity);
  const reach = 2e-7 + 3e-5 * Math.abs(expected);
  expect(Math.abs(found - expected), `of ${from}: ${found}, not ${expected}`).toBeLessThanOrEqual(reach);
}

const edge = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.25, -0.3, 1e-4, 7, -7, 30, -30, 80, 100, -100, 1e30, -1e30, 3];
const list = (values: readonly number[]): { shape: Shape; values: readonly number[] } => ({ shape: [values.length], values });

describe("elementwise operations at the edge", () => {
  it.each(["negate", "exp", "log", "sqrt", "abs", "sign", "step", "relu", "sigmoid", "tanh", "softplus", "erf"] as const)(
    "%s",
    async (name) => {
      await expectSame([list(edge)], (x) => math[name](x));
      // And one by one instead of by four.
      await expectSame([list(edge.slice(0, 19))], (x) => math[name](x));
    },
  );

  it.each(["sin", "cos"] as const)("%s", async (name) => {
    // A float32 beyond names an angle only to within a thousandth.
    const angles = edge.filter((x) => !(Math.abs(x) > 5e4 && Math.abs(x) < Infinity));
    await expectSame([list([...angles, 3.1415927, 1.5707964, -4.712389, 6.2831855, 355, 710, 12345.678, -49999.5])], (x) =>
      math[name](x),
    );
  });

  it("erf keeps its digits where it changes its formula", async () => {
    const around = [-6, -1, -1e-3, 1e-3, 0.5, 1, 2, 4, 6].flatMap((x) => [x - 1e-6, x, x + 1e-6]);
    await expectSame([list(around)], math.erf);
  });

  it("gelu and its gradient", async () => {
    await expectSame([list(edge)], math.gelu);
    await expectSame([list(edge), list(edge.map(() => 1))], math.geluGradient);
  });

  it("leakyRelu", async () => {
    await expectSame([list(edge)], (x) => math.leakyRelu(x, 0.1));
  });

  it.each(["add", "subtract", "multiply", "divide", "maximum", "minimum", "equal", "greater"] as const)("%s", async (name) => {
    const some = [NaN, Infinity, -Infinity, 0, 1, -2, 1e30];
    await expectSame([list(some.flatMap((a) => some.map(() => a))), list(some.flatMap(() => some))], (a, b) => math[name](a, b));
  });

  it("power", async () => {
    const bases = [NaN, Infinity, 0, 0.5, 1, 2, -2, -1.5, 10];
    const exponents = [0, 1, 2, 3, -1, -2, 0.5, NaN];
    const pairs = bases.flatMap((a) => exponents.map((b) => [a, b]));
    await expectSame([list(pairs.map(([a]) => a)), list(pairs.map(([, b]) => b))], (a, b) => math.power(a, b));
  });

  it("select takes any condition but 0 for true", async () => {
    await expectSame([list(edge), list(edge.map((_, i) => i))], (condition, x) => math.select(condition, x, math.negate(x)));
  });

  it("constants that are no ordinary numbers", async () => {
    const numbers = [Infinity, -Infinity, NaN, 1e-40, -0, 1 / 3, 16777217, 3.4e38];
    await expectSame([list(numbers.map(() => 1))], (x) => math.multiply(x, math.constant(x, numbers, [numbers.length])));
    for (const number of numbers.filter((value) => Math.abs(value) !== 1e-40)) {
      await expectSame([list([1, 2, 3])], (x) => math.add(x, number));
    }
  });
});

describe("operations along axes at the edge", () => {
  const rows = (...values: number[][]): { shape: Shape; values: readonly number[] } => ({
    shape: [values.length, values[0].length],
    values: values.flat(),
  });

  it.each(["sum", "max"] as const)("%s", async (name) => {
    const x = rows([1, 2, NaN, 4], [1, Infinity, 3, 4], [-Infinity, -Infinity, -Infinity, -Infinity], [Infinity, -Infinity, 0, 1]);
    await expectSame([x], (value) => math[name](value, [1]));
    await expectSame([x], (value) => math[name](value, [0]));
  });

  it.each(["softmax", "logSoftmax"] as const)("%s", async (name) => {
    await expectSame([rows([1e4, 1e4 - 1, -1e4], [0, -Infinity, 0], [NaN, 1, 2], [Infinity, 1, 2], [-50, -51, -52])], (x) =>
      math[name](x),
    );
  });

  it.each([true, false])("normalise, centred: %s", async (centred) => {
    const build = (x: Value): Value => math.normalise(x, { centred, epsilon: 1e-5 });
    await expectSame([rows([7, 7, 7], [0, 0, 0], [NaN, 1, 2], [1, Infinity, 2], [-1e4, 1e4, 0])], build);
    // What is left far from 0 keeps its digits.
    const far = Array.from({ length: 128 }, (_, i) => 1000 + Math.round(64 * Math.sin(i)) / 64);
    await expectSame([rows(far)], build);
  });

  it("argmax takes the first of equals", async () => {
    const line = Array.from({ length: 300 }, (_, i) => (i === 40 || i === 41 || i === 280 ? 5 : i % 5));
    await expectSame([rows(line)], (x) => math.argmax(x));
    await expectSame([rows([-Infinity, -Infinity], [1, 1], [0, 2])], (x) => math.argmax(x));
    await expectSame([rows([3, 1, 2], [3, 4, 2], [1, 4, 2])], (x) => math.argmax(x, 0));
  });

  it("oneHot of what is no class is a row of zeros", async () => {
    await expectSame([list([0, 3, 4, -1, 1.5, NaN])], (x) => math.oneHot(x, 4));
    await expectSame([list([0, 2, 3, -1, 1.5, NaN])], (x) => math.oneHot(x, 3));
  });
});

describe("operations that move values at the edge", () => {
  it.each([4, 3])("pad and concatenate let nothing of one part into another, in rows of %i", async (length) => {
    const bad = { shape: [2, length], values: Array.from({ length: 2 * length }, (_, i) => [NaN, Infinity, -Infinity][i % 3]) };
    const good = { shape: [2, length], values: Array.from({ length: 2 * length }, (_, i) => i) };
    for (const axis of [0, 1]) {
      await expectSame([bad], (x) => math.pad(x, axis, 4, 4));
      await expectSame([bad, good], (x, y) => math.concatenate([x, y, x], axis));
      await expectSame([bad, good], (x, y) => math.slice(math.concatenate([x, y], axis), axis, 1, 3));
    }
  });
});

describe("max pooling at the edge", () => {
  it.each([{ kernel: [2, 2] }, { kernel: [2, 2], strides: [1, 1], padding: [1, 0, 1, 1] }] as const)("%j", async (options) => {
    const places = [0, 1, 2, 3];
    const values = [NaN, Infinity, -Infinity].flatMap((extreme) => places.flatMap((at) => [1, 4, 2, 3].with(at, extreme)));
    const images = { shape: [1, 12, 2, 2], values };
    await expectSame([images], (x) => math.maxPool2d(x, options));
    // The first of equals, too.
    const ties = { shape: [1, 1, 3, 3], values: [0, 0, 0, 0, 1, 1, 2, 2, 0] };
    await expectSame([ties], (x) => math.maxPool2dGradient(x, math.add(math.multiply(math.maxPool2d(x, options), 0), 1), options));
  });
});
