// Predictions: what the model says of each sample, with the parameters of the moment, from a graph with a loss or without one.
import {
  crossEntropy,
  dense,
  evaluate,
  forwardGraph,
  inferenceGraph,
  meanSquaredError,
  predictionGraph,
  relu,
  reshape,
  sequential,
  tanh,
  type Batch,
  type Engine,
  type Graph,
} from "@tabgrad/core";
import { createCpuEngine } from "../src/index.ts";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { numbers, parametersOf, relativeError, trained } from "./models.ts";

const features = { shape: [7], scale: 0.5, shift: 1 };
const classifier = sequential(dense(6), relu(), dense(5));

/** By the shape of what they predict. */
const models: Record<string, Graph> = {
  "[rows]": forwardGraph({
    model: sequential(dense(6), tanh(), dense(1), reshape([])),
    loss: meanSquaredError(),
    data: { features, labels: { kind: "values", shape: [] } },
  }),
  "[rows, 5]": forwardGraph({ model: classifier, loss: crossEntropy(), data: { features, labels: { kind: "classes", count: 5 } } }),
  "[rows, 2, 3]": predictionGraph(sequential(dense(6), reshape([2, 3])), features),
};
const withLoss = Object.keys(models).slice(0, 2);

/** The rows after the samples are padding, full of what must not come through. */
function batchOf(rows: number, seed: number, samples = rows): Batch {
  const values = numbers(rows * 7, seed);
  values.fill(NaN, samples * 7);
  return { rows, samples, inputs: { features: values }, weights: new Float32Array(0) };
}

const labelled = (batch: Batch): Batch => ({
  ...batch,
  inputs: { ...batch.inputs, labels: new Float32Array(batch.rows).fill(1) },
  weights: new Float32Array(batch.rows).fill(1),
});

/** In float64, without the padding. */
function reference(forward: Graph, { rows, samples, inputs }: Batch, parameters: ArrayLike<number>): Float64Array {
  const { shape, data } = evaluate(inferenceGraph(forward, rows), inputs, parameters).prediction;
  const sample = shape.slice(1).reduce((product, size) => product * size, 1);
  return Float64Array.from(data).slice(0, samples * sample);
}

describe.each(["written", "returned"] as const)("a runtime whose results are %s", (results) => {
  let engine: Engine;
  beforeAll(() => void (engine = createCpuEngine({ ort, threads: 1, results, description: "test" })));
  afterAll(() => engine.close());

  async function program(forward: Graph) {
    const parameters = parametersOf(forward, 1);
    const compiled = await engine.compile(forward);
    await compiled.setParameters(parameters);
    return { compiled, parameters };
  }

  describe.each(Object.entries(models))("a model that predicts %s", (_, forward) => {
    it.each([
      [9, 9],
      [16, 11],
      [1, 1],
      [4, 0],
    ])("is right for a batch of %i rows with %i samples", async (rows, samples) => {
      const { compiled, parameters } = await program(forward);
      const batch = batchOf(rows, rows, samples);
      const predictions = await compiled.predict(batch);
      expect(relativeError(predictions, reference(forward, batch, parameters))).toBeLessThan(2e-6);
    });

    it("uses the parameters that were set last, and leaves earlier predictions alone", async () => {
      const { compiled, parameters } = await program(forward);
      const batch = batchOf(8, 3);
      const before = await compiled.predict(batch);
      const others = parametersOf(forward, 40);
      await compiled.setParameters(others);
      expect(relativeError(await compiled.predict(batch), reference(forward, batch, others))).toBeLessThan(2e-6);
      expect(relativeError(before, reference(forward, batch, parameters))).toBeLessThan(2e-6);
    });
  });

  it.each(withLoss)("training and predicting %s do not disturb each other", async (shape) => {
    const forward = models[shape];
    const { compiled, parameters } = await program(forward);
    const batches = [labelled(batchOf(8, 1)), labelled(batchOf(5, 2))];
    const alone = await trained(compiled, batches);
    const sums = await compiled.evaluate(batches);
    for (let round = 0; round < 3; round++) {
      const predictions = await compiled.predict(batches[0]);
      expect(relativeError(predictions, reference(forward, batches[0], parameters))).toBeLessThan(2e-6);
      expect(await trained(compiled, batches)).toEqual(alone);
      expect(await compiled.evaluate(batches)).toEqual(sums);
    }
  });
});

describe("what cannot be asked", () => {
  let engine: Engine;
  beforeAll(() => void (engine = createCpuEngine({ ort, threads: 1, results: "written", description: "test" })));
  afterAll(() => engine.close());

  it("is training and evaluation of a graph without a loss", async () => {
    const forward = models["[rows, 2, 3]"];
    const compiled = await engine.compile(forward);
    await compiled.setParameters(parametersOf(forward, 1));
    const refusal = { code: "GRAPH_INVALID", message: expect.stringContaining('no output "loss"') as string };
    await expect(trained(compiled, [labelled(batchOf(4, 1))])).rejects.toMatchObject(refusal);
    await expect(trained(compiled, [])).rejects.toMatchObject(refusal);
    await expect(compiled.evaluate([labelled(batchOf(4, 1))])).rejects.toMatchObject(refusal);
  });

  it("is a prediction of a graph that names none", async () => {
    const { loss } = models["[rows]"].outputs;
    const compiled = await engine.compile({ ...models["[rows]"], outputs: { loss } });
    await compiled.setParameters(parametersOf(models["[rows]"], 1));
    await expect(compiled.predict(batchOf(4, 1))).rejects.toMatchObject({
      code: "GRAPH_INVALID",
      message: expect.stringContaining('no output "prediction"') as string,
    });
  });

  it("is a prediction from features of another shape", async () => {
    const compiled = await engine.compile(models["[rows, 5]"]);
    await compiled.setParameters(parametersOf(models["[rows, 5]"], 1));
    const refused = compiled.predict({ ...batchOf(4, 1), inputs: { features: new Float32Array(3) } });
    await expect(refused).rejects.toThrow('the input "features" of shape [4, 7] was fed 3 values');
  });
});

it("nothing is compiled for predictions before the first one is asked for", async () => {
  let sessions = 0;
  const create = (model: Uint8Array, options: ort.InferenceSession.SessionOptions) => {
    sessions++;
    return ort.InferenceSession.create(model, options);
  };
  const counting = { InferenceSession: { create }, Tensor: ort.Tensor } as typeof ort;
  const engine = createCpuEngine({ ort: counting, threads: 1, results: "written", description: "test" });
  const compiled = await engine.compile(models["[rows, 5]"]);
  await compiled.setParameters(parametersOf(models["[rows, 5]"], 1));
  const batch = labelled(batchOf(8, 1));
  await trained(compiled, [batch]);
  expect(sessions).toBe(1);
  await compiled.predict(batch);
  await compiled.predict(batch);
  expect(sessions).toBe(2);
  await engine.close();
});
