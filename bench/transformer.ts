// The CPU engine on a small language model: 4 causal blocks of width 128 with 4 heads, 64 positions, 83 tokens, batch 32, one thread,
// forward, loss, backward and AdamW, on one batch of random tokens.
import {
  adamW,
  crossEntropy,
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
} from "@tabgrad/core";
import { timeTraining } from "./timed-training.ts";

const [positions, width, heads, count, rows] = [64, 128, 4, 83, 32];
const warmUp = 3;

function randomBatch(): Batch {
  const tokens = (key: number): Float32Array => {
    const drawn = new Float32Array(rows * positions);
    keyed(key, "sample").fillUniform(drawn, 0, count);
    return drawn.map(Math.floor);
  };
  return {
    rows,
    samples: rows,
    inputs: { features: tokens(1), labels: tokens(2) },
    weights: new Float32Array(rows).fill(1),
  };
}

/** @returns tokens a second */
export async function measureTransformer(steps: number): Promise<number> {
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
  const seconds = await timeTraining({ graph, optimizer: adamW({ learningRate: 1e-3 }), batch: randomBatch(), warmUp, steps });
  return (rows * positions * steps) / seconds;
}
