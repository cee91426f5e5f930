// Batch normalisation end to end: several microbatches in one batch, one of them short, forward and backward.
import {
  batchNorm,
  conv2d,
  crossEntropy,
  dense,
  evaluate,
  evaluationGraph,
  flatten,
  forwardGraph,
  gradientPrefix,
  inferenceGraph,
  initialParameters,
  parameterSlots,
  trainingGraph,
  sequential,
  tanh,
  type Batch,
} from "@tabgrad/core";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { encodeModel, exportModel } from "../src/index.ts";
import { createNodeCpuEngine, openOnnxFile } from "../src/node.ts";
import { numbers, relativeError } from "./models.ts";

const forward = forwardGraph({
  model: sequential(conv2d(3, 3), batchNorm(), tanh(), flatten(), dense(6), batchNorm(), tanh(), dense(4)),
  loss: crossEntropy(),
  data: { features: { shape: [1, 5, 5], scale: 1, shift: 0 }, labels: { kind: "classes", count: 4 } },
  microbatchSize: 4,
});
const parameters = initialParameters(forward, 3);

it("normalises each microbatch by its own samples, and evaluates by the running statistics", async () => {
  const weights = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1);
  const inputs = { features: numbers(12 * 25, 1), labels: Float32Array.from(weights, (_, row) => row % 4) };
  const batch: Batch = { rows: 12, samples: 11, inputs, weights };
  const engine = await createNodeCpuEngine();
  const program = await engine.compile(forward);
  await program.setParameters(parameters);
  const gradients = new Float32Array(parameters.length);
  const { lossSum, samples } = await program.train([batch], gradients);
  expect(samples).toBe(11);
  const expected = evaluate(trainingGraph(forward, 12), { ...inputs, weights }, parameters);
  expect(lossSum).toBeCloseTo(expected.loss.data[0], 4);
  const flat = parameterSlots(forward).flatMap(({ name }) => [...expected[gradientPrefix + name].data]);
  expect(relativeError(gradients, flat)).toBeLessThan(1e-5);
  // Three rows are no whole microbatch, which an evaluation need not have.
  const few = { features: inputs.features.slice(0, 3 * 25), labels: inputs.labels.slice(0, 3) };
  const evaluated = await program.evaluate([{ rows: 3, samples: 3, inputs: few, weights: new Float32Array(3).fill(1) }]);
  await engine.close();
  const { loss } = evaluate(evaluationGraph(forward, 3), { ...few, weights: [1, 1, 1] }, parameters);
  expect(evaluated.lossSum).toBeCloseTo(loss.data[0], 4);
});

it("is exported with its running statistics, for any number of samples", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tabgrad-batch-normalisation-"));
  const followed = parameters.slice();
  for (const { momentum, offset, elements } of parameterSlots(forward))
    if (momentum !== undefined)
      followed.set(
        numbers(elements, offset).map((value) => value + 1.5),
        offset,
      );
  try {
    const path = join(folder, "model.onnx");
    const about = { producerVersion: "1.2.3", documentation: "a test", metadata: {} };
    await writeFile(path, encodeModel(exportModel(forward, { parameters: followed, about })));
    const file = await openOnnxFile(path);
    for (const rows of [1, 3, 4]) {
      const features = numbers(rows * 25, rows);
      const { prediction } = await file.run({ features: { data: features, shape: [rows, 1, 5, 5] } });
      const expected = evaluate(inferenceGraph(forward, rows), { features }, followed).prediction;
      expect(prediction.shape).toEqual([rows, 4]);
      expect(relativeError(prediction.data, expected.data)).toBeLessThan(2e-6);
    }
    await file.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
