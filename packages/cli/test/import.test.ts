// `tabgrad import`: models of PyTorch as run files' models that say the same; and the list of what can't be had.
import { crossEntropy, forwardGraph, parameterSlots } from "@tabgrad/core";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkSupported, translateOnnx } from "../src/import/import-onnx.ts";
import { temporaryFolder } from "./checkpoints.ts";
import { evaluated, fixture, graphOf, imported, node, tensor, written } from "./importing.ts";

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

describe("a model that", () => {
  it("is none is refused", async () => {
    const path = join(temporaryFolder(), "model.onnx");
    await expect(translateOnnx(path)).rejects.toMatchObject({ code: "DATA_NOT_FOUND" });
    for (const bytes of [Buffer.from(""), Buffer.from("{}"), Buffer.from("PK\x03\x04 a zip archive of some length")]) {
      writeFileSync(path, bytes);
      await expect(translateOnnx(path)).rejects.toMatchObject({ code: "ONNX_INVALID" });
    }
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
