// The promise: the result does not depend on who took part. Real processes, real sockets, against one plain loop.
import { join } from "node:path";
import { sgd } from "tabgrad";
import { describe, expect, it } from "vitest";
import augmented from "./runs/augmented.ts";
import normalised from "./runs/normalised.ts";
import smooth from "./runs/smooth.ts";
import { tabgrad } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { checkpointParameters, largestDifference, referenceParameters, relativeDifference } from "./support/reference.ts";

const runFile = "e2e/runs/smooth.ts";
// Seven microbatches: nobody can have an even share of them but one worker alone.
const uneven = ["batchSize=224", "microbatchSize=32", "steps=40"];
const withSgd = [...uneven, `optimizer=${JSON.stringify(sgd({ learningRate: 0.1, momentum: 0.9 }))}`];
const asOptions = (overrides: readonly string[]): string[] => overrides.flatMap((override) => ["--set", override]);

async function train(workers: number, overrides: readonly string[], file = runFile): Promise<Float32Array> {
  const args = ["train", file, "--workers", String(workers), "--engine", "cpu", "--json", "--out", temporaryFolder()];
  const run = tabgrad([...args, ...asOptions(overrides)]);
  const done = await run.event("done");
  expect(done).toMatchObject({ outcome: "finished", step: 40 });
  expect((await run.ended).exitCode).toBe(0);
  const shares = run.events.find((event) => event.event === "step")!.shares as { id: string; samples: number }[];
  expect(new Set(shares.map(({ id }) => id)).size, "workers with a part in the first step").toBe(workers);
  expect(shares.reduce((total, { samples }) => total + samples, 0)).toBe(224);
  return checkpointParameters(done.checkpoint as string);
}

describe("the same run file and seed, on 1, 2 and 4 workers with uneven shares", () => {
  // Sums in another order differ in their last bits. SGD passes such a difference on as it is, so every single value is held against
  // the reference. Adam divides by the gradient's size: where a gradient is nearly 0, its last bits decide the step, so it is the
  // vector as a whole that is.
  it("ends with the reference's parameters, value for value, with SGD", async () => {
    const expected = await referenceParameters(smooth, withSgd);
    for (const workers of [1, 2, 4]) {
      expect(largestDifference(await train(workers, withSgd), expected), `${workers} workers`).toBeLessThan(1e-5);
    }
  });

  it("ends with those of one batch of 1,024 where one worker adds up microbatches of 32", async () => {
    // No more than an epoch has: its last batch is a short one.
    const steps = 8;
    const overrides = [...withSgd, "batchSize=1024", "microbatchSize=32", `steps=${steps}`];
    // The reference computes all rows of a step at once; the worker at most 256 at a time.
    const expected = await referenceParameters(smooth, overrides);
    const out = temporaryFolder();
    const args = ["train", runFile, "--workers", "1", "--engine", "cpu", "--json", "--out", out, ...asOptions(overrides)];
    const done = await tabgrad(args).event("done");
    expect(done).toMatchObject({ outcome: "finished", step: steps, samples: steps * 1024 });
    expect(largestDifference(await checkpointParameters(done.checkpoint as string), expected)).toBeLessThan(1e-5);
  });

  it("ends with the reference's parameters with dropout and random transforms", async () => {
    const expected = await referenceParameters(augmented, withSgd);
    for (const workers of [1, 3]) {
      const found = await train(workers, withSgd, "e2e/runs/augmented.ts");
      expect(largestDifference(found, expected), `${workers} workers`).toBeLessThan(1e-5);
    }
    const otherSeed = await referenceParameters(augmented, [...withSgd, "seed=2"]);
    expect(largestDifference(otherSeed, expected)).toBeGreaterThan(1e-2);
  });

  it("ends with the reference's parameters with batch normalisation, and with the same bits in exact mode", async () => {
    const file = "e2e/runs/normalised.ts";
    const expected = await referenceParameters(normalised, withSgd);
    for (const workers of [1, 3]) {
      expect(largestDifference(await train(workers, withSgd, file), expected), `${workers} workers`).toBeLessThan(1e-5);
    }
    const exactly = [...withSgd, "exact=true"];
    const alone = await train(1, exactly, file);
    expect(largestDifference(alone, expected)).toBeLessThan(1e-5);
    expect(await train(2, exactly, file)).toEqual(alone);
    const otherMicrobatches = await referenceParameters(normalised, [...withSgd, "microbatchSize=56"]);
    expect(largestDifference(otherMicrobatches, expected)).toBeGreaterThan(1e-4);
  });

  it("ends with the reference's parameters with Adam", async () => {
    const expected = await referenceParameters(smooth, uneven);
    for (const workers of [1, 2, 4]) {
      expect(relativeDifference(await train(workers, uneven), expected), `${workers} workers`).toBeLessThan(1e-5);
    }
  });
});

describe("workers that come and go", () => {
  it("change nothing in it", async () => {
    // Steps long enough for a newcomer, who has to compile first, to have a part in many of them.
    const overrides = ["batchSize=2048", "steps=60"];
    const out = temporaryFolder();
    const start = ["coordinator", runFile, "--port", "0", "--min-workers", "2", "--json", "--out", out];
    const coordinator = tabgrad([...start, ...asOptions(overrides)]);
    const { url } = (await coordinator.event("start")) as unknown as { url: string };
    const work = (name: string) => tabgrad(["worker", url, "--engine", "cpu", "--threads", "1", "--name", name]);
    const first = work("first");
    const second = work("second");
    await coordinator.event("step", ({ step }) => (step as number) >= 5);
    // With one worker left, the run waits for a second one.
    first.kill("SIGKILL");
    await coordinator.event("worker", ({ state, name }) => state === "left" && name === "first");
    const third = work("third");
    const done = await coordinator.event("done");
    expect(done).toMatchObject({ outcome: "finished", step: 60, checkpoint: join(out, "step-00000060") });
    const exitCodes = await Promise.all([coordinator, second, third].map(async (command) => (await command.ended).exitCode));
    expect(exitCodes).toEqual([0, 0, 0]);
    const names = coordinator.events.flatMap(({ event, shares }) =>
      event === "step" ? (shares as { name: string }[]).map(({ name }) => name) : [],
    );
    expect(new Set(names)).toEqual(new Set(["first", "second", "third"]));
    const found = await checkpointParameters(done.checkpoint as string);
    expect(relativeDifference(found, await referenceParameters(smooth, overrides))).toBeLessThan(1e-5);
  });
});
