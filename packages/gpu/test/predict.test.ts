// Predictions: what the model says of each sample, with the parameters of the moment, from a graph with a loss or without one.
import {
  crossEntropy,
  dense,
  evaluate,
  forwardGraph,
  inferenceGraph,
  meanSquaredError,
  parameterElements,
  predictionGraph,
  relu,
  reshape,
  sequential,
  tanh,
  type Batch,
  type Graph,
} from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { requestDevice } from "../src/device/adapter.ts";
import { createGpuEngine } from "../src/index.ts";
import { openGpu } from "../src/node.ts";
import { expectClose, numbers, sharedEngine } from "./support.ts";

const engine = sharedEngine();
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
  "[rows, 7] without parameters": predictionGraph(sequential(reshape([-1])), { shape: [7], scale: 1, shift: 0 }),
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

async function started(forward: Graph) {
  const parameters = numbers(parameterElements(forward), 5);
  const program = await engine().compile(forward);
  await program.setParameters(parameters);
  return { program, parameters };
}

describe.each(Object.entries(models))("a model that predicts %s", (_, forward) => {
  it("is right for every number of rows and samples, one after the other", async () => {
    const { program, parameters } = await started(forward);
    for (const [rows, samples] of [
      [9, 9],
      [16, 11],
      [1, 1],
      [4, 0],
      [16, 16],
    ]) {
      const batch = batchOf(rows, rows, samples);
      expectClose(await program.predict(batch), reference(forward, batch, parameters));
    }
    await program.close();
  });

  it("uses the parameters that were set last, and leaves earlier predictions alone", async () => {
    const { program, parameters } = await started(forward);
    const batch = batchOf(8, 3);
    const before = await program.predict(batch);
    const others = numbers(parameters.length, 40);
    await program.setParameters(others);
    expectClose(await program.predict(batch), reference(forward, batch, others));
    expectClose(before, reference(forward, batch, parameters));
    await program.close();
  });
});

it.each(withLoss)("training and predicting %s do not disturb each other", async (shape) => {
  const forward = models[shape];
  const { program, parameters } = await started(forward);
  // The larger batch to predict makes the memory grow that training's kernels are bound to.
  const batches = [labelled(batchOf(8, 1)), labelled(batchOf(5, 2))];
  const asked = [batches[0], batchOf(700, 3, 690)];
  const gradients = [0, 1].map(() => new Float32Array(parameters.length).fill(NaN));
  const sums = await program.train(batches, gradients[0]);
  for (const batch of [...asked, ...asked]) {
    expectClose(await program.predict(batch), reference(forward, batch, parameters));
    expect(await program.train(batches, gradients[1].fill(NaN))).toEqual(sums);
    expect(gradients[1]).toEqual(gradients[0]);
    expect(await program.evaluate(batches)).toEqual(sums);
  }
  await program.close();
});

describe("what cannot be asked", () => {
  it("is training and evaluation of a graph without a loss", async () => {
    const { program, parameters } = await started(models["[rows, 2, 3]"]);
    const refusal = { code: "GRAPH_INVALID", message: expect.stringContaining('no output "loss"') as string };
    const gradients = new Float32Array(parameters.length);
    await expect(program.train([labelled(batchOf(4, 1))], gradients)).rejects.toMatchObject(refusal);
    await expect(program.train([], gradients)).rejects.toMatchObject(refusal);
    await expect(program.evaluate([labelled(batchOf(4, 1))])).rejects.toMatchObject(refusal);
    await program.close();
  });

  it("is a prediction of a graph that names none", async () => {
    const { loss } = models["[rows]"].outputs;
    const { program } = await started({ ...models["[rows]"], outputs: { loss } });
    await expect(program.predict(batchOf(4, 1))).rejects.toMatchObject({
      code: "GRAPH_INVALID",
      message: expect.stringContaining('no output "prediction"') as string,
    });
    await program.close();
  });

  it("is a prediction from features of another shape", async () => {
    const { program } = await started(models["[rows, 5]"]);
    const refused = program.predict({ ...batchOf(4, 1), inputs: { features: new Float32Array(3) } });
    await expect(refused).rejects.toThrow("input features was fed 3 values");
    await program.close();
  });
});

it("the buffers of predictions are few, made when first needed, and destroyed by close", async () => {
  const opening = await openGpu();
  if (!opening.available) throw new Error(opening.message);
  const device = await requestDevice(opening.adapter);
  const alive = new Set<GPUBuffer>();
  const labels = (): string[] => [...alive].map(({ label }) => label);
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    alive.add(buffer);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      destroy();
    };
    return buffer;
  };
  const mine = await createGpuEngine({ adapter: opening.adapter, device });
  const program = await mine.compile(models["[rows]"]);
  await program.setParameters(numbers(program.parameterElements));
  await program.evaluate([labelled(batchOf(4, 1))]);
  expect(labels()).not.toContain("predictions");
  for (let rows = 1; rows <= 20; rows++) await program.predict(batchOf(rows, rows));
  expect(labels().filter((label) => label === "predictions")).toHaveLength(16);
  await mine.close();
  expect(labels()).toEqual([]);
  device.destroy();
});
