// `tabgrad import`: models of PyTorch and our own, as run files' models that say the same; and the list of what can't be had.
import { encodeModel, exportModel, type OnnxModel } from "@tabgrad/cpu";
import {
  averagePool2d,
  conv1d,
  conv2d,
  crossEntropy,
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
  parameterSlots,
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
    expect(text).toContain("math.select(mask, math.constant(h22, -1e+30), h22)");
    expect(text).toContain('const mask = context.buffer("mask", [1, 1, 6, 6]');
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
        "mask",
      ]
    `);
  });

  it("attends as nn.MultiheadAttention does, which turns samples and positions round inside", async () => {
    const { text, weights } = await imported(fixture("multi-head-attention.onnx"));
    expect(text).toMatchInlineSnapshot(`
      "// A test.
      import { dense, functional, math } from "tabgrad";

      export default functional(
        {
          a_in_proj: dense(24, { flatten: false }),
          a_out_proj: dense(8, { flatten: false }),
        },
        (x, { a_in_proj, a_out_proj }) => {
          const h0 = a_in_proj(x);
          const h1 = math.slice(h0, 2, 0, 8);
          const h2 = math.slice(h0, 2, 8, 16);
          const h3 = math.slice(h0, 2, 16, 24);
          const h4 = math.reshape(h1, [-1, 5, 2, 4]);
          const h5 = math.transpose(h4, [0, 2, 1, 3]);
          const h6 = math.reshape(h5, [-1, 5, 4]);
          const h7 = math.reshape(h2, [-1, 5, 2, 4]);
          const h8 = math.reshape(h3, [-1, 5, 2, 4]);
          const h9 = math.transpose(h8, [0, 2, 1, 3]);
          const h10 = math.reshape(h9, [-1, 5, 4]);
          const h11 = math.divide(h6, 2);
          const h12 = math.transpose(h7, [0, 2, 3, 1]);
          const h13 = math.reshape(h12, [-1, 4, 5]);
          const h14 = math.matmul(h11, h13);
          const h15 = math.softmax(h14);
          const h16 = math.matmul(h15, h10);
          const h17 = math.reshape(h16, [-1, 2, 5, 4]);
          const h18 = math.transpose(h17, [0, 2, 1, 3]);
          const h19 = math.reshape(h18, [-1, 5, 8]);
          const h20 = a_out_proj(h19);
          return h20;
        },
      );
      "
    `);
    expect(weights.map(({ name, shape }) => `${name} ${shape.join()}`)).toMatchInlineSnapshot(`
      [
        "a_in_proj.weight 24,8",
        "a_in_proj.bias 24",
        "a_out_proj.weight 8,8",
        "a_out_proj.bias 8",
      ]
    `);
  });

  it("is an encoder of nn.TransformerEncoderLayer, with a mask, and scores by the vectors of its embedding", async () => {
    const { text, weights } = await imported(fixture("encoder.onnx"));
    expect(text).toContain('context.buffer("mask", [1, 6, 6], ');
    expect(text).toContain("math.gather(tokens, x)");
    expect(text).toMatch(/math\.matmul\(h\d+, tokens, { transposeB: true }\);\n {4}return/);
    expect(weights.map(({ name, shape }) => `${name} ${shape.join()}`)).toMatchInlineSnapshot(`
      [
        "layer_self_attn_in_proj.weight 24,8",
        "layer_self_attn_in_proj.bias 24",
        "layer_self_attn_out_proj.weight 8,8",
        "layer_self_attn_out_proj.bias 8",
        "layer_linear1.weight 12,8",
        "layer_linear1.bias 12",
        "layer_linear2.weight 8,12",
        "layer_linear2.bias 8",
        "tokens 11,8",
        "mask 1,6,6",
        "layer_norm1 8",
        "layer_norm11 8",
        "layer_norm2 8",
        "layer_norm21 8",
      ]
    `);
  });

  it.each(["attention.onnx", "encoder.onnx"])("goes on learning, but for its mask: %s", async (file) => {
    const { text } = await imported(fixture(file));
    const graph = forwardGraph({
      model: evaluated(text),
      loss: crossEntropy(),
      data: { features: { shape: [6], scale: 1, shift: 0 }, labels: { kind: "classes", count: 11, shape: [6] } },
    });
    expect(parameterSlots(graph).flatMap(({ name, frozen }) => (frozen ? [name] : []))).toEqual(["mask"]);
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

  const weight = (name: string, shape: readonly number[], data: readonly number[]) =>
    ({ name, type: "float", shape, data: Float32Array.from(data) }) as const;
  const noise = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i + 1));

  it("reads one tensor in two ways has one parameter", async () => {
    const table = noise(12);
    const turned = Array.from({ length: 12 }, (_, i) => table[(i % 4) * 3 + Math.floor(i / 4)]);
    const file = (initializers: OnnxModel["graph"]["initializers"], scores: string) =>
      written(
        graphOf({
          initializers: [weight("table", [4, 3], table), ...initializers],
          nodes: [
            { ...node("Transpose", ["table"], "columns"), attributes: { perm: { kind: "ints", value: [1, 0] } } },
            { ...node("Cast", ["x"], "i"), attributes: { to: { kind: "int", value: 7 } } },
            node("Gather", ["table", "i"], "h"),
            node("MatMul", ["h", scores], "s"),
            node("Add", ["s", "b"], "y"),
          ],
          inputs: [tensor("x", "n", 2)],
          outputs: [tensor("y", "n", 2, 4)],
        }),
      );
    const bias = weight("b", [4], [1, 2, 3, 4]);
    // Turned in the graph, and by an exporter that keeps both.
    for (const path of [file([bias], "columns"), file([bias, weight("copy", [3, 4], turned)], "copy")]) {
      const { text, weights } = await imported(path);
      expect(weights.map(({ name }) => name)).toEqual(["table", "b"]);
      expect(text).toContain("math.add(math.matmul(h0, table, { transposeB: true }), b)");
    }
    // Other numbers are other parameters.
    const { weights } = await imported(file([bias, weight("own", [3, 4], noise(24).slice(12))], "own"));
    expect(weights.map(({ name }) => name)).toEqual(["own.weight", "own.bias", "table"]);
  });

  it("applies a layer twice has it once, and keeps equal beginnings apart", async () => {
    const twice = (...add: readonly string[]) =>
      written(
        graphOf({
          initializers: [
            weight("w", [3, 3], noise(9)),
            weight("a", [3], noise(3)),
            weight("b", [3], [3, 2, 1]),
            weight("ones", [3], [1, 1, 1]),
          ],
          nodes: [
            node("MatMul", ["x", "w"], "h"),
            node("Add", ["h", add[0]], "i"),
            node("MatMul", ["i", "w"], "j"),
            node("Add", ["j", add[1]], "k"),
            node("Mul", ["k", "ones"], "l"),
            node("Mul", ["l", "ones"], "y"),
          ],
          inputs: [tensor("x", "n", 3)],
          outputs: [tensor("y", "n", 3)],
        }),
      );
    const same = await imported(twice("a", "a"));
    expect(same.weights.map(({ name }) => name)).toEqual(["w.weight", "w.bias", "ones", "ones1"]);
    expect(same.text.match(/= w\(/g)).toHaveLength(2);
    const other = await imported(twice("a", "b"));
    expect(other.weights.map(({ name }) => name)).toEqual(["w", "a", "b", "ones", "ones1"]);
    expect(other.text.match(/math\.matmul\(\w+, w\)/g)).toHaveLength(2);
  });

  it("adds a mask does not train it, where nothing else is made of it", async () => {
    const masked = (also: boolean) =>
      written(
        graphOf({
          initializers: [weight("hide", [3], [0, -Infinity, 0]), weight("shift", [3], [0, -1, 0])],
          nodes: [
            node("Add", ["x", "hide"], "h"),
            node("Softmax", ["h"], "s"),
            node("Add", ["s", "shift"], "t"),
            ...(also ? [node("Mul", ["t", "shift"], "y")] : [node("Relu", ["t"], "y")]),
          ],
          inputs: [tensor("x", "n", 3)],
          outputs: [tensor("y", "n", 3)],
        }),
      );
    const { text, weights } = await imported(masked(true));
    expect(text).toContain('context.buffer("hide"');
    expect(text.match(/context\.parameter\("shift"/g)).toHaveLength(1);
    expect([...weights.find(({ name }) => name === "hide")!.data]).toEqual([0, Math.fround(-1e30), 0]);
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
