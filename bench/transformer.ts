// The CPU engine on a small language model: 4 causal blocks of width 128 with 4 heads, 64 positions, 83 tokens, batch 32, one thread,
// forward, loss, backward and AdamW, on one batch of random tokens.
import {
  adamW,
  createOptimizer,
  crossEntropy,
  embedding,
  forwardGraph,
  initialParameters,
  keyed,
  layerNorm,
  normal,
  positionEmbedding,
  sequential,
  transformerBlock,
  unembedding,
  type Batch,
} from "@tabgrad/core";
import { createNodeCpuEngine } from "@tabgrad/cpu/node";

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
  const engine = await createNodeCpuEngine({ threads: 1 });
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
  const program = await engine.compile(graph);
  const optimizer = createOptimizer(adamW({ learningRate: 1e-3 }), program.parameterElements);
  optimizer.parameters.set(initialParameters(graph, 1));
  const batches = [randomBatch()];
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
  return (rows * positions * steps) / seconds;
}
