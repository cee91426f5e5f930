// One run, two engines: real worker processes on WebGPU (a software adapter, where there is no GPU) and on ONNX Runtime.
import { provideTestGpu } from "@tabgrad/gpu/swiftshader";
import { beforeAll, expect, it } from "vitest";
import small from "./runs/small.ts";
import { tabgrad } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { checkpointParameters, largestDifference, referenceParameters } from "./support/reference.ts";

const runFile = "e2e/runs/small.ts";

let environment: Record<string, string>;
beforeAll(async () => {
  ({ environment } = await provideTestGpu());
});

async function train(engine: string, workers = 1): Promise<Float32Array> {
  const args = ["train", runFile, "--workers", String(workers), "--engine", engine, "--json", "--out", temporaryFolder()];
  const run = tabgrad(args, { env: environment });
  const done = await run.event("done");
  expect((await run.ended).exitCode).toBe(0);
  expect(done).toMatchObject({ outcome: "finished", step: 20 });
  const engines = run.events.flatMap((event) => (event.event === "worker" ? [event.engine] : []));
  expect(engines).toEqual(Array.from({ length: workers }, () => engine));
  return checkpointParameters(done.checkpoint as string);
}

it("cpu and gpu agree within 1e-4 after 20 steps, and with the reference", async () => {
  const gpu = await train("gpu");
  const cpu = await train("cpu");
  expect(largestDifference(gpu, cpu)).toBeLessThan(1e-4);
  expect(largestDifference(gpu, await referenceParameters(small, []))).toBeLessThan(1e-4);
});

it("workers on either engine train one model together", async () => {
  const coordinator = tabgrad(["coordinator", runFile, "--port", "0", "--min-workers", "2", "--json", "--out", temporaryFolder()]);
  const { url } = (await coordinator.event("start")) as unknown as { url: string };
  const workers = ["cpu", "gpu"].map((engine) =>
    tabgrad(["worker", url, "--engine", engine, "--name", engine], { env: environment }),
  );
  const done = await coordinator.event("done");
  const shares = coordinator.events.find((event) => event.event === "step")!.shares as { name: string }[];
  expect(shares.map(({ name }) => name).sort()).toEqual(["cpu", "gpu"]);
  expect((await Promise.all(workers.map((worker) => worker.ended))).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(
    largestDifference(await checkpointParameters(done.checkpoint as string), await referenceParameters(small, [])),
  ).toBeLessThan(1e-4);
});

it("doctor describes the adapter, and has both engines prove themselves", async () => {
  const { exitCode, stdout } = await tabgrad(["doctor"], { env: environment }).ended;
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/✓ gpu {2}\S/);
  expect(stdout.match(/gradient right \(relative error \de-\d\), about [\d,]+ samples\/s/g)).toHaveLength(2);
  expect(stdout).toMatch(/maxBufferSize {2}[\d,]+/);
});
