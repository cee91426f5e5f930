// The promise: the result does not depend on who took part. Real processes, real sockets, all of MNIST, against one plain loop.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import mlp from "../examples/mnist/mlp.ts";
import { tabgrad } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { checkpointParameters, referenceParameters, relativeDifference } from "./support/reference.ts";

const runFile = "examples/mnist/mlp.ts";
// Seven microbatches: nobody can have an even share of them but one worker alone.
const uneven = ["batchSize=224", "microbatchSize=32", "steps=40"];
const asOptions = (overrides: readonly string[]): string[] => overrides.flatMap((override) => ["--set", override]);

describe("the same run file and seed", () => {
  it("ends with the reference's parameters on 1, 2 and 4 workers with uneven shares", async () => {
    const expected = await referenceParameters(mlp, uneven);
    for (const workers of [1, 2, 4]) {
      const out = temporaryFolder();
      const run = tabgrad([
        "train",
        runFile,
        "--workers",
        String(workers),
        "--engine",
        "cpu",
        "--json",
        "--out",
        out,
        ...asOptions(uneven),
      ]);
      const done = await run.event("done");
      expect((await run.ended).exitCode).toBe(0);
      expect(done).toMatchObject({ outcome: "finished", step: 40 });
      const found = await checkpointParameters(done.checkpoint as string);
      expect(relativeDifference(found, expected), `${workers} workers`).toBeLessThan(1e-5);
      const shares = run.events.find((event) => event.event === "step")!.shares as unknown[];
      expect(shares, `${workers} workers had a part in the first step`).toHaveLength(workers);
    }
  });

  it("ends with them when workers are killed and others join in the middle", async () => {
    const overrides = ["steps=120"];
    const out = temporaryFolder();
    const coordinator = tabgrad(["coordinator", runFile, "--port", "0", "--json", "--out", out, ...asOptions(overrides)]);
    const { url } = (await coordinator.event("start")) as unknown as { url: string };
    const first = tabgrad(["worker", url, "--engine", "cpu", "--threads", "1", "--name", "first"]);
    await coordinator.event("step", ({ step }) => (step as number) >= 10);
    const second = tabgrad(["worker", url, "--engine", "cpu", "--threads", "1", "--name", "second"]);
    await coordinator.event("step", ({ workers, shares }) => workers === 2 && (shares as unknown[]).length === 2);
    first.kill("SIGKILL");
    await coordinator.event("worker", ({ state, name }) => state === "left" && name === "first");
    const third = tabgrad(["worker", url, "--engine", "cpu", "--threads", "1", "--name", "third"]);
    const done = await coordinator.event("done");
    expect((await coordinator.ended).exitCode).toBe(0);
    expect((await second.ended).exitCode).toBe(0);
    expect((await third.ended).exitCode).toBe(0);
    const found = await checkpointParameters(done.checkpoint as string);
    expect(relativeDifference(found, await referenceParameters(mlp, overrides))).toBeLessThan(1e-5);
    expect(done.checkpoint).toBe(join(out, "step-00000120"));
  });
});
