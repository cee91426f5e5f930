// Mixed precision in whole networks, and in the operations and layers that they are made of: within f16's rounding of float64. An adapter without shader-f16
// has to refuse the same networks.
import {
  averagePool2d,
  batchNorm,
  conv2d,
  crossEntropy,
  dense,
  embedding,
  flatten,
  forwardGraph,
  initialParameters,
  layerNorm,
  maxPool2d,
  relu,
  sequential,
  tanh,
  transformerBlock,
  unembedding,
  type Batch,
  type Graph,
} from "@tabgrad/core";
import { engineCases, referenceLoss } from "@tabgrad/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createNodeGpuEngine } from "../src/node.ts";
import { adapterHasHalf, expectClose, numbers, reference, relativeDistance, sharedEngine } from "./support.ts";

/** What has a kernel of its own, or is several operations fused. */
const parts = new Set([
  ...["matmul", "conv2d", "maxPool2d", "averagePool2d", "softmax", "logSoftmax", "sum", "gather", "scatterAdd", "divide", "exp"],
  ...["layerNorm", "groupNorm", "rmsNorm", "multiHeadAttention", "transformerBlock", "gelu"],
]);
const rows = 8;
const positions = 7;
const words = 11;

const images = (...pool: Parameters<typeof sequential>): Graph =>
  forwardGraph({
    model: sequential(conv2d(6, 3, { padding: 1 }), batchNorm(), ...pool, conv2d(8, 3), tanh(), flatten(), dense(5)),
    loss: crossEntropy(),
    data: { features: { shape: [2, 10, 10], scale: 1, shift: 0 }, labels: { kind: "classes", count: 5 } },
    microbatchSize: rows,
  });

/** A token is read by a gather, whose gradient is a scatter; attention has products of activations, and a softmax. */
function text(): Graph {
  const tokens = embedding(words, 16);
  const block = transformerBlock({ heads: 2, causal: true, rotary: true, expand: 2 });
  return forwardGraph({
    model: sequential(tokens, block, layerNorm(), unembedding(tokens)),
    loss: crossEntropy(),
    metrics: [],
    data: { features: { shape: [positions], scale: 1, shift: 0 }, labels: { kind: "classes", count: words, shape: [positions] } },
  });
}

const imageBatch = (): Batch => ({
  rows,
  samples: rows,
  inputs: { features: numbers(rows * 200), labels: Float32Array.from({ length: rows }, (_, i) => i % 5) },
  weights: new Float32Array(rows).fill(1),
});

const textBatch = (): Batch => {
  const token = (_: unknown, i: number): number => (i * i + 3 * i) % words;
  const [features, labels] = [0, 1].map((next) =>
    Float32Array.from({ length: rows * positions }, (_, i) => token(undefined, i + next)),
  );
  return { rows, samples: rows, inputs: { features, labels }, weights: new Float32Array(rows).fill(1) };
};

const networks: readonly [string, Graph, Batch][] = [
  ["convolutions, batch normalisation and a pool of averages", images(tanh(), averagePool2d(2)), imageBatch()],
  ["convolutions, batch normalisation, a relu and a pool of maxima", images(relu(), maxPool2d(2)), imageBatch()],
  ["an embedding, attention and layer normalisation", text(), textBatch()],
];

if (await adapterHasHalf()) describe("an adapter with shader-f16", testsOfHalf);
else describe("an adapter without shader-f16", testsOfRefusal);

function testsOfRefusal(): void {
  it.each(networks)("refuses %s", async (_, graph) => {
    const engine = await createNodeGpuEngine();
    await expect(engine.compile(graph, { precision: "mixed" })).rejects.toMatchObject({ code: "ENGINE_UNSUPPORTED" });
    await engine.close();
  });
}

function testsOfHalf(): void {
  const engine = sharedEngine();

  async function train(graph: Graph, batch: Batch, parameters: Float32Array, lossScale?: number) {
    const program = await engine().compile(graph, { precision: "mixed" });
    try {
      await program.setParameters(parameters);
      const gradients = new Float32Array(program.parameterElements).fill(NaN);
      const { lossSum } = await program.train([batch], gradients, { lossScale });
      const evaluated = await program.evaluate([batch]);
      return { gradients, lossSum, evaluated: evaluated.lossSum };
    } finally {
      await program.close();
    }
  }

  it.each(networks)("computes the loss and the gradient of %s", async (_, graph, batch) => {
    const parameters = initialParameters(graph, 3);
    const { gradients, lossSum } = await train(graph, batch, parameters, 1024);
    const expected = reference(graph, [batch], parameters);
    expect(lossSum / expected.sums.lossSum).toBeCloseTo(1, 2);
    const error = relativeDistance(gradients, expected.gradients);
    expect(error).toBeLessThan(2e-2);
    // It is f16 that computed.
    expect(error).toBeGreaterThan(1e-5);
  });

  const oneRow: Batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };

  const cases = engineCases.filter(({ name }) => parts.has(name));

  it.each(cases)("has the loss and the gradient of the $of $name", async ({ of, arbitrary, gradients: gradientsOf }) => {
    await fc.assert(
      fc.asyncProperty(arbitrary(), async ({ forward, parameters }) => {
        const { gradients, lossSum, evaluated } = await train(forward, oneRow, Float32Array.from(parameters));
        const loss = referenceLoss(forward, parameters);
        expectClose([lossSum, evaluated], [loss, loss], 1e-2);
        expectClose(gradients, gradientsOf({ forward, parameters }), 1e-2);
      }),
      { numRuns: of === "operation" ? 2 : 1 },
    );
  });
}
