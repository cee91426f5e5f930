// What exact runs rest on: a microbatch's gradient has the same bits whatever else was computed, and so have sums along the tree however
// the microbatches were dealt out.
import {
  addInto,
  alignedBlocks,
  EngineCompute,
  graphToJson,
  packShard,
  parameterElements,
  TreeSum,
  type Block,
  type ComputeSetup,
  type Field,
} from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { createNodeGpuEngine } from "../src/node.ts";
import { classifierBatch, mlp, numbers, sharedEngine } from "./support.ts";

const engine = sharedEngine();
const sizes = [40, 33, 16, 5];
const graph = mlp(sizes);
const parameters = numbers(parameterElements(graph)).map((value) => value / 4);

describe("the gradient of a microbatch", () => {
  it.each([8, 32, 50])("of %i samples has the same bits before and after others, in another program and engine", async (rows) => {
    const batch = classifierBatch(sizes, rows, rows, 5);
    const program = await engine().compile(graph, { reproducible: true });
    await program.setParameters(parameters);
    const found = async (on = program) => {
      const gradients = new Float32Array(parameters.length).fill(777);
      return { sums: await on.train([batch], gradients), gradients };
    };
    const first = await found();
    await program.train(
      [classifierBatch(sizes, rows, rows, 6), classifierBatch(sizes, 2 * rows, 2 * rows, 7)],
      first.gradients.slice(),
    );
    await program.evaluate([classifierBatch(sizes, 2 * rows, 2 * rows, 8)]);
    for (let again = 0; again < 3; again++) expect(await found()).toEqual(first);
    await program.close();
    const other = await createNodeGpuEngine();
    const anew = await other.compile(graph);
    await anew.setParameters(parameters);
    expect(await found(anew)).toEqual(first);
    await other.close();
  });
});

const microbatchSize = 8;
const samples = 4 * microbatchSize + 3;
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
const microbatches = Array.from({ length: 5 }, (_, index) => ({
  index,
  slices: [{ shard: 0, samples: [...labels.keys()].slice(index * microbatchSize, (index + 1) * microbatchSize) }],
}));

describe("an exact run's sum", () => {
  it("has the same bits however its microbatches are dealt out", async () => {
    const compute = new EngineCompute(await createNodeGpuEngine());
    await compute.load(setup);
    await compute.putShard(0, shard.slice().buffer);
    await compute.setParameters(parameters.slice().buffer);
    const sumOf = async ({ first, end }: Block): Promise<Float32Array> => {
      const gradients = new ArrayBuffer(4 * parameters.length);
      await compute.run({ purpose: "train", step: 1, microbatches: microbatches.slice(first, end), gradients });
      return new Float32Array(gradients);
    };
    const whole = await sumOf({ first: 0, end: 5 });
    expect(whole.some((value) => value !== 0)).toBe(true);
    for (const cut of [1, 3, 4]) {
      const tree = new TreeSum<Float32Array>(5, (left, right) => {
        addInto(left, right);
        return left;
      });
      const blocks = [...alignedBlocks(0, cut, 5), ...alignedBlocks(cut, 5, 5)].reverse();
      for (const block of blocks) tree.add(block, await sumOf(block));
      expect(tree.take()).toEqual(whole);
    }
    await compute.close();
  });
});
