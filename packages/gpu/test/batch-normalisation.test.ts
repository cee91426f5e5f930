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
  initialParameters,
  sequential,
  tanh,
  type Batch,
} from "@tabgrad/core";
import { expect, it } from "vitest";
import { expectClose, numbers, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();

it("normalises each microbatch by its own samples, and evaluates by the running statistics", async () => {
  const forward = forwardGraph({
    model: sequential(conv2d(3, 3), batchNorm(), tanh(), flatten(), dense(6), batchNorm(), tanh(), dense(4)),
    loss: crossEntropy(),
    data: { features: { shape: [1, 5, 5], scale: 1, shift: 0 }, labels: { kind: "classes", count: 4 } },
    microbatchSize: 4,
  });
  const weights = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1);
  const inputs = { features: numbers(12 * 25), labels: Float32Array.from(weights, (_, row) => row % 4) };
  const batch: Batch = { rows: 12, samples: 11, inputs, weights };
  const parameters = initialParameters(forward, 3);
  const program = await engine().compile(forward);
  await program.setParameters(parameters);
  const gradients = new Float32Array(parameters.length);
  const { lossSum, samples } = await program.train([batch], gradients);
  expect(samples).toBe(11);
  const expected = reference(forward, [batch], parameters);
  expectClose([lossSum], [expected.sums.lossSum], 1e-5);
  expectClose(gradients, expected.gradients, 2e-5);
  // Three rows are no whole microbatch, which an evaluation need not have.
  const few = { features: inputs.features.slice(0, 3 * 25), labels: inputs.labels.slice(0, 3) };
  const evaluated = await program.evaluate([{ rows: 3, samples: 3, inputs: few, weights: new Float32Array(3).fill(1) }]);
  await program.close();
  const { loss } = evaluate(evaluationGraph(forward, 3), { ...few, weights: [1, 1, 1] }, parameters);
  expectClose([evaluated.lossSum], loss.data, 1e-5);
});
