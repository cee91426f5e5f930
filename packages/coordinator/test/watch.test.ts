// Watching and controlling a run over real sockets: what pages see is what the coordinator sees, and who may do what.
import { packView, type PackedView, type TelemetryEvent } from "@tabgrad/core";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readCheckpoint, type RunningCoordinator } from "../src/index.ts";
import { RawViewer } from "./raw-viewer.ts";
import { RawWorker } from "./raw-worker.ts";
import { smallRunFolder, startSmallRun, type SmallRunOptions } from "./small-run.ts";

const token = "the-control-token";

let folder: string;
let coordinator: RunningCoordinator;
let events: readonly TelemetryEvent[];
let directory: string;

beforeEach(async () => {
  folder = await smallRunFolder();
});
afterEach(async () => {
  coordinator.stop("the test is over");
  await coordinator.done;
  await coordinator.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(options?: SmallRunOptions): Promise<string> {
  ({ coordinator, events, directory } = await startSmallRun(folder, { controlToken: token, ...options }));
  return coordinator.url;
}

const told = <K extends TelemetryEvent["event"]>(kind: K): Extract<TelemetryEvent, { event: K }>[] =>
  events.filter((event): event is Extract<TelemetryEvent, { event: K }> => event.event === kind);

/** As plain values, whichever kind of bytes a codec made of the columns. */
const plain = (view: PackedView): unknown => ({
  ...view,
  series: {
    ...view.series,
    columns: Object.fromEntries(Object.entries(view.series.columns).map(([name, bytes]) => [name, [...bytes]])),
  },
});

/** What the coordinator has, told to a page that comes now. */
async function coordinatorsView(): Promise<unknown> {
  const newcomer = await RawViewer.connect(coordinator.url);
  const { view } = await newcomer.record("snapshot");
  newcomer.cut();
  return plain(view);
}

describe("pages", () => {
  it("that were there from the start, or came in between, see just what the coordinator sees", async () => {
    const url = await start({ steps: 40, stay: true });
    const early = await RawViewer.watch(url);
    expect(early.view).toMatchObject({ phase: "waiting", step: 0, start: { name: "kinds", lossName: "crossEntropy" } });
    expect(early.ofKind("snapshot")[0].links).toEqual(coordinator.links);
    const { worker, welcome } = await RawWorker.join(url);
    worker.contribute(await worker.message("assignment"), welcome);
    await early.seen(({ step }) => step === 1);
    const late = await RawViewer.watch(url);
    expect(late.view?.step).toBe(1);
    worker.contribute(await worker.message("assignment", ({ step }) => step === 2), welcome);
    const { worker: other } = await RawWorker.join(url);
    worker.work(welcome);
    other.work(welcome);
    await coordinator.done;
    const views = await Promise.all([early, late].map((viewer) => viewer.seen(({ done }) => done !== undefined)));
    const expected = await coordinatorsView();
    for (const view of views) expect(plain(packView(view))).toEqual(expected);
    expect(views[0]).toMatchObject({ phase: "finished", step: 40, done: { outcome: "finished" } });
    expect(views[0].series.length).toBe(40);
    expect(views[0].workers.size).toBe(2);
    expect([early, late].map((viewer) => viewer.ofKind("snapshot").length)).toEqual([1, 1]);
  });

  it("a hundred of them, see the same, and cost no more than a hundred sends a second", async () => {
    const url = await start({ steps: 400, stay: true });
    const viewers = await Promise.all(Array.from({ length: 100 }, () => RawViewer.watch(url)));
    const before = viewers.map((viewer) => viewer.ofKind("events").length);
    const began = performance.now();
    const { worker, welcome } = await RawWorker.join(url);
    worker.work(welcome);
    await coordinator.done;
    const views = await Promise.all(viewers.map((viewer) => viewer.seen(({ done }) => done !== undefined)));
    const seconds = (performance.now() - began) / 1000;
    const expected = await coordinatorsView();
    for (const view of views) expect(plain(packView(view))).toEqual(expected);
    const sends = viewers.map((viewer, i) => viewer.ofKind("events").length - before[i]);
    // One that was due already, and one each second.
    for (const count of sends) expect(count).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
    expect(events.length).toBeGreaterThan(400);
  });

  it("of a run that is over are told so until the coordinator really goes", async () => {
    const url = await start({ steps: 1, stay: true });
    const early = await RawViewer.watch(url, token);
    const { worker, welcome } = await RawWorker.join(url);
    worker.work(welcome);
    await coordinator.done;
    await early.seen(({ phase }) => phase === "finished");
    const late = await RawViewer.watch(url);
    expect(late.view).toMatchObject({ phase: "finished", step: 1, done: { outcome: "finished" } });
    expect((await early.control({ name: "pause" })).error).toMatchObject({ code: "CONTROL_REFUSED", message: "The run is over" });
    await coordinator.close();
    for (const viewer of [early, late]) expect(await viewer.closed).toEqual({ code: 1000, reason: "finished after 1 steps" });
  });

  it("get what is done at the end before their sockets close, also where nobody stays", async () => {
    const url = await start({ steps: 1 });
    const viewer = await RawViewer.watch(url);
    const { worker, welcome } = await RawWorker.join(url);
    worker.work(welcome);
    expect(await viewer.closed).toEqual({ code: 1000, reason: "finished after 1 steps" });
    expect(viewer.view?.done?.outcome).toBe("finished");
  });

  it("see the round trip and the bytes of each worker", async () => {
    const url = await start({ startWorkers: 2 });
    const { worker } = await RawWorker.join(url);
    await worker.message("ping");
    const viewer = await RawViewer.watch(url);
    const { workers } = await viewer.seen((view) =>
      [...view.workers.values()].some(({ vitals }) => typeof vitals?.roundTripMs === "number"),
    );
    const [{ vitals }] = workers.values();
    expect(vitals!.roundTripMs).toBeGreaterThan(0);
    expect(vitals!.roundTripMs).toBeLessThan(10_000);
    expect(vitals!.bytesUp).toBeGreaterThan(100);
    expect(vitals!.bytesDown).toBeGreaterThan(100);
    expect(events.map(({ event }) => event as string)).not.toContain("vitals");
  });

  it("get histograms while they look, and only then", async () => {
    const url = await start({ steps: 3, stay: true });
    const [looks, looksAway] = await Promise.all([RawViewer.watch(url), RawViewer.watch(url)]);
    looks.send({ kind: "look", histograms: true });
    looks.send({ kind: "hello" });
    // The answer to what was asked after it: the coordinator has heard of it.
    await looks.record("control", () => looks.ofKind("control").length === 2);
    const { worker, welcome } = await RawWorker.join(url);
    worker.contribute(await worker.message("assignment"), welcome, { value: 32 });
    const { step, tensors } = await looks.record("histograms");
    expect(step).toBe(1);
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ["0.weight", [2, 2]],
      ["0.bias", [2]],
    ]);
    // A sum of 32 over 16 samples.
    for (const { gradients } of tensors) expect(gradients).toMatchObject({ least: 2, most: 2, mean: 2, deviation: 0 });
    worker.work(welcome);
    await looksAway.seen(({ done }) => done !== undefined);
    expect(looksAway.ofKind("histograms")).toEqual([]);
    // One that begins to look when all is over has something to see, too.
    looksAway.send({ kind: "look", histograms: true });
    expect((await looksAway.record("histograms")).tensors).toHaveLength(2);
  });
});

describe("a page without the token", () => {
  it("sees, and can't touch", async () => {
    const url = await start();
    const viewer = await RawViewer.watch(url);
    expect(viewer.ofKind("control")[0].granted).toBe(false);
    for (const command of [{ name: "stop" }, { name: "learningRate", value: 3 }, { name: "pause" }] as const) {
      expect((await viewer.control(command)).error).toMatchObject({
        code: "CONTROL_REFUSED",
        message: "This page may watch the run, but not control it",
        remedy: expect.stringContaining("#control=") as string,
      });
    }
    const { worker } = await RawWorker.join(url);
    await worker.message("assignment");
    expect(told("decision").map(({ reason }) => reason.kind)).toEqual(["joined", "running"]);
  });

  it("can't find it by trying", async () => {
    const url = await start();
    const viewer = await RawViewer.connect(url);
    for (let i = 0; i < 10; i++) viewer.send({ kind: "hello", token: `guess ${i}` });
    viewer.send({ kind: "hello", token });
    await viewer.record("control", () => viewer.ofKind("control").length === 11);
    expect(viewer.ofKind("control").map(({ granted }) => granted)).not.toContain(true);
    expect(viewer.ofKind("control")[10].why).toContain("too many wrong control tokens");
    expect((await viewer.control({ name: "stop" })).error?.code).toBe("CONTROL_REFUSED");
  });

  it("is what every page is where the run has none", async () => {
    const url = await start({ controlToken: undefined });
    const viewer = await RawViewer.watch(url, "undefined");
    expect(viewer.ofKind("control")[0]).toMatchObject({ granted: false });
  });
});

describe("a page with the token", () => {
  it("pauses a run and resumes it", async () => {
    const url = await start({ steps: 2, stay: true });
    const viewer = await RawViewer.watch(url, token);
    const { worker, welcome } = await RawWorker.join(url);
    const first = await worker.message("assignment");
    expect(await viewer.control({ name: "pause" })).toEqual({ kind: "answer", id: 1 });
    worker.contribute(first, welcome);
    expect(await viewer.seen(({ step }) => step === 1)).toMatchObject({ phase: "paused" });
    const { worker: newcomer } = await RawWorker.join(url);
    // The new parameters wait as well.
    expect(worker.messages.some((message) => message.type === "parametersChunk" && message.version === 1)).toBe(false);
    expect(worker.messages.filter(({ type }) => type === "assignment")).toHaveLength(1);
    await viewer.control({ name: "resume" });
    const assigned = await Promise.all([worker, newcomer].map((each) => each.message("assignment", ({ step }) => step === 2)));
    expect(assigned.map(({ microbatches }) => microbatches.length)).toEqual([2, 2]);
    worker.work(welcome);
    newcomer.work(welcome);
    expect(await coordinator.done).toMatchObject({ outcome: "finished", step: 2 });
  });

  it("changes the learning rate, which the next step takes and the next checkpoint holds", async () => {
    const url = await start({ steps: 3 });
    const viewer = await RawViewer.watch(url, token);
    const { worker, welcome } = await RawWorker.join(url);
    const first = await worker.message("assignment");
    worker.contribute(first, welcome, { value: 16 });
    await viewer.control({ name: "learningRate", value: 0.25 });
    const second = await worker.message("assignment", ({ step }) => step === 2);
    worker.contribute(second, welcome, { value: 16 });
    await viewer.seen(({ step }) => step === 2);
    expect(told("step").map(({ learningRate }) => learningRate)).toEqual([1, 0.25]);
    const [before, after] = await Promise.all(
      [1, 2].map((version) => worker.message("parametersChunk", (message) => message.version === version)),
    );
    after.values.forEach((value, i) => expect(value).toBeCloseTo(before.values[i] - 0.25, 6));
    expect(await viewer.control({ name: "checkpoint" })).toEqual({ kind: "answer", id: 2 });
    await viewer.record("events", (record) => record.events.some(([, event]) => event.event === "checkpoint" && event.step === 2));
    const { manifest } = await readCheckpoint(directory);
    expect(manifest).toMatchObject({ step: 2, learningRate: 0.25 });
    expect(told("decision").map(({ reason }) => reason)).toContainEqual({ kind: "learningRate", from: 1, to: 0.25 });
  });

  it("sends a worker away, whose work another does", async () => {
    const url = await start({ startWorkers: 2 });
    const viewer = await RawViewer.watch(url, token);
    const { worker: dropped, welcome } = await RawWorker.join(url);
    const { worker } = await RawWorker.join(url);
    await dropped.message("assignment");
    expect((await viewer.control({ name: "drop", worker: "w9" })).error).toMatchObject({ message: "There is no worker w9" });
    expect((await viewer.control({ name: "drop", worker: welcome.worker })).error).toBeUndefined();
    expect(await dropped.closed).toBe(1000);
    expect(await dropped.message("goodbye")).toMatchObject({ reconnect: false });
    const { departed, workers } = await viewer.seen((view) => view.departed.length === 1);
    expect(departed[0]).toMatchObject({ id: welcome.worker, leftWhy: "it was sent away from the dashboard" });
    expect([...workers.keys()]).toEqual(["w2"]);
    worker.work(welcome);
    expect(await coordinator.done).toMatchObject({ outcome: "finished" });
    expect(told("worker").filter(({ state }) => state === "left")).toHaveLength(1);
  });

  it("stops the run, also where it is paused", async () => {
    const url = await start();
    const viewer = await RawViewer.watch(url, token);
    await viewer.control({ name: "pause" });
    await viewer.control({ name: "stop" });
    expect(await coordinator.done).toMatchObject({ outcome: "stopped", why: "it was stopped from the dashboard" });
    expect(await viewer.closed).toMatchObject({ code: 1000 });
  });

  it("leaves no trace of the token in what the run tells", async () => {
    const url = await start();
    const viewer = await RawViewer.watch(url, token);
    await viewer.control({ name: "pause" });
    coordinator.stop("enough");
    await coordinator.done;
    await viewer.closed;
    expect(JSON.stringify([events, viewer.records])).not.toContain(token);
    expect((await readFile(join(directory, "journal.msgpack"))).includes(token)).toBe(false);
  });
});

describe("a worker that rests", () => {
  it("is sent nothing, and gets the newest parameters when it is back", async () => {
    const url = await start({ steps: 4, startWorkers: 2 });
    const viewer = await RawViewer.watch(url);
    const { worker: resting, welcome } = await RawWorker.join(url);
    const { worker } = await RawWorker.join(url);
    const given = await resting.message("assignment");
    resting.send({ type: "availability", state: "paused", reason: "its user wants the machine" });
    await viewer.seen(({ workers }) => workers.get(welcome.worker)?.availability === "paused");
    // What it had is on its way still, and nobody minds.
    resting.contribute(given, welcome, { value: 1 });
    const answered = new Set<number>();
    // Its own half of the first step, the other half, and the second step.
    for (const step of [1, 1, 2]) {
      const next = await worker.message("assignment", (message) => message.step === step && !answered.has(message.assignment));
      answered.add(next.assignment);
      worker.contribute(next, welcome);
    }
    await worker.message("parametersChunk", ({ version }) => version === 2);
    resting.send({ type: "availability", state: "background", reason: "its tab is hidden" });
    expect(await resting.message("parametersBegin")).toMatchObject({ version: 2 });
    await resting.message("parametersChunk", ({ version }) => version === 2);
    expect(resting.messages.flatMap((message) => (message.type === "parametersChunk" ? [message.version] : []))).toEqual([0, 2]);
    worker.contribute(await worker.message("assignment", ({ step }) => step === 3), welcome);
    const back = await resting.message("assignment", ({ step }) => step === 4);
    expect(back).toMatchObject({ version: 3 });
    resting.contribute(back, welcome);
    worker.work(welcome);
    resting.work(welcome);
    expect(await coordinator.done).toMatchObject({ outcome: "finished", step: 4 });
    expect(told("availability")).toMatchObject([
      { id: "w1", name: "raw", availability: "paused", why: "its user wants the machine" },
      { id: "w1", name: "raw", availability: "background", why: "its tab is hidden" },
    ]);
    const kinds = told("decision").map(({ reason }) => reason.kind);
    expect(kinds).toContain("rested");
    expect(kinds).toContain("background");
    expect(kinds).not.toContain("discarded");
  });
});
