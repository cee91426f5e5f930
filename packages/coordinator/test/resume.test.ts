// Runs whose coordinator is gone: what it left on a real disk, cut off anywhere, is enough to go on and end with the same bits.
import { adam, checkRun, crossEntropy, csv, dense, resolveRun, sequential, type TelemetryEvent } from "@tabgrad/core";
import { appendFile, cp, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditFolder } from "../src/audit/index.ts";
import { initialState, nothingWatched, type RunPlan } from "../src/decide/index.ts";
import { resumedState } from "../src/decide/resume.ts";
import { lockFile } from "../src/folder/index.ts";
import {
  checkSameData,
  checkSameRun,
  checkStepsLeft,
  keptControlToken,
  openResumption,
  readCheckpoint,
  readJournal,
  type RunningCoordinator,
} from "../src/index.ts";
import { RawViewer } from "./raw-viewer.ts";
import { RawWorker } from "./raw-worker.ts";
import { describeSmallRun, smallRunFolder, startSmallRun, type SmallRunOptions } from "./small-run.ts";

/** Adam has a state: a run that forgot it would end elsewhere. */
const options = { steps: 8, optimizer: adam({ learningRate: 0.1 }), checkpointEvery: { steps: 2 } } satisfies SmallRunOptions;
const gradient = 0.37;

let folder: string;
const running: RunningCoordinator[] = [];

beforeEach(async () => {
  folder = await smallRunFolder();
});

afterEach(async () => {
  for (const coordinator of running.splice(0)) {
    coordinator.stop("the test is over");
    await coordinator.done;
  }
  await rm(folder, { recursive: true, force: true });
});

async function start(given: SmallRunOptions): Promise<{ coordinator: RunningCoordinator; events: readonly TelemetryEvent[] }> {
  const run = await startSmallRun(folder, { ...options, ...given });
  running.push(run.coordinator);
  return run;
}

/** Runs to the end with one worker. */
async function finish(given: SmallRunOptions): Promise<Extract<TelemetryEvent, { event: "done" }>> {
  const { coordinator } = await start(given);
  const { worker, welcome } = await RawWorker.join(coordinator.url);
  worker.work(welcome, gradient);
  return coordinator.done;
}

/** What lies in the folder after some steps, as if the coordinator had been killed there. */
async function killedAfter(steps: number, directory = join(folder, "killed")): Promise<string> {
  // Nothing is removed while it is copied.
  const { coordinator } = await start({ directory: join(folder, "victim"), keep: 100 });
  const { worker, welcome } = await RawWorker.join(coordinator.url);
  for (let step = 1; step <= steps; step++) {
    worker.contribute(await worker.message("assignment", (message) => message.step === step), welcome, { value: gradient });
    // So that each is there: whoever trains so fast skips some.
    if (step % 2 === 0) await saved(join(folder, "victim"), step);
  }
  await worker.message("parametersChunk", ({ version }) => version === steps);
  await journalled(join(folder, "victim"), (event) => event.event === "step" && event.step === steps);
  await copy(join(folder, "victim"), directory);
  return directory;
}

/** Resolves when the journal tells of that. */
const journalled = (directory: string, isMeant: (event: TelemetryEvent) => boolean): Promise<void> =>
  expect.poll(async () => (await readJournal(join(directory, "journal.msgpack"))).some(({ event }) => isMeant(event))).toBe(true);

/** Resolves when the checkpoint is there: writing it takes as long as the disk does. */
const saved = (directory: string, step: number): Promise<void> =>
  expect.poll(() => readdir(directory)).toContain(`step-0000000${step}`);

/** A process that was killed leaves a lock, but it is not there any more; the one that the copy names is this one. */
async function copy(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true });
  await rm(join(to, lockFile), { force: true });
}

const resume = async (directory: string, given: SmallRunOptions = {}) =>
  finish({ directory, resumption: await openResumption(directory), ...given });

describe("a run that is resumed", () => {
  it("ends with the same bits as one that was never interrupted, and its journal proves it", async () => {
    const quiet = await finish({ directory: join(folder, "quiet") });
    const directory = await killedAfter(5);
    const before = await readJournal(join(directory, "journal.msgpack"));
    const resumption = await openResumption(directory);
    expect(resumption.checkpoint.manifest).toMatchObject({ format: 2, step: 4, name: "kinds", baseDirectory: folder });
    const { coordinator, events } = await start({ directory, resumption });
    const { worker, welcome } = await RawWorker.join(coordinator.url);
    expect(welcome.worker).toBe("w2");
    worker.work(welcome, gradient);
    const done = await coordinator.done;
    expect(done).toMatchObject({ outcome: "finished", step: 8, parametersSha256: quiet.parametersSha256 });
    expect(events[0]).toMatchObject({ event: "start", step: 4, runId: (before[0].event as { runId: string }).runId });
    const report = await auditFolder(directory);
    expect(report).toMatchObject({ steps: 8, wholeEpochs: 4, resumptions: 1, repeatedSteps: 1 });
    expect(report.flaw).toBeUndefined();
    expect((await readdir(directory)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("can be cut off at any byte of any file, again and again", async () => {
    const quiet = await finish({ directory: join(folder, "quiet") });
    const killed = await killedAfter(7);
    const directory = join(folder, "again");
    const cut = fc.record({ file: fc.nat(), at: fc.double({ min: 0, max: 1, noNaN: true }), unfinished: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(cut, async ({ file, at, unfinished }) => {
        await copy(killed, directory);
        const newest = (await readdir(directory))
          .filter((name) => name.startsWith("step-"))
          .sort()
          .at(-1)!;
        const files = ["journal.msgpack", ...(await readdir(join(directory, newest))).map((name) => join(newest, name))];
        const victim = join(directory, files[file % files.length]);
        await truncate(victim, Math.floor(at * (await stat(victim)).size));
        // A crash while that checkpoint was written, before it had its name.
        if (unfinished) await rename(join(directory, newest), join(directory, `.${newest}.unfinished`));
        expect((await resume(directory)).parametersSha256).toBe(quiet.parametersSha256);
        expect((await readCheckpoint(directory)).manifest.step).toBe(8);
      }),
      { numRuns: 20 },
    );
  });

  it("takes the checkpoint before the newest, and says so, where that one is damaged", async () => {
    const directory = await killedAfter(7);
    const model = join(directory, "step-00000006", "model.safetensors");
    const bytes = await readFile(model);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(model, bytes);
    await mkdir(join(directory, ".step-00000008.unfinished"));
    await appendFile(join(directory, "journal.msgpack"), Uint8Array.of(0x82));
    const { checkpoint, warnings, lock, stored } = await openResumption(directory);
    expect(checkpoint.manifest.step).toBe(4);
    expect(stored.map(({ manifest }) => manifest.step)).toEqual([4, 2, 0]);
    expect(warnings).toEqual([expect.stringMatching(/step 6 .*SHA-256/), expect.stringContaining("cut off")]);
    expect((await readdir(directory)).filter((name) => name.startsWith("."))).toEqual([".step-00000006.damaged"]);
    await lock.release();
  });

  it("keeps what people knew: history, learning rate, control token", async () => {
    const { coordinator } = await start({ directory: join(folder, "victim"), controlToken: "secret" });
    const { worker, welcome } = await RawWorker.join(coordinator.url);
    worker.contribute(await worker.message("assignment"), welcome, { value: gradient });
    worker.contribute(await worker.message("assignment", ({ step }) => step === 2), welcome, { value: gradient });
    await saved(join(folder, "victim"), 2);
    const directory = join(folder, "killed");
    await copy(join(folder, "victim"), directory);
    expect(await keptControlToken(directory)).toBe("secret");
    expect((await stat(join(directory, "control-token"))).mode & 0o777).toBe(0o600);
    const { journal, lock } = await openResumption(directory);
    expect(journal.view).toMatchObject({ step: 2, start: { name: "kinds" } });
    expect(journal.workers).toBe(1);
    await lock.release();
  });

  it("changes the learning rate again where it was changed after the checkpoint", async () => {
    const steps = async (directory: string, last: number): Promise<RawWorker> => {
      const { coordinator } = await start({ directory, controlToken: "secret" });
      const viewer = await RawViewer.watch(coordinator.url, "secret");
      const { worker, welcome } = await RawWorker.join(coordinator.url);
      for (let step = 1; step <= last; step++) {
        worker.contribute(await worker.message("assignment", (message) => message.step === step), welcome, { value: gradient });
        if (step === 4) await saved(directory, 4);
        if (step === 5) await viewer.control({ name: "learningRate", value: 0.02 });
      }
      if (last === 8) worker.work(welcome, gradient);
      return worker;
    };
    const worker = await steps(join(folder, "victim"), 5);
    await worker.message("parametersChunk", ({ version }) => version === 5);
    await journalled(join(folder, "victim"), (event) => event.event === "decision" && event.reason.kind === "learningRate");
    const directory = join(folder, "killed");
    await copy(join(folder, "victim"), directory);
    await steps(join(folder, "quiet"), 8);
    const { parametersSha256 } = await running.at(-1)!.done;
    const resumption = await openResumption(directory);
    expect(resumption.checkpoint.manifest).toMatchObject({ step: 4, learningRate: 0.1 });
    expect(await finish({ directory, resumption })).toMatchObject({ step: 8, parametersSha256 });
    expect(await auditFolder(directory)).toMatchObject({
      learningRates: [
        { step: 1, learningRate: 0.1 },
        { step: 6, learningRate: 0.02 },
      ],
    });
  });

  it("is evaluated first where an evaluation of its checkpoint's step was due", () => {
    const plan: RunPlan = {
      steps: 4,
      stepSamples: () => [4],
      evaluationSamples: [4, 4],
      evaluateAfter: (step) => step % 2 === 0,
      checkpointEvery: undefined,
      startWorkers: 1,
      minWorkers: 1,
      learningRate: 1,
      rateFactor: () => 1,
      exact: false,
    };
    const at = (step: number, isEvaluated = false) =>
      resumedState(plan, { step, isEvaluated, learningRate: 0.5, learningRateChanges: [], watched: nothingWatched });
    expect(at(2)).toMatchObject({ step: 2, learningRate: 0.5, ledger: { purpose: "evaluate", step: 2, version: 2 } });
    expect(at(4).ledger?.purpose).toBe("evaluate");
    for (const state of [at(2, true), at(3), at(0)]) expect(state.ledger).toBeUndefined();
    expect(at(0)).toEqual({ ...initialState({ learningRate: 0.5 }) });
  });
});

describe("a run that can't be resumed", () => {
  it("is not there", async () => {
    await expect(openResumption(join(folder, "nowhere"))).rejects.toMatchObject({ code: "RESUME_IMPOSSIBLE" });
    await expect(openResumption(folder)).rejects.toMatchObject({ code: "RESUME_IMPOSSIBLE" });
  });

  it("has a coordinator that lives, or belongs to nobody who begins a new one", async () => {
    const directory = join(folder, "victim");
    await killedAfter(2);
    await expect(openResumption(directory)).rejects.toMatchObject({
      code: "OUTPUT_IN_USE",
      message: expect.stringContaining(String(process.pid)) as string,
    });
    await expect(start({ directory })).rejects.toMatchObject({ code: "OUTPUT_IN_USE" });
    await expect(start({ directory: join(folder, "killed") })).rejects.toMatchObject({
      code: "OUTPUT_IN_USE",
      remedy: expect.stringContaining("--resume") as string,
    });
  });

  it("has a lock of a process that is gone: then it can", async () => {
    const directory = await killedAfter(2);
    for (const text of ["", JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), id: "x" })]) {
      await writeFile(join(directory, lockFile), text);
      await (await openResumption(directory)).lock.release();
      expect(await readdir(directory)).not.toContain(lockFile);
    }
    await writeFile(join(directory, lockFile), JSON.stringify({ pid: 1, host: "another", id: "x" }));
    await expect(openResumption(directory)).rejects.toMatchObject({ code: "OUTPUT_IN_USE" });
  });

  it("is over, unless it gets more steps", async () => {
    const directory = join(folder, "over");
    await finish({ directory, steps: 4 });
    const resumption = await openResumption(directory);
    for (const steps of [3, 4])
      expect(() => checkStepsLeft(resumption, { steps })).toThrow(expect.objectContaining({ code: "RESUME_IMPOSSIBLE" }));
    expect(() => checkStepsLeft(resumption, { steps: 8 })).not.toThrow();
    const quiet = await finish({ directory: join(folder, "quiet") });
    expect(await finish({ directory, resumption })).toMatchObject({ step: 8, parametersSha256: quiet.parametersSha256 });
    expect((await auditFolder(directory)).flaw).toBeUndefined();
  });

  it("has other data, or another run file", async () => {
    const directory = await killedAfter(2);
    const resumption = await openResumption(directory);
    const { run, dataset } = await describeSmallRun(folder, options);
    checkSameData(resumption, dataset.description);
    checkSameRun(resumption, { ...run.description, duration: { epochs: 9 }, checkpointEvery: "end" });
    const text = await readFile(join(folder, "data.csv"), "utf8");
    await writeFile(join(folder, "data.csv"), text.replace("odd", "even"));
    const changed = await describeSmallRun(folder, options);
    expect(() => checkSameData(resumption, changed.dataset.description)).toThrow(expect.objectContaining({ code: "DATA_CHANGED" }));
    const settings = checkRun({
      data: csv({ path: "data.csv", label: "kind", test: { fraction: 0.2 } }),
      model: sequential(dense(3), dense(2)),
      loss: crossEntropy(),
      optimizer: adam({ learningRate: 0.2 }),
      batchSize: 32,
      microbatchSize: 4,
      steps: 8,
      evaluateEvery: "end",
    });
    const { description } = resolveRun(settings, dataset.description);
    expect(() => checkSameRun(resumption, description)).toThrow(
      /optimizer\.learningRate: was 0\.1, is 0\.2; batchSize: was 16, is 32; .*the model is another one/,
    );
    await resumption.lock.release();
  });
});
