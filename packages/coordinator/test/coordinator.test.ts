// The coordinator on real sockets and a real disk, talked to by workers that say just what a test wants.
import { adam, confusionMatrix, crossEntropy, recall, type TelemetryEvent } from "@tabgrad/core";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readCheckpoint, readJournal, type RunningCoordinator } from "../src/index.ts";
import { RawWorker } from "./raw-worker.ts";
import { smallRunFolder, startSmallRun, type SmallRunOptions } from "./small-run.ts";

let folder: string;
let coordinator: RunningCoordinator | undefined;
let events: readonly TelemetryEvent[];

beforeEach(async () => {
  folder = await smallRunFolder();
});

afterEach(async () => {
  coordinator?.stop("the test is over");
  await coordinator?.done;
  coordinator = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function start(options?: SmallRunOptions): Promise<RunningCoordinator> {
  ({ coordinator, events } = await startSmallRun(folder, options));
  return coordinator;
}

const told = <K extends TelemetryEvent["event"]>(kind: K): Extract<TelemetryEvent, { event: K }>[] =>
  events.filter((event): event is Extract<TelemetryEvent, { event: K }> => event.event === kind);

describe("a run", () => {
  it("hands out steps, takes them, evaluates, and leaves a checkpoint and a journal", async () => {
    const { url, done } = await start();
    const { worker, welcome } = await RawWorker.join(url);
    expect(welcome).toMatchObject({ parameterElements: 6, microbatchSize: 4, metrics: ["accuracy"] });
    const first = await worker.message("assignment");
    expect(first).toMatchObject({ purpose: "train", step: 1, version: 0 });
    expect(first.microbatches).toHaveLength(4);
    worker.contribute(first, welcome, { value: 16 });
    const second = await worker.message("assignment", ({ step, purpose }) => step === 2 && purpose === "train");
    // The sum of 16 everywhere over 16 samples is a mean of 1; with a learning rate of 1 every parameter falls by 1.
    const [before, after] = await Promise.all(
      [0, 1].map((version) => worker.message("parametersChunk", (message) => message.version === version)),
    );
    after.values.forEach((value, i) => expect(value).toBeCloseTo(before.values[i] - 1, 6));
    worker.contribute(second, welcome);
    worker.contribute(await worker.message("assignment", ({ purpose }) => purpose === "evaluate"), welcome, { lossSum: 4 });
    expect(await done).toMatchObject({ outcome: "finished", step: 2, loss: 0.5 });
    expect(await worker.closed).toBe(1000);
    expect(await worker.message("goodbye")).toMatchObject({ reconnect: false });

    const checkpoint = await readCheckpoint(join(folder, "run"));
    expect(checkpoint.manifest).toMatchObject({
      step: 2,
      evaluation: { step: 2, loss: 0.5 },
      parametersSha256: told("done")[0].parametersSha256,
    });
    expect(checkpoint.weights.map(({ name, shape }) => [name, shape])).toEqual([
      ["0.weight", [2, 2]],
      ["0.bias", [2]],
    ]);
    const journal = await readJournal(join(folder, "run", "journal.msgpack"));
    expect(journal.map(({ event }) => event)).toEqual(JSON.parse(JSON.stringify(events)));
  });

  it("divides by what samples weigh together, and makes the report of all sums once", async () => {
    const metrics = [confusionMatrix(), recall()];
    const { url, done } = await start({ steps: 1, more: { loss: crossEntropy({ classWeights: [1, 3] }), metrics } });
    const { worker, welcome } = await RawWorker.join(url);
    expect(welcome.metrics).toEqual(["confusionMatrix", "recall", "lossWeight"]);
    // The matrix; hits, answers and samples of both classes; the weight.
    const [hits, said, there] = [
      [2, 4],
      [2, 14],
      [12, 4],
    ];
    const sums = (weight: number) => ({ metricSums: [2, 10, 0, 4, ...hits, ...said, ...there, weight], lossSum: 48 });
    worker.contribute(await worker.message("assignment"), welcome, { value: 24, ...sums(24) });
    const [before, after] = await Promise.all(
      [0, 1].map((version) => worker.message("parametersChunk", (message) => message.version === version)),
    );
    after.values.forEach((value, i) => expect(value).toBeCloseTo(before.values[i] - 1, 6));
    const evaluation = await worker.message("assignment", ({ purpose }) => purpose === "evaluate");
    worker.contribute(evaluation, welcome, { ...sums(12) });
    const confusion = [
      [2, 10],
      [0, 4],
    ];
    const report = { metrics: { recall: (2 / 12 + 1) / 2 }, tables: { confusionMatrix: confusion } };
    expect(await done).toMatchObject({ outcome: "finished", loss: 4, ...report });
    expect(told("start")[0].metricNames).toEqual(["recall"]);
    expect(told("step")[0]).toMatchObject({ loss: 2, metrics: report.metrics });
    expect(told("step")[0]).not.toHaveProperty("tables");
    expect(told("eval")[0]).toMatchObject({ loss: 4, ...report });
    const { manifest } = await readCheckpoint(join(folder, "run"));
    expect(manifest.evaluation).toMatchObject({ step: 1, loss: 4, metrics: report.metrics });
    expect(manifest.evaluation).not.toHaveProperty("tables");
  });

  it("sends what is frozen once, and versions and gradients of the rest alone", async () => {
    const { url, done } = await start({ steps: 1, more: { parameterGroups: [{ parameters: "0.weight", frozen: true }] } });
    const { worker, welcome } = await RawWorker.join(url);
    expect(welcome).toMatchObject({ parameterElements: 6, trained: [{ offset: 4, count: 2 }] });
    const first = await worker.message("assignment");
    worker.contribute(first, welcome, { value: 16 });
    const [before, after] = await Promise.all(
      [0, 1].map((version) => worker.message("parametersChunk", (message) => message.version === version)),
    );
    expect([before, after].map(({ values }) => values.length)).toEqual([2, 2]);
    after.values.forEach((value, i) => expect(value).toBeCloseTo(before.values[i] - 1, 6));
    const evaluation = await worker.message("assignment", ({ purpose }) => purpose === "evaluate");
    // In a pause a worker forgets everything.
    for (const state of ["paused", "available"] as const) worker.send({ type: "availability", state, reason: "" });
    await worker.message("parametersBegin");
    worker.contribute(
      await worker.message(
        "assignment",
        ({ purpose, assignment }) => purpose === "evaluate" && assignment !== evaluation.assignment,
      ),
      welcome,
    );
    const result = await done;
    expect(result).toMatchObject({ outcome: "finished", step: 1 });
    const { weights } = await readCheckpoint(result.checkpoint!);
    const [kernel, bias] = weights.map(({ data }) => [...data]);
    const sent = worker.messages.flatMap((message) =>
      "values" in message ? [[message.type, "version" in message ? message.version : undefined, [...message.values]]] : [],
    );
    expect(sent).toEqual([
      ["frozenChunk", undefined, kernel],
      ["parametersChunk", 0, [...before.values]],
      ["parametersChunk", 1, bias],
      ["frozenChunk", undefined, kernel],
      ["parametersChunk", 1, bias],
    ]);
    expect(told("step")[0].gradientNorm).toBeCloseTo(Math.SQRT2, 6);
  });

  it("refuses a gradient of everything where some of it is frozen", async () => {
    const { url } = await start({ more: { parameterGroups: [{ parameters: "0.weight", frozen: true }] } });
    const { worker } = await RawWorker.join(url);
    const { assignment } = await worker.message("assignment");
    worker.send({ type: "contributionChunk", assignment, chunk: 0, values: new Float32Array(6) });
    const reason = expect.stringContaining("chunk 0 has 6 values; it must have 2") as string;
    expect(await worker.message("refused")).toMatchObject({ code: "PROTOCOL_VIOLATION", reason });
    expect(await worker.closed).toBe(4002);
  });

  it("gives what a dead worker held to another, and a newcomer the newest parameters", async () => {
    const { url, done } = await start({ steps: 2 });
    const { worker: first, welcome } = await RawWorker.join(url);
    first.contribute(await first.message("assignment"), welcome, { value: 1 });
    await first.message("assignment", ({ step }) => step === 2);
    first.cut();
    const { worker: second } = await RawWorker.join(url, { workerId: "1".repeat(32) });
    const again = await second.message("assignment");
    expect(again).toMatchObject({ step: 2, version: 1 });
    expect(again.microbatches).toHaveLength(4);
    expect(second.messages.filter(({ type }) => type === "parametersChunk")).toEqual([expect.objectContaining({ version: 1 })]);
    second.contribute(again, welcome);
    second.contribute(await second.message("assignment", ({ purpose }) => purpose === "evaluate"), welcome);
    expect(await done).toMatchObject({ outcome: "finished", step: 2 });
    expect(told("worker").map(({ state }) => state)).toEqual(["joined", "left", "joined"]);
  });

  it("counts nothing of a contribution that lacks chunks, and asks for the work again", async () => {
    const { url } = await start();
    const { worker, welcome } = await RawWorker.join(url);
    const first = await worker.message("assignment");
    worker.contribute(first, welcome, { chunks: false });
    const again = await worker.message("assignment", ({ assignment }) => assignment !== first.assignment);
    expect(again).toMatchObject({ step: 1, version: 0 });
    expect(told("step")).toEqual([]);
  });

  it("sends parameters to those alone that compute with them, and all of them to one that is given something again", async () => {
    const { url, done } = await start({ steps: 40, startWorkers: 2 });
    const { worker: quick, welcome } = await RawWorker.join(url);
    const { worker: slow } = await RawWorker.join(url, { workerId: "1".repeat(32) });
    // It holds the first step up until its microbatches are taken for late, and computed by the other one.
    const first = await slow.message("assignment");
    quick.work(welcome, 1, 29);
    await quick.message("assignment", ({ step }) => step === 30);
    const versions = (): number[] => [
      ...new Set(slow.messages.flatMap((message) => (message.type === "parametersChunk" ? [message.version] : []))),
    ];
    expect(versions()).toEqual([0]);
    // Now the other one is late.
    slow.contribute(first, welcome);
    await slow.message("assignment", ({ step }) => step === 30);
    for (const worker of [slow, quick]) worker.work(welcome, 1);
    expect(await done).toMatchObject({ outcome: "finished" });
    const needed = slow.messages.flatMap((message) => (message.type === "assignment" ? [message.version] : []));
    expect(versions()).toEqual([...new Set(needed)]);
  });

  it("stops where the gradient is not finite when it is computed again, before it touches a parameter", async () => {
    const { url, done } = await start({ optimizer: adam() });
    const { worker, welcome } = await RawWorker.join(url);
    const first = await worker.message("assignment");
    worker.contribute(first, welcome, { value: NaN });
    const again = await worker.message("assignment", ({ assignment }) => assignment !== first.assignment);
    expect(again.microbatches).toEqual(first.microbatches);
    expect(told("decision").at(-1)?.reason).toMatchObject({ kind: "refused", worker: "raw", returned: 4 });
    worker.contribute(again, welcome, { value: NaN });
    expect(await done).toMatchObject({ outcome: "diverged", step: 0, code: "DIVERGED", why: "step 1: the gradient is not finite" });
    expect(await readdir(join(folder, "run"))).toEqual(["journal.msgpack", "step-00000000"]);
    const { manifest } = await readCheckpoint(join(folder, "run"));
    expect(told("done")[0].parametersSha256).toBe(manifest.parametersSha256);
  });

  it("ends with a checkpoint when it is stopped, also before anybody came", async () => {
    const { stop, done } = { stop: (await start()).stop.bind(coordinator), done: coordinator!.done };
    stop("enough");
    expect(await done).toMatchObject({ outcome: "stopped", why: "enough", step: 0, loss: null });
    expect((await readCheckpoint(join(folder, "run"))).manifest.step).toBe(0);
  });
});

describe("peers that are not what they should be", () => {
  it.each([
    ["says another version in its hello", "tabgrad.v1", 2],
    ["offers another version's subprotocol", "tabgrad.v2", undefined],
  ])("one that %s is told so", async (_, offered, protocol) => {
    const { url } = await start();
    const worker = await RawWorker.connect(url, offered);
    if (protocol !== undefined) worker.sayHello({ protocol });
    expect(await worker.message("refused")).toMatchObject({
      code: "PROTOCOL_VERSION",
      reason: expect.stringContaining("version") as string,
    });
    expect(await worker.closed).toBe(4001);
    expect(told("worker")).toEqual([]);
  });

  it.each<[string, (worker: RawWorker) => void]>([
    ["sends text", (worker) => worker.sendRaw("hello")],
    ["sends garbage", (worker) => worker.sendRaw(Uint8Array.of(1, 2, 3))],
    ["says hello twice", (worker) => worker.sayHello()],
    [
      "sends a chunk that does not exist",
      (worker) => worker.send({ type: "contributionChunk", assignment: 1, chunk: 9, values: new Float32Array(6) }),
    ],
    [
      "sends a chunk of the wrong size",
      (worker) => worker.send({ type: "contributionChunk", assignment: 1, chunk: 0, values: new Float32Array(5) }),
    ],
    [
      "sends a chunk twice",
      (worker) => {
        for (let i = 0; i < 2; i++)
          worker.send({ type: "contributionChunk", assignment: 1, chunk: 0, values: new Float32Array(6) });
      },
    ],
  ])("one that %s is closed with 4002, and its work goes back", async (_, misbehave) => {
    const { url } = await start();
    const { worker } = await RawWorker.join(url);
    await worker.message("assignment");
    misbehave(worker);
    expect(await worker.message("refused")).toMatchObject({ code: "PROTOCOL_VIOLATION" });
    expect(await worker.closed).toBe(4002);
    const { worker: other } = await RawWorker.join(url);
    expect((await other.message("assignment")).microbatches).toHaveLength(4);
  });

  it("one that speaks before it says hello is closed", async () => {
    const { url } = await start();
    const worker = await RawWorker.connect(url);
    worker.send({ type: "leaving", reason: "" });
    expect(await worker.closed).toBe(4002);
  });

  it("one that sends what can't be right, again and again, is closed with 4003 and may not come back", async () => {
    const { url } = await start({ startWorkers: 2 });
    const { welcome } = await RawWorker.join(url);
    const { worker: wrong } = await RawWorker.join(url, { workerId: "f".repeat(32), name: "wrong" });
    const assignment = await wrong.message("assignment");
    // The second and the third time nobody has asked for it any more: whether it would be given another one depends on its speed.
    for (let times = 0; times < 3; times++) wrong.contribute(assignment, welcome, { value: NaN });
    expect(await wrong.message("refused")).toMatchObject({ code: "WORKER_QUARANTINED", retry: false });
    expect(await wrong.closed).toBe(4003);
    const reasons = told("decision").map(({ reason }) => reason);
    expect(reasons.filter(({ kind }) => kind === "refused")).toHaveLength(1);
    expect(reasons.filter(({ kind }) => kind === "discarded")).toHaveLength(2);
    expect(reasons).toContainEqual(expect.objectContaining({ kind: "quarantined", worker: "wrong", refusals: 3 }));
    const again = await RawWorker.connect(url);
    again.sayHello({ workerId: "f".repeat(32) });
    expect(await again.message("refused")).toMatchObject({ code: "WORKER_QUARANTINED" });
    expect(await again.closed).toBe(4003);
    expect(told("worker").map(({ name, state }) => `${name} ${state}`)).toEqual(["raw joined", "wrong joined", "wrong left"]);
  });

  it("one of another kind of engine than the first is not let into an exact run", async () => {
    const { url } = await start({ exact: true, startWorkers: 2 });
    await RawWorker.join(url, { host: "node", engine: "cpu", device: "1 thread" });
    for (const other of [
      { host: "tab", engine: "cpu" },
      { host: "node", engine: "gpu", device: "a GPU" },
    ] as const) {
      const worker = await RawWorker.connect(url);
      worker.sayHello(other);
      expect(await worker.message("refused")).toMatchObject({ code: "ENGINE_MISMATCH", retry: false });
      expect(await worker.closed).toBe(4003);
    }
    await RawWorker.join(url, { host: "node", engine: "cpu", device: "8 threads" });
    coordinator!.stop("the test is over");
    const { checkpoint } = await coordinator!.done;
    expect((await readCheckpoint(checkpoint!)).manifest).toMatchObject({ engineKind: "node cpu" });
  });

  it("two workers of one name are told apart", async () => {
    const { url } = await start({ startWorkers: 3 });
    await RawWorker.join(url);
    await RawWorker.join(url);
    expect(told("worker").map(({ name }) => name)).toEqual(["raw", "raw (2)"]);
  });
});
