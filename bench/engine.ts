// The CPU engine alone: a network, batch 128, one thread, forward, loss, backward and Adam, on one batch of random numbers.
import { adam, crossEntropy, elementCount, forwardGraph, keyed, type Batch } from "@tabgrad/core";
import { timeTraining } from "./timed-training.ts";
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
  const graph = forwardGraph({
    model,
    loss: crossEntropy(),
    metrics: [],
    data: { features: { shape, scale: 1, shift: 0 }, labels: { kind: "classes", count: 10 } },
  });
  const seconds = await timeTraining({ graph, optimizer: adam({ learningRate: 1e-3 }), batch: randomBatch(shape), warmUp, steps });
  return (rows * steps) / seconds;
}
