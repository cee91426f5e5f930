// One run, two engines: real worker processes on WebGPU (a software adapter, where there is no GPU) and on ONNX Runtime.
import { provideTestGpu } from "@tabgrad/gpu/swiftshader";
import { beforeAll, expect, it } from "vitest";
import small from "./runs/small.ts";
import { tabgrad } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { checkpointParameters, largestDifference, referenceParameters, relativeDifference } from "./support/reference.ts";

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
  const args = ["coordinator", runFile, "--port", "0", "--steps", "60", "--json", "--out", temporaryFolder()];
  const coordinator = tabgrad(args);
  const { url } = (await coordinator.event("start")) as unknown as { url: string };
  // A GPU made of software is so much slower that a CPU beside it would do all the work: it begins alone, and is held up.
  const gpu = tabgrad(["worker", url, "--engine", "gpu", "--name", "gpu"], { env: environment });
  await coordinator.event("step", ({ step }) => (step as number) >= 3);
  gpu.kill("SIGSTOP");
  const cpu = tabgrad(["worker", url, "--engine", "cpu", "--name", "cpu"]);
  await coordinator.event("step", ({ shares }) => (shares as { name: string }[]).some(({ name }) => name === "cpu"));
  gpu.kill("SIGCONT");
  const done = await coordinator.event("done");
  for (const worker of [gpu, cpu]) expect(await worker.ended).toMatchObject({ exitCode: 0, signal: null });
  const reference = await referenceParameters(small, ["steps=60"]);
  expect(relativeDifference(await checkpointParameters(done.checkpoint as string), reference)).toBeLessThan(1e-4);
});

it("doctor describes the adapter, and has both engines prove themselves", async () => {
  const { exitCode, stdout } = await tabgrad(["doctor"], { env: environment }).ended;
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/✓ gpu {2}\S/);
  expect(stdout.match(/gradient right \(relative error \de-\d\), about [\d,]+ samples\/s/g)).toHaveLength(2);
  expect(stdout).toMatch(/maxBufferSize {2}[\d,]+/);
});
