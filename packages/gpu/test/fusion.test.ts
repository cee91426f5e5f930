// Which kernels a model becomes, and their text. No device: a changed snapshot is a changed kernel, to be read before it is accepted.
import { GraphBuilder, math, type Graph } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layoutOf } from "../src/plan/layout.ts";
import { FunctionSet } from "../src/wgsl/functions.ts";
import { f32 } from "../src/wgsl/number.ts";
import type { Dispatch } from "../src/wgsl/shader.ts";
import { compileVariant, type Purpose } from "../src/variant.ts";
import { dataset, limits, mlp, parameter } from "./support.ts";

const dispatches = (forward: Graph, purpose: Purpose, rows: number): readonly Dispatch[] =>
  compileVariant(forward, purpose, rows, layoutOf(forward), limits).lowered.dispatches;

describe("fusion", () => {
  it("gives a training step of a perceptron with one hidden layer these kernels", () => {
    const labels = dispatches(mlp([784, 128, 10]), "train", 32).map(({ label }) => label);
    expect(labels).toMatchInlineSnapshot(`
      [
        "dense 1: matmul",
        "dense 1: matmul",
        "dense 2: matmul",
        "logSoftmax",
        "cross-entropy: sum",
        "sum of loss: sum",
        "accuracy: argmax",
        "sum of metric:accuracy: sum",
        "multiply gradient: multiply",
        "logSoftmax gradient: sum",
        "logSoftmax gradient: subtract",
        "dense 2 gradient: sum",
        "dense 2 gradient: matmul",
        "dense 2 gradient: matmul",
        "dense 1 gradient: sum",
        "dense 1 gradient: matmul",
      ]
    `);
  });

  it("computes a chain of elementwise operations in one kernel", () => {
    const builder = new GraphBuilder(1);
    const x = dataset(builder, "x", [3, 8]);
    const chain = math.add(math.multiply(math.tanh(x), 2), math.sigmoid(math.subtract(x, 1)));
    const forward = builder.graph({ loss: math.sum(chain, [1, 2]) });
    expect(dispatches(forward, "evaluate", 4).map(({ label }) => label)).toEqual(["sum", "sum of loss: sum"]);
  });

  it("makes equal layers share their shaders", () => {
    const shaders = dispatches(mlp([32, 32, 32, 32, 32]), "train", 16).map(({ code }) => code);
    expect(new Set(shaders).size).toBeLessThan(shaders.length - 8);
  });

  it("stores what several kernels need, once", () => {
    const builder = new GraphBuilder(1);
    const x = dataset(builder, "x", [6]);
    const costly = builder.scope("costly", () => math.exp(x));
    const forward = builder.graph({ loss: math.sum(costly, [1]), "metric:top": math.max(costly, [1]) });
    const labels = dispatches(forward, "evaluate", 4).map(({ label }) => label);
    expect(labels.filter((label) => label.startsWith("costly"))).toHaveLength(1);
  });

  it("does not compute an exponential again for every element that it is repeated to", () => {
    const builder = new GraphBuilder(1);
    const x = dataset(builder, "x", [1]);
    const wide = math.multiply(math.exp(x), dataset(builder, "y", [100]));
    const forward = builder.graph({ loss: math.sum(wide, [1]) });
    expect(dispatches(forward, "evaluate", 4)).toHaveLength(3);
  });
});

describe("kernel text", () => {
  it.each([
    ["a dense layer with a fused bias and ReLU, tiles that fit", mlp([32, 64, 4]), 32, /^dense 1: matmul/],
    ["a dense layer whose tiles do not fit", mlp([5, 7, 3]), 3, /^dense 2: matmul/],
    ["the logarithm of softmax", mlp([5, 7, 3]), 3, /^logSoftmax/],
    ["a sum per sample, with what precedes it", mlp([5, 7, 3]), 3, /^cross-entropy/],
    ["argmax, compared with the label", mlp([5, 7, 3]), 3, /^accuracy: argmax/],
  ] as const)("of %s", (_, forward, rows, label) => {
    expect(dispatches(forward, "evaluate", rows).find((dispatch) => label.test(dispatch.label))!.code).toMatchSnapshot();
  });

  it("of a weight gradient whose long k is cut into parts", () => {
    const forward = mlp([8, 4]);
    const parts = dispatches(forward, "train", 512).filter(({ label }) => label === "dense 1 gradient: matmul");
    expect(parts).toHaveLength(2);
    expect(parts.map(({ code }) => code).join("\n")).toMatchSnapshot();
  });

  it("of elements that are moved, by four", () => {
    const builder = new GraphBuilder(1);
    const x = parameter(builder, "x", [4, 6]);
    const moved = math.add(math.transpose(x, [1, 0]), math.oneHot(parameter(builder, "index", [6]), 4));
    const stored = math.softmax(moved);
    const forward = builder.graph({ loss: math.reshape(math.sum(stored), [1]) });
    expect(dispatches(forward, "evaluate", 1)[0].code).toMatchSnapshot();
  });
});

describe("numbers in shaders", () => {
  it("read back as the same float32", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = f32(value, () => "fromBits");
        const bits = /^fromBits\(0x([0-9a-f]+)u\)$/.exec(text);
        const found = bits ? new Float32Array(Uint32Array.of(parseInt(bits[1], 16)).buffer)[0] : Math.fround(Number(text));
        expect(Object.is(found, value)).toBe(true);
      }),
    );
  });

  it("are floats to WGSL, and short", () => {
    const text = (value: number): string => f32(value, () => "fromBits");
    expect([0, -0, 1, -2, 0.1, 1e-7, 1e30, 1 / 3, Infinity].map(text)).toEqual([
      "0.0",
      "-0.0",
      "1.0",
      "-2.0",
      "0.1",
      "1e-7",
      "1e+30",
      "0.33333334",
      "fromBits(0x7f800000u)",
    ]);
  });

  it("functions bring those that they call", () => {
    const functions = new FunctionSet();
    functions.use("tanh", 4);
    expect(functions.text().map((text) => /fn (\w+)/.exec(text)![1])).toEqual(["fromBits", "isNan4", "exp4", "tanh4"]);
  });
});
