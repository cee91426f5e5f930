// A GPU whose device is lost in the middle of a run, under what computes for a worker: another one goes on where it stopped.
import { EngineCompute, graphToJson, initialParameters, packShard, parameterElements, type Field } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { createGpuEngine } from "../src/index.ts";
import { createNodeGpuEngine, openGpu } from "../src/node.ts";
import { mlp, numbers } from "./support.ts";

const samples = 8;
const fields: Field[] = [
  { name: "x", storage: "float32", shape: [6] },
  { name: "label", storage: "uint8", shape: [] },
];
const labels = Uint8Array.from({ length: samples }, (_, i) => i % 3);
const shard = packShard(fields, [numbers(samples * 6), labels], [...labels.keys()]);
const graph = mlp([6, 5, 3]);
const parameters = initialParameters(graph, 1);
const setup = {
  graph: graphToJson(graph),
  metrics: ["accuracy"],
  fields,
  shards: [{ hash: "0".repeat(64), bytes: shard.length, samples }],
  microbatchSize: samples,
  parameterElements: parameterElements(graph),
  seed: 1,
  exact: false,
};
const microbatches = [{ index: 0, slices: [{ shard: 0, samples: [...labels.keys()] }] }];

async function gradientOf(compute: EngineCompute): Promise<Float32Array> {
  await compute.load(setup);
  await compute.putShard(0, shard.slice().buffer);
  await compute.setParameters(parameters.slice().buffer);
  return trained(compute);
}

async function trained(compute: EngineCompute): Promise<Float32Array> {
  const gradients = new ArrayBuffer(4 * setup.parameterElements);
  await compute.run({ purpose: "train", step: 1, microbatches, gradients });
  return new Float32Array(gradients);
}

describe("a device that is lost", () => {
  it("fails what is computed on it; loaded again on another one, the same comes out", async () => {
    const opening = await openGpu();
    if (!opening.available) throw new Error(opening.message);
    const device = await opening.adapter.requestDevice();
    const engine = await createGpuEngine({ adapter: opening.adapter, device });
    const compute = new EngineCompute(engine, { reopen: () => createNodeGpuEngine() });
    const before = await gradientOf(compute);
    expect(before.some((value) => value !== 0)).toBe(true);
    device.destroy();
    await engine.lost;
    await expect(trained(compute)).rejects.toMatchObject({ code: "ENGINE_FAILED" });
    expect(await gradientOf(compute)).toEqual(before);
    await compute.close();
  });
});
