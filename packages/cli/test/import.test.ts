// `tabgrad import`: models of PyTorch and our own, as run files' models that say the same; and the list of what can't be had.
import { encodeModel, exportModel, type OnnxModel } from "@tabgrad/cpu";
import {
  averagePool2d,
  conv1d,
  conv2d,
  dense,
  embedding,
  flatten,
  functional,
  gelu,
  globalMaxPool,
  leakyRelu,
  math,
  maxPool1d,
  meanSquaredError,
  forwardGraph,
  initialParameters,
  layerNorm,
  permute,
  relu,
  reshape,
  residual,
  sequential,
  sigmoid,
  softmax,
  tanh,
  transformerBlock,
  unembedding,
  type Layer,
  type Shape,
} from "@tabgrad/core";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";
import { describe, expect, it } from "vitest";
import { compareWithOriginal } from "../src/import/compare.ts";
import { checkSupported, translateOnnx, type ImportOptions } from "../src/import/import-onnx.ts";
import { modelSource } from "../src/import/source.ts";
import * as tabgrad from "../src/index.ts";
import { temporaryFolder } from "./checkpoints.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** The model that the source says, as a run file would get it. */
function evaluated(text: string): Layer {
  const imports = /import (\{.*\}) from "tabgrad";/.exec(text)![1];
  const body = text.replace(/^(?:\/\/.*\n)*import .*\n/, "").replace("export default", "return");
  return (compileFunction(`const ${imports} = tabgrad; ${body}`, ["tabgrad"]) as (from: typeof tabgrad) => Layer)(tabgrad);
}

async function imported(path: string, options?: ImportOptions) {
  const translation = await translateOnnx(path, options);
  checkSupported(translation, path);
  const { text, weights } = modelSource(translation, ["A test."]);
  const difference = await compareWithOriginal(path, evaluated(text), weights, translation);
  expect(difference).toBeLessThan(1e-5);
  return { text, weights };
}

/** Written by our own exporter. */
function exported(model: Layer, shape: Shape, outputs: Shape): string {
  const data = { features: { shape, scale: 1, shift: 0 }, labels: { kind: "values", shape: outputs } } as const;
  const forward = forwardGraph({ model, loss: meanSquaredError(), data });
  const about = { producerVersion: "0", documentation: "", metadata: {} };
  return written(exportModel(forward, { parameters: initialParameters(forward, 5), about }));
}

function written(model: OnnxModel): string {
  const path = join(temporaryFolder(), "model.onnx");
  writeFileSync(path, encodeModel(model));
  return path;
}

describe("a model of PyTorch", () => {
  it("is a sequential where it is one, with names that follow from it", async () => {
    const { text, weights } = await imported(fixture("mlp.onnx"));
    expect(text).toMatchInlineSnapshot(`
      "// A test.
      import { dense, relu, sequential, softmax } from "tabgrad";

      export default sequential(
        dense(8),
        relu(),
        dense(3),
        softmax(),
      );
      "
    `);
    expect(weights.map(({ name }) => name)).toMatchInlineSnapshot(`
      [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
      ]
    `);
  });

  it("has normalisation by fixed statistics folded into the layer before", async () => {
    const { text } = await imported(fixture("batch-norm.onnx"));
    expect(text).toMatchInlineSnapshot(`
      "// A test.
      import { dense, flatten, leakyRelu, sequential } from "tabgrad";

      export default sequential(
        flatten(),
        dense(8),
        leakyRelu({ slope: 0.2 }),
        dense(3, { bias: false }),
      );
      "
    `);
  });

  it("convolves and pools", async () => {
    const { text } = await imported(fixture("convolution.onnx"));
    expect(text).toMatchInlineSnapshot(`
      "// A test.
      import { averagePool2d, conv2d, dense, functional, globalAveragePool, math, maxPool2d } from "tabgrad";

      export default functional(
        {
          conv2d1: conv2d(4, 3, { padding: 1 }),
          maxPool2d1: maxPool2d(2),
          conv2d_4: conv2d(8, [3, 2], { stride: 2, dilation: [1, 2], groups: 2 }),
          averagePool2d1: averagePool2d(2, { stride: 1 }),
          globalAveragePool1: globalAveragePool(),
          dense_8: dense(5),
        },
        (x, { conv2d1, maxPool2d1, conv2d_4, averagePool2d1, globalAveragePool1, dense_8 }) => {
          const h0 = conv2d1(x);
          const h1 = math.relu(h0);
          const h2 = maxPool2d1(h1);
          const h3 = conv2d_4(h2);
          const h4 = math.pad(h3, 2, 1, 1);
          const h5 = math.pad(h4, 3, 1, 1);
          const h6 = averagePool2d1(h5);
          const h7 = globalAveragePool1(h6);
          const h8 = dense_8(h7);
          return h8;
        },
      );
      "
    `);
  });

  it("is a function of its layers where values branch, with the names that it had", async () => {
    const { text, weights } = await imported(fixture("block.onnx"));
    expect(text).toMatchInlineSnapshot(`
      "// A test.
      import { dense, functional, layerNorm, math } from "tabgrad";

      export default functional(
        {
          norm: layerNorm(),
          up: dense(12, { flatten: false }),
          down: dense(6, { flatten: false }),
          head: dense(2),
        },
        (x, { norm, up, down, head }, context) => {
          const position = context.parameter("position", [5, 6], { kind: "constant", value: 0 });
          const h0 = math.add(x, position);
          const h1 = norm(h0);
          const h2 = up(h1);
          const h3 = math.divide(h2, 1.4142135381698608);
          const h4 = math.erf(h3);
          const h5 = math.add(h4, 1);
          const h6 = math.multiply(h2, h5);
          const h7 = math.multiply(h6, 0.5);
          const h8 = down(h7);
          const h9 = math.add(h0, h8);
          const h10 = math.reshape(h9, [-1, 5, 3, 2]);
          const h11 = math.transpose(h10, [0, 2, 1, 3]);
          const h12 = math.reshape(h11, [-1, 30]);
          const h13 = math.slice(h12, 1, 0, 6);
          const h14 = head(h13);
          const h15 = math.slice(h12, 1, 6, 8);
          const h16 = math.power(h15, 2);
          const h17 = math.add(h16, 1);
          const h18 = math.divide(h14, h17);
          return h18;
        },
      );
      "
    `);
    expect(weights.map(({ name }) => name)).toMatchInlineSnapshot(`
      [
        "norm.weight",
        "norm.bias",
        "up.weight",
        "up.bias",
        "down.weight",
        "down.bias",
        "head.weight",
        "head.bias",
        "position",
      ]
    `);
  });

  it("attends, with a mask of its own and one product for queries, keys and values", async () => {
    const { text, weights } = await imported(fixture("attention.onnx"));
    expect(text).toContain("const h0 = math.gather(tokens, x);");
    expect(text).toContain("math.select(parameter, math.constant(h22, -1e+30), h22)");
    expect(text.match(/= attend\(/g)).toHaveLength(1);
    expect(weights.map(({ name }) => name)).toMatchInlineSnapshot(`
      [
        "attend.weight",
        "attend.bias",
        "project.weight",
        "project.bias",
        "dense1.weight",
        "tokens",
        "positions",
        "norm",
        "norm1",
        "parameter",
      ]
    `);
  });

  it("that can't be had is told of, with every node and why", async () => {
    const translation = await translateOnnx(fixture("lstm.onnx"));
    expect(() => checkSupported(translation, "lstm.onnx")).toThrow(
      expect.objectContaining({
        code: "ONNX_UNSUPPORTED",
        message: expect.stringMatching(
          /^lstm\.onnx cannot be imported: \d of its nodes have no counterpart here:(\n {2}.+ \(\w+\): .+)+$/,
        ) as string,
      }),
    );
    expect(translation.problems.map(({ operation }) => operation)).toEqual(expect.arrayContaining(["LSTM", "CumSum"]) as string[]);
  });
});

describe("what was exported here comes back", () => {
  it.each<[string, Layer, Shape, Shape]>([
    [
      "a perceptron",
      sequential(dense(5), relu(), dense(4, { bias: false }), leakyRelu({ slope: 0.3 }), dense(2), softmax()),
      [3],
      [2],
    ],
    ["one layer", dense(2), [3], [2]],
    ["sequences", sequential(dense(4, { flatten: false }), tanh(), dense(3)), [5, 2], [5, 3]],
    ["a residual block", sequential(dense(4), residual(dense(4), sigmoid(), dense(4))), [3], [4]],
    ["normalisation and gelu", sequential(layerNorm(), gelu(), dense(2)), [3], [2]],
    [
      "convolutions",
      sequential(
        conv2d(4, 3, { stride: 2, padding: "same", activation: relu() }),
        averagePool2d(2, { padding: 1, countPadding: true }),
        conv2d(4, [1, 3], { groups: 2 }),
        globalMaxPool(),
      ),
      [2, 6, 9],
      [4],
    ],
    [
      "convolutions of sequences",
      sequential(conv1d(3, 4, { dilation: 2, padding: 1 }), maxPool1d(2), flatten(), dense(2)),
      [2, 16],
      [2],
    ],
    ["other shapes", sequential(reshape([2, 6]), permute([1, 0]), reshape([12]), dense(2)), [3, 4], [2]],
    [
      "attention",
      functional({ key: dense(4), value: dense(4) }, (x, { key, value }) =>
        math.matmul(math.softmax(math.matmul(key(x), value(x), { transposeB: true })), value(x)),
      ),
      [3, 4],
      [3, 4],
    ],
    [
      "a language model, whose look-ups and masks are several nodes in the file",
      (() => {
        const tokens = embedding(7, 8);
        return sequential(
          tokens,
          transformerBlock({ heads: 2, causal: true, rotary: true }),
          transformerBlock({ heads: 2, activation: relu() }),
          layerNorm(),
          unembedding(tokens),
        );
      })(),
      [5],
      [5, 7],
    ],
    [
      "parts of a sample",
      functional({ left: dense(3) }, (x, { left }) =>
        math.concatenate(
          [
            left(math.slice(x, 1, 0, 2)),
            math.pad(math.maximum(x, 0.1), 1, 1, 2),
            math.divide(math.constant(x, 2), math.add(math.square(x), 1)),
          ],
          1,
        ),
      ),
      [4],
      [14],
    ],
  ])("%s", async (_, model, shape, outputs) => {
    await imported(exported(model, shape, outputs));
  });
});

describe("a model that", () => {
  it("is none is refused", async () => {
    const path = join(temporaryFolder(), "model.onnx");
    await expect(translateOnnx(path)).rejects.toMatchObject({ code: "DATA_NOT_FOUND" });
    for (const bytes of [Buffer.from(""), Buffer.from("{}"), Buffer.from("PK\x03\x04 a zip archive of some length")]) {
      writeFileSync(path, bytes);
      await expect(translateOnnx(path)).rejects.toMatchObject({ code: "ONNX_INVALID" });
    }
  });

  const tensor = (name: string, ...shape: (number | string)[]) => ({ name, type: "float", shape }) as const;
  const node = (type: string, inputs: string[], output: string) => ({
    type,
    inputs,
    outputs: [output],
    attributes: {},
    documentation: "",
  });
  const graphOf = (parts: Partial<OnnxModel["graph"]>): OnnxModel => ({
    graph: { name: "test", nodes: [], initializers: [], inputs: [], outputs: [], ...parts },
    opset: 20,
  });

  it("leaves open what a sample looks like needs to be told", async () => {
    const path = written(
      graphOf({ nodes: [node("Relu", ["x"], "y")], inputs: [tensor("x", "n", "width")], outputs: [tensor("y", "n", "width")] }),
    );
    await expect(translateOnnx(path)).rejects.toMatchObject({
      code: "ONNX_UNSUPPORTED",
      remedy: expect.stringContaining("--input-shape") as string,
    });
    await expect(translateOnnx(path, { inputShape: [2, 2] })).rejects.toMatchObject({ code: "ONNX_UNSUPPORTED" });
    await imported(path, { inputShape: [3] });
  });

  it("takes several inputs, or gives several results", async () => {
    const two = graphOf({
      nodes: [node("Add", ["a", "b"], "y"), node("Relu", ["a"], "z")],
      inputs: [tensor("a", "n", 2), tensor("b", "n", 2)],
      outputs: [tensor("y", "n", 2), tensor("z", "n", 2)],
    });
    await expect(translateOnnx(written(two))).rejects.toMatchObject({
      message: expect.stringContaining("takes 2 inputs (a, b)") as string,
    });
    const one = graphOf({
      ...two.graph,
      nodes: [node("Add", ["a", "a"], "y"), node("Relu", ["a"], "z")],
      inputs: [tensor("a", "n", 2)],
    });
    expect((await imported(written(one))).text).toContain("math.add(x, x)");
    expect((await imported(written(one), { output: "z" })).text).toContain("relu()");
    await expect(translateOnnx(written(one), { output: "q" })).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});
