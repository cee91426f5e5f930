// Exported models: any ONNX runtime computes with them what the engine does, for any number of rows.
import {
  binaryCrossEntropy,
  conv2d,
  crossEntropy,
  dense,
  evaluate,
  forwardGraph,
  functional,
  globalMaxPool,
  inferenceGraph,
  layerNorm,
  math,
  maxPool2d,
  meanSquaredError,
  parameterSlots,
  relu,
  reshape,
  residual,
  rmsNorm,
  sequential,
  sigmoid,
  softmaxOf,
  tanh,
  transformerBlock,
  type Graph,
} from "@tabgrad/core";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeModel, exportModel, externalise, type OnnxModel } from "../src/index.ts";
import { createNodeCpuEngine, openOnnxFile, type OnnxValues } from "../src/node.ts";
import { numbers, parametersOf, relativeError } from "./models.ts";

const about = { producerVersion: "1.2.3", documentation: "a test", metadata: { run: "test" } };
const features = { shape: [3, 4], scale: Array.from({ length: 12 }, (_, i) => 1 + i / 10), shift: -0.5 };
const classes = { kind: "classes", count: 5 } as const;
const attention = functional({ key: dense(6), value: dense(6) }, (x, { key, value }) =>
  math.matmul(math.softmax(math.matmul(key(x), value(x), { transposeB: true })), value(x)),
);

const models: Record<string, Graph> = {
  "a classifier": forwardGraph({
    model: sequential(dense(6), relu(), dense(5)),
    loss: crossEntropy(),
    data: { features, labels: classes },
  }),
  "a yes or no": forwardGraph({
    model: sequential(dense(6), tanh(), dense(1)),
    loss: binaryCrossEntropy(),
    data: { features, labels: { kind: "classes", count: 2 } },
  }),
  "values with a branch": forwardGraph({
    model: sequential(dense(8), residual(dense(8), sigmoid(), dense(8)), dense(2), reshape([2, 1])),
    loss: meanSquaredError(),
    data: { features, labels: { kind: "values", shape: [2, 1] } },
  }),
  images: forwardGraph({
    model: sequential(
      reshape([1, 3, 4]),
      conv2d(4, 2, { padding: "same", activation: relu() }),
      maxPool2d(2, { padding: 1 }),
      dense(3),
    ),
    loss: meanSquaredError(),
    data: { features, labels: { kind: "values", shape: [4, 2, 3] } },
  }),
  "products of batches": forwardGraph({
    model: attention,
    loss: meanSquaredError(),
    data: { features, labels: { kind: "values", shape: [3, 6] } },
  }),
  "a transformer": forwardGraph({
    model: sequential(transformerBlock({ heads: 1, causal: true, rotary: true, dropout: 0.1 }), layerNorm(), rmsNorm()),
    loss: meanSquaredError(),
    data: { features, labels: { kind: "values", shape: [3, 4] } },
  }),
};

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "tabgrad-onnx-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(
  model: OnnxModel,
  data: Float32Array,
  rows: number,
  pieces: readonly Uint8Array[] = [],
): Promise<Record<string, OnnxValues>> {
  const path = join(folder, "model.onnx");
  await writeFile(path, encodeModel(model));
  if (pieces.length > 0) await writeFile(join(folder, "model.onnx.data"), Buffer.concat(pieces));
  const file = await openOnnxFile(path);
  try {
    return await file.run({ features: { data, shape: [rows, ...features.shape] } });
  } finally {
    await file.close();
  }
}

it("has the standard's LayerNormalization, factors included", () => {
  const forward = models["a transformer"];
  const { nodes } = exportModel(forward, { parameters: parametersOf(forward, 3), about }).graph;
  const found = nodes.filter(({ type }) => type === "LayerNormalization");
  expect(found.map(({ inputs }) => inputs.slice(1))).toEqual([
    ["0.norm1.weight", "0.norm1.bias"],
    ["0.norm2.weight", "0.norm2.bias"],
    ["1.weight", "1.bias"],
  ]);
});

describe.each(Object.entries(models))("%s", (_, forward) => {
  const parameters = parametersOf(forward, 3);
  const model = exportModel(forward, { parameters, about });

  it.each([1, 2, 3, 17])("predicts %i rows as the engine and the reference do", async (rows) => {
    const data = numbers(rows * 12, rows);
    const engine = await createNodeCpuEngine();
    const program = await engine.compile(forward);
    await program.setParameters(parameters);
    const predicted = await program.predict({ rows, samples: rows, inputs: { features: data }, weights: new Float32Array(rows) });
    await engine.close();
    const found = (await run(model, data, rows)).prediction;
    const expected = evaluate(inferenceGraph(forward, rows), { features: data }, parameters).prediction;
    expect(found.shape).toEqual(expected.shape);
    expect(relativeError(found.data, predicted)).toBeLessThan(2e-6);
    expect(relativeError(found.data, expected.data)).toBeLessThan(2e-6);
  });

  it("has plain names, free rows, and its weights inside under the names of the parameters", () => {
    const { inputs, outputs, initializers, nodes } = model.graph;
    expect(inputs).toEqual([{ name: "features", type: "float", shape: ["batch", 3, 4] }]);
    expect(outputs[0].name).toBe("prediction");
    for (const { shape } of outputs) expect(shape[0]).toBe("batch");
    const named = new Map(initializers.map(({ name, shape }) => [name, shape]));
    for (const { name, shape } of parameterSlots(forward)) expect(named.get(name)).toEqual(shape);
    for (const { inputs: read } of nodes) expect(read.some((name) => name.startsWith("parameter:"))).toBe(false);
  });

  it("is the same whether its weights are inside or beside it", async () => {
    const data = numbers(5 * 12, 1);
    const { model: outer, pieces } = externalise(model, "model.onnx.data");
    const inner = await run(model, data, 5);
    expect(await run(outer, data, 5, pieces)).toEqual(inner);
  });
});

it("says probabilities where the loss reads logits, and nothing of the kind elsewhere", async () => {
  const data = numbers(2 * 12, 9);
  const results = Object.values(models).map((forward) => exportModel(forward, { parameters: parametersOf(forward, 1), about }));
  expect(results.map(({ graph }) => graph.outputs.map(({ name }) => name).join())).toEqual([
    "prediction,probabilities",
    "prediction,probabilities",
    "prediction",
    "prediction",
    "prediction",
    "prediction",
  ]);
  const { prediction, probabilities } = await run(results[0], data, 2);
  expect(relativeError(probabilities.data.slice(5), softmaxOf(prediction.data.slice(5)))).toBeLessThan(1e-6);
  const binary = await run(results[1], data, 2);
  expect(binary.probabilities.data[1]).toBeCloseTo(1 / (1 + Math.exp(-binary.prediction.data[1])), 6);
});

it("keeps to the standard's plain operators where training goes out of its way for a NaN", () => {
  const model = sequential(reshape([1, 3, 4]), conv2d(2, 2), maxPool2d(2, { stride: 1 }), globalMaxPool());
  const data = { features, labels: { kind: "values", shape: [2] } } as const;
  const forward = forwardGraph({ model, loss: meanSquaredError(), data });
  const types = exportModel(forward, { parameters: parametersOf(forward, 1), about }).graph.nodes.map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(["Conv", "MaxPool", "ReduceMax"]) as string[]);
  for (const type of ["IsNaN", "Where", "Cast", "AveragePool"]) expect(types).not.toContain(type);
});

it("puts weights from a page on into the file beside it, each at a page", () => {
  const forward = forwardGraph({
    model: dense(1500, { flatten: true }),
    loss: meanSquaredError(),
    data: { features, labels: { kind: "values", shape: [1500] } },
  });
  const { model, pieces } = externalise(exportModel(forward, { parameters: parametersOf(forward, 1), about }), "w.data");
  const weight = model.graph.initializers.find(({ name }) => name === "weight")!;
  const bias = model.graph.initializers.find(({ name }) => name === "bias")!;
  expect(weight.external).toEqual({ location: "w.data", offset: 0, length: 72_000 });
  expect(bias.external).toEqual({ location: "w.data", offset: 73_728, length: 6000 });
  expect(Buffer.concat(pieces)).toHaveLength(73_728 + 8192);
  expect(encodeModel(model).length).toBeLessThan(4000);
});
