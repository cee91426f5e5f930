// An exact run on the engine's thread: what it finds has the bits that any other worker finds, whatever its threads.
import { addInto, type ComputeSetup, EngineCompute, type Compute } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { openEngine } from "../src/engines.ts";
import { ThreadCompute } from "../src/thread-compute.ts";
import { assignment, parameters, shardBytes, welcome } from "./tiny-coordinator.ts";

const setup: ComputeSetup = { ...welcome, exact: true };

async function ready(compute: Compute): Promise<Compute> {
  await compute.load(setup);
  for (const [shard, bytes] of shardBytes.entries()) await compute.putShard(shard, bytes.slice().buffer);
  await compute.setParameters(parameters.slice().buffer);
  return compute;
}

async function gradient(compute: Compute, ...indices: number[]): Promise<Float32Array> {
  const microbatches = indices.map((index) => assignment.microbatches[index]);
  const { gradients } = await compute.run({
    purpose: "train",
    step: 1,
    microbatches,
    gradients: new ArrayBuffer(parameters.byteLength),
  });
  return new Float32Array(gradients!);
}

describe("an exact run", () => {
  it("has the same bits on a thread and off it, in one assignment and in two", async () => {
    const { compute: threaded } = await ThreadCompute.open({ kind: "cpu", threads: 2 });
    const here = await ready(new EngineCompute((await openEngine("cpu")).engine));
    const there = await ready(threaded);
    const whole = await gradient(there, 0, 1);
    expect(await gradient(here, 0, 1)).toEqual(whole);
    const left = await gradient(there, 0);
    addInto(left, await gradient(here, 1));
    expect(left).toEqual(whole);
    await there.close();
    await here.close();
  });

  it("refuses microbatches that are no block", async () => {
    const { compute } = await ThreadCompute.open({ kind: "cpu" });
    await ready(compute);
    await expect(gradient(compute, 1, 0)).rejects.toMatchObject({ code: "PROTOCOL_VIOLATION" });
    await compute.close();
  });
});
