// The CPU engine alone: a network, batch 128, one thread, forward, loss, backward and Adam, on one batch of random numbers.
import {
  adam,
  createOptimizer,
  crossEntropy,
  elementCount,
  forwardGraph,
  initialParameters,
  keyed,
  type Batch,
} from "@tabgrad/core";
import { createNodeCpuEngine } from "@tabgrad/cpu/node";
import type { Network } from "./networks.ts";

const rows = 128;
/** In PyTorch as many. */
const warmUp = 5;

function randomBatch(shape: readonly number[]): Batch {
  const features = new Float32Array(rows * elementCount(shape));
  keyed(1, "sample").fillNormal(features);
  const labels = Float32Array.from({ length: rows }, (_, i) => i % 10);
  return { rows, samples: rows, inputs: { features, labels }, weights: new Float32Array(rows).fill(1) };
}

/** @returns samples a second */
export async function measureEngine({ model, shape, steps }: Network): Promise<number> {
  const engine = await createNodeCpuEngine({ threads: 1 });
  const graph = forwardGraph({
    model,
    loss: crossEntropy(),
    metrics: [],
    data: { features: { shape, scale: 1, shift: 0 }, labels: { kind: "classes", count: 10 } },
  });
  const program = await engine.compile(graph);
  const optimizer = createOptimizer(adam({ learningRate: 1e-3 }), program.parameterElements);
  optimizer.parameters.set(initialParameters(graph, 1));
  const batches = [randomBatch(shape)];
  let begin = 0;
  for (let step = 1; step <= warmUp + steps; step++) {
    if (step === warmUp + 1) begin = performance.now();
    await program.setParameters(optimizer.parameters);
    const { samples } = await program.train(batches, optimizer.gradients);
    optimizer.step({ step, samples });
  }
  const seconds = (performance.now() - begin) / 1000;
  await program.close();
  await engine.close();
  return (rows * steps) / seconds;
}
