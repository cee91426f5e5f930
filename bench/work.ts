// What is trained in a measurement: a model, its optimizer, and one batch of random numbers that every step repeats.
import {
  adam,
  adamW,
  crossEntropy,
  elementCount,
  embedding,
  forwardGraph,
  keyed,
  layerNorm,
  normal,
  positionEmbedding,
  sequential,
  transformerBlock,
  unembedding,
  type Batch,
  type Graph,
  type OptimizerSpec,
} from "@tabgrad/core";
import type { Network } from "./networks.ts";

export interface Work {
  readonly graph: Graph;
  readonly optimizer: OptimizerSpec;
  readonly batch: Batch;
  /** Samples of a step, or tokens. */
  readonly units: number;
}

/** A classifier with Adam. */
export function classifierWork({ model, shape }: Network, rows: number): Work {
  const graph = forwardGraph({
    model,
    loss: crossEntropy(),
    metrics: [],
    data: { features: { shape, scale: 1, shift: 0 }, labels: { kind: "classes", count: 10 } },
  });
  const features = new Float32Array(rows * elementCount(shape));
  keyed(1, "sample").fillNormal(features);
  const labels = Float32Array.from({ length: rows }, (_, i) => i % 10);
  return { graph, optimizer: adam({ learningRate: 1e-3 }), batch: batchOf(rows, { features, labels }), units: rows };
}

const [positions, width, heads, count] = [64, 128, 4, 83];

/** A small language model with AdamW: 4 causal blocks of width 128 with 4 heads, 64 positions, 83 tokens. */
export function transformerWork(rows: number): Work {
  const tokens = embedding(count, width, { initialisation: normal({ deviation: 0.02 }) });
  const block = () => transformerBlock({ heads, causal: true });
  const graph = forwardGraph({
    model: sequential(tokens, positionEmbedding(), block(), block(), block(), block(), layerNorm(), unembedding(tokens)),
    loss: crossEntropy(),
    metrics: [],
    data: {
      features: { shape: [positions], scale: 1, shift: 0 },
      labels: { kind: "classes", count, shape: [positions] },
    },
  });
  const random = (key: number): Float32Array => {
    const drawn = new Float32Array(rows * positions);
    keyed(key, "sample").fillUniform(drawn, 0, count);
    return drawn.map(Math.floor);
  };
  const batch = batchOf(rows, { features: random(1), labels: random(2) });
  return { graph, optimizer: adamW({ learningRate: 1e-3 }), batch, units: rows * positions };
}

const batchOf = (rows: number, inputs: Batch["inputs"]): Batch => ({
  rows,
  samples: rows,
  inputs,
  weights: new Float32Array(rows).fill(1),
});
