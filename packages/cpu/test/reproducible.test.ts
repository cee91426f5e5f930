// What exact runs rest on: a microbatch's gradient has the same bits whatever else was computed, on however many threads, in whichever
// process and memory; and sums along the tree have the same bits however the microbatches were dealt out.
import {
  addInto,
  alignedBlocks,
  EngineCompute,
  graphToJson,
  packShard,
  TreeSum,
  type Block,
  type ComputeSetup,
  type Field,
  type Program,
} from "@tabgrad/core";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createNodeCpuEngine } from "../src/node.ts";
import { batchOf, classifier, numbers, parametersOf, trained } from "./models.ts";
import { gradientHash, gradientHashOf, perceptron } from "./gradient-hash.ts";

async function reproducible(threads: number): Promise<{ program: Program; close(): Promise<void> }> {
  const engine = await createNodeCpuEngine({ threads });
  const program = await engine.compile(perceptron.graph, { reproducible: true });
  await program.setParameters(perceptron.parameters);
  return { program, close: () => engine.close() };
}

describe.each([8, 32, 64, 128])("the gradient of a microbatch of %i samples", (rows) => {
  const batch = batchOf(perceptron.sizes, rows, 5);

  it("has the same bits on one, two and three threads", async () => {
    const hashes: string[] = [];
    for (const threads of [1, 2, 3]) hashes.push(await gradientHash(rows, { threads }));
    expect(new Set(hashes)).toEqual(new Set([hashes[0]]));
  });

  it("has the same bits before and after others, and after an evaluation", async () => {
    const { program, close } = await reproducible(1);
    const first = await trained(program, [batch]);
    await trained(program, [batchOf(perceptron.sizes, rows, 6), batchOf(perceptron.sizes, 2 * rows, 7)]);
    await program.evaluate([batchOf(perceptron.sizes, 2 * rows, 8)]);
    expect(await trained(program, [batch])).toEqual(first);
    await close();
  });

  it("has the same bits wherever in memory it is computed", async () => {
    const { program, close } = await reproducible(1);
    const expected = await gradientHashOf(program, batch);
    for (const shift of [1, 2, 3, 5]) {
      const moved = (values: Float32Array): Float32Array<ArrayBuffer> => {
        const target = new Float32Array(new ArrayBuffer(values.byteLength + 64), 4 * shift, values.length);
        target.set(values);
        return target;
      };
      const inputs = Object.fromEntries(Object.entries(batch.inputs).map(([name, values]) => [name, moved(values)]));
      await program.setParameters(moved(perceptron.parameters));
      const gradients = moved(new Float32Array(program.parameterElements));
      expect(await gradientHashOf(program, { ...batch, inputs, weights: moved(batch.weights) }, gradients)).toBe(expected);
    }
    await close();
  });
});

describe("another process", () => {
  it("finds the same bits", async () => {
    const script = fileURLToPath(new URL("gradient-hash.ts", import.meta.url));
    const flags = ["--conditions=@tabgrad/source", "--import", import.meta.resolve("tsx")];
    const printed = execFileSync(process.execPath, [...flags, script, "32", "2"], { encoding: "utf8" });
    expect(printed).toBe(await gradientHash(32, { threads: 1 }));
  }, 30_000);
});

const sizes = [20, 16, 12, 5];
const graph = classifier(sizes);
const parameters = parametersOf(graph, 1);
const microbatchSize = 16;
/** The last one of seven microbatches is short. */
const samples = 6 * microbatchSize + 3;
const fields: Field[] = [
  { name: "x", storage: "float32", shape: [sizes[0]] },
  { name: "label", storage: "uint8", shape: [] },
];
const labels = Uint8Array.from({ length: samples }, (_, i) => i % sizes[3]);
const shard = packShard(fields, [numbers(samples * sizes[0], 3), labels], [...labels.keys()]);
const setup: ComputeSetup = {
  graph: graphToJson(graph),
  metrics: ["accuracy"],
  fields,
  shards: [{ hash: "0".repeat(64), bytes: shard.length, samples }],
  microbatchSize,
  parameterElements: parameters.length,
  seed: 1,
  exact: true,
};
const microbatches = Array.from({ length: 7 }, (_, index) => {
  const order = [...labels.keys()].slice(index * microbatchSize, (index + 1) * microbatchSize);
  return { index, slices: [{ shard: 0, samples: order }] };
});

/** A worker of its own, which computes these blocks one after another. */
async function worker(blocks: readonly Block[], threads = 1) {
  const compute = new EngineCompute(await createNodeCpuEngine({ threads }));
  await compute.load(setup);
  await compute.putShard(0, shard.slice().buffer);
  await compute.setParameters(parameters.slice().buffer);
  const results = [];
  for (const block of blocks) {
    const gradients = new ArrayBuffer(4 * parameters.length);
    const { sums } = await compute.run({
      purpose: "train",
      step: 1,
      microbatches: microbatches.slice(block.first, block.end),
      gradients,
    });
    results.push({ block, gradients: new Float32Array(gradients), sums });
  }
  await compute.close();
  return results;
}

/** Workers that take turns with the blocks below `cuts`; what they found, summed as a coordinator would. */
async function summed(...cuts: readonly number[]): Promise<Float32Array> {
  const blocks = [...cuts, 7].flatMap((end, i) => alignedBlocks(cuts[i - 1] ?? 0, end, 7));
  const tree = new TreeSum<Float32Array>(7, (left, right) => {
    addInto(left, right);
    return left;
  });
  const halves = [0, 1].map((turn) => blocks.filter((_, i) => i % 2 === turn));
  for (const [i, half] of halves.entries()) {
    for (const { block, gradients } of await worker(half.reverse(), i + 1)) tree.add(block, gradients);
  }
  return tree.take();
}

describe("an exact run's sum", () => {
  it("has the same bits however its microbatches are dealt out", async () => {
    const whole = await worker([{ first: 0, end: 7 }]);
    expect(whole[0].sums).toMatchObject({ samples, metricSums: [expect.any(Number)] });
    const expected = whole[0].gradients;
    expect(await summed(3)).toEqual(expected);
    expect(await summed(1, 5)).toEqual(expected);
    expect(await summed(1, 2, 3, 4, 5, 6)).toEqual(expected);
  });

  it("is the sum that a run in batches of any size finds, within rounding", async () => {
    const [{ gradients: exact, sums }] = await worker([{ first: 0, end: 7 }]);
    const compute = new EngineCompute(await createNodeCpuEngine());
    await compute.load({ ...setup, exact: false });
    await compute.putShard(0, shard.slice().buffer);
    await compute.setParameters(parameters.slice().buffer);
    const gradients = new ArrayBuffer(4 * parameters.length);
    const fast = await compute.run({ purpose: "train", step: 1, microbatches, gradients });
    expect(fast.sums.samples).toBe(sums.samples);
    expect(fast.sums.metricSums).toEqual(sums.metricSums);
    expect(sums.lossSum / fast.sums.lossSum).toBeCloseTo(1, 6);
    const scale = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    new Float32Array(gradients).forEach((value, i) => expect(Math.abs(value - exact[i])).toBeLessThan(2e-6 * scale));
    await compute.close();
  });
});
