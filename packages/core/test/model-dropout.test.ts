// Dropout: as many values as it should, others with each sample, step and layer, and the same again whoever asks.
import { describe, expect, it } from "vitest";
import { BatchPool, type Microbatch } from "../src/data/index.ts";
import { evaluate, evaluationGraph, gradientPrefix, keysInput, trainingGraph } from "../src/graph/index.ts";
import { dense, dropout, forwardGraph, meanSquaredError, sequential, type Layer } from "../src/model/index.ts";

const width = 500;
const data = {
  features: { shape: [width], scale: 1, shift: 0 },
  labels: { kind: "values", shape: [1] },
} as const;

const forwardOf = (...layers: Layer[]) => forwardGraph({ model: sequential(...layers, dense(1)), loss: meanSquaredError(), data });

const fields = [
  { name: "features", storage: "float32", shape: [width] },
  { name: "labels", storage: "float32", shape: [1] },
] as const;
const shard = { samples: 8, values: [new Float32Array(8 * width).fill(1), new Float32Array(8).fill(-1)] };

/** Which of the ones that it is fed reach the dense layer, and as what: the gradient of its weights, row by row. */
function seenBy(layers: readonly Layer[], step: number, samples: readonly number[]): number[][] {
  const graph = trainingGraph(forwardOf(...layers), 1);
  const pool = new BatchPool(fields, { microbatchSize: 1, maxRows: 1, seed: 7, hasKeys: true });
  return samples.map((sample) => {
    const microbatch: Microbatch = { index: 0, slices: [{ shard: 0, samples: [sample] }] };
    const [{ inputs, weights }] = pool.assemble([microbatch], () => shard, step);
    // With weights and bias 0 the error is 1, and d loss / d weight twice the layer's input.
    const outputs = evaluate(graph, { ...inputs, weights }, new Float32Array(width + 1));
    return [...outputs[`${gradientPrefix}${layers.length}.weight`].data].map((value) => value / 2);
  });
}

describe("dropout", () => {
  it("leaves out the share that it should, and makes up for it", () => {
    for (const rate of [0.1, 0.5, 0.9]) {
      const seen = seenBy([dropout(rate)], 1, [0, 1, 2, 3, 4, 5, 6, 7]).flat();
      const kept = seen.filter((value) => value !== 0);
      for (const value of kept) expect(value).toBeCloseTo(1 / (1 - rate), 5);
      // Four standard deviations of the binomial distribution.
      const deviation = Math.sqrt((rate * (1 - rate)) / seen.length);
      expect(Math.abs(kept.length / seen.length - (1 - rate))).toBeLessThan(4 * deviation);
    }
  });

  it("leaves out others in every sample, step and layer, independently of each other", () => {
    const masks = [...seenBy([dropout(0.5)], 1, [0, 1]), ...seenBy([dropout(0.5)], 2, [0, 1])].map((row) =>
      row.map((value) => value > 0),
    );
    const twice = seenBy([dropout(0.5), dropout(0.5)], 1, [0])[0].map((value) => value > 0);
    const agreement = (a: readonly boolean[], b: readonly boolean[]): number => a.filter((kept, i) => kept === b[i]).length / width;
    for (let i = 0; i < masks.length; i++)
      for (let j = 0; j < i; j++) expect(Math.abs(agreement(masks[i], masks[j]) - 0.5)).toBeLessThan(0.1);
    // The second layer keeps half of what the first one keeps.
    const kept = masks[0].filter(Boolean).length;
    const both = twice.filter(Boolean).length;
    expect(twice.every((isKept, i) => !isKept || masks[0][i])).toBe(true);
    expect(Math.abs(both / kept - 0.5)).toBeLessThan(0.15);
  });

  it("leaves out the same again", () => {
    expect(seenBy([dropout(0.5)], 3, [5, 2])).toEqual(seenBy([dropout(0.5)], 3, [2, 5]).reverse());
  });

  it("does nothing in evaluation", () => {
    const forward = forwardOf(dropout(0.5));
    const features = new Float32Array(width).fill(1);
    const parameters = new Float32Array(width + 1).fill(0.01);
    const found = evaluate(evaluationGraph(forward, 1), { features, labels: [0], weights: [1] }, parameters);
    expect(found.loss.data[0]).toBeCloseTo(5.01 ** 2, 5);
  });

  it("with rate 0 is not there", () => {
    expect(forwardOf(dropout(0)).nodes.some(({ operation }) => operation === "uniform")).toBe(false);
  });

  it.each([1, -0.1, NaN, "0.5" as unknown as number])("refuses the rate %s", (rate) => {
    expect(() => dropout(rate)).toThrow(expect.objectContaining({ code: "MODEL_INVALID" }));
  });
});

describe("keys of samples", () => {
  const pool = (maxRows: number) => new BatchPool(fields, { microbatchSize: 2, maxRows, seed: 7, hasKeys: true });
  const microbatches: Microbatch[] = [
    { index: 0, slices: [{ shard: 0, samples: [3, 1] }] },
    { index: 1, slices: [{ shard: 1, samples: [3] }] },
  ];
  const keysOf = (maxRows: number, step?: number): number[] =>
    pool(maxRows)
      .assemble(microbatches, () => shard, step)
      .flatMap(({ inputs, samples }) => [...inputs[keysInput].subarray(0, 4 * samples)]);

  it("do not depend on how samples are put into batches, and differ by shard, sample and step", () => {
    const keys = keysOf(4, 1);
    expect(keysOf(2, 1)).toEqual(keys);
    expect(keys.every((half) => Number.isInteger(half) && half >= 0 && half < 65_536)).toBe(true);
    const rows = [keys, keysOf(4, 2)].flatMap((all) => [0, 1, 2].map((row) => all.slice(4 * row, 4 * row + 4).join()));
    expect(new Set(rows).size).toBe(6);
  });

  it("are none of padding's, nor of an evaluation's", () => {
    const [batch] = pool(4).assemble(microbatches, () => shard, 1);
    expect([...batch.inputs[keysInput].subarray(12)]).toEqual([0, 0, 0, 0]);
    const [evaluated] = pool(4).assemble(microbatches, () => shard);
    expect(evaluated.inputs[keysInput].every((half) => half === 0)).toBe(true);
  });
});
