// A causal transformer end to end: embedding, attention with long and short rows, normalisations, tied scores, forward and backward.
import {
  crossEntropy,
  embedding,
  forwardGraph,
  initialParameters,
  layerNorm,
  positionEmbedding,
  sequential,
  trainingGraph,
  transformerBlock,
  unembedding,
  type Batch,
  type Graph,
} from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { layoutOf } from "../src/plan/layout.ts";
import { lower } from "../src/plan/lower.ts";
import { expectClose, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();

interface Sizes {
  readonly count: number;
  readonly positions: number;
  readonly width: number;
  readonly heads: number;
  /** The token that attention looks past. */
  readonly padding?: number;
}

function transformer({ count, positions, width, heads, padding }: Sizes, rotary: boolean, norm: "layer" | "rms"): Graph {
  const tokens = embedding(count, width, { padding });
  const block = () =>
    transformerBlock({ heads, causal: true, rotary, norm, expand: 2, padding: padding === undefined ? undefined : tokens });
  const start = rotary ? [tokens] : [tokens, positionEmbedding()];
  return forwardGraph({
    model: sequential(...start, block(), block(), layerNorm(), unembedding(tokens)),
    loss: crossEntropy(),
    metrics: [],
    data: {
      features: { shape: [positions], scale: 1, shift: 0 },
      labels: { kind: "classes", count, shape: [positions] },
    },
  });
}

function batchOf({ count, positions }: Sizes, samples: number, rows: number): Batch {
  const token = (i: number): number => Math.floor((Math.sin(i * 12.9898) + 1) * 0.49999 * count);
  const features = Float32Array.from({ length: rows * positions }, (_, i) => token(i));
  const labels = Float32Array.from(features, (_, i) => token(i + 1));
  return {
    rows,
    samples,
    inputs: { features, labels },
    weights: Float32Array.from({ length: rows }, (_, i) => (i < samples ? 1 : 0)),
  };
}

describe("a causal transformer", () => {
  it.each<[string, Sizes, boolean, "layer" | "rms"]>([
    ["by four", { count: 12, positions: 8, width: 16, heads: 2 }, false, "layer"],
    ["of odd sizes, with turned queries and keys", { count: 11, positions: 7, width: 12, heads: 2 }, true, "rms"],
    ["that looks past padding", { count: 6, positions: 9, width: 8, heads: 2, padding: 2 }, true, "layer"],
    ["with rows longer than a workgroup", { count: 5, positions: 150, width: 8, heads: 2 }, true, "layer"],
  ])("%s has the loss and the gradient that float64 has", async (_, sizes, rotary, norm) => {
    const forward = transformer(sizes, rotary, norm);
    const parameters = initialParameters(forward, 3);
    const batches = sizes.positions > 100 ? [batchOf(sizes, 1, 1)] : [batchOf(sizes, 2, 3), batchOf(sizes, 3, 3)];
    const program = await engine().compile(forward);
    await program.setParameters(parameters);
    const gradients = new Float32Array(parameters.length);
    const { lossSum } = await program.train(batches, gradients);
    await program.close();
    const expected = reference(forward, batches, parameters);
    expectClose([lossSum], [expected.sums.lossSum], 1e-5);
    expectClose(gradients, expected.gradients, 2e-5);
  });

  it("takes no more than 65 dispatches for a block, forward and backward", () => {
    const limits = {
      maxStorageBuffersPerShaderStage: 8,
      maxStorageBufferBindingSize: 2 ** 30,
      maxComputeWorkgroupsPerDimension: 65535,
    };
    const forward = transformer({ count: 83, positions: 64, width: 128, heads: 4 }, false, "layer");
    const { dispatches } = lower(trainingGraph(forward, 32), layoutOf(forward), limits);
    expect(dispatches.filter(({ label }) => label.startsWith("transformerBlock 3")).length).toBeLessThanOrEqual(65);
  });
});
