// What the page shows at each turn of a tab's life, from the Worker's messages and the run's view.
import { follow, initialView, TabgradError, type Activity, type RunView, type TelemetryEvent } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { failureOf, type FromTab, type TabStatus } from "../src/join/messages.ts";
import { ownPart, progressOf, recentLoss } from "../src/join/own-part.ts";
import { heard, newTab, sceneOf, titleOf, type Tab } from "../src/join/page-state.ts";

const start: TelemetryEvent = {
  event: "start",
  runId: "r",
  name: "mlp",
  url: "http://127.0.0.1:7070",
  steps: 200,
  stepsPerEpoch: 100,
  step: 0,
  batchSize: 256,
  microbatchSize: 32,
  parameters: 235_146,
  trainSamples: 60_000,
  evaluationSamples: 10_000,
  seed: 1,
  lossName: "crossEntropy",
  optimizerName: "adam",
  metricNames: ["accuracy"],
  layers: [],
};
const timings = { waitMs: 1, fetchMs: 2, computeMs: 30, uploadMs: 4 };
const joined = (id: string): TelemetryEvent => ({
  event: "worker",
  id,
  name: `tab ${id}`,
  host: "tab",
  engine: "gpu",
  device: "apple metal-3",
  state: "joined",
  workers: 1,
});
const left = (id: string): TelemetryEvent => ({ ...joined(id), state: "left", why: "lost" }) as TelemetryEvent;
const step = (number: number, loss: number, samples: Record<string, number>): TelemetryEvent => ({
  event: "step",
  step: number,
  epoch: 0,
  loss,
  metrics: {},
  samples: 256,
  samplesPerSecond: 1000,
  workers: 2,
  gradientNorm: 1,
  learningRate: 1e-3,
  shares: Object.entries(samples).map(([id, own]) => ({ id, name: id, samples: own, microbatches: [], timings, endedAt: 0 })),
});
const viewOf = (...events: readonly TelemetryEvent[]): RunView =>
  events.reduce((view, event, i) => follow(view, 1000 * i, event), initialView());

const status: TabStatus = {
  engine: "gpu",
  device: "apple metal-3",
  activity: "computing",
  ids: ["w1"],
  wanted: { state: "available", reason: "" },
  bytesUp: 1,
  bytesDown: 2,
  since: 0,
};
const inside = (change: Partial<TabStatus>): Tab => ({ stage: { name: "inside", status: { ...status, ...change } } });
const after = (...messages: readonly FromTab[]): Tab => messages.reduce((tab, message, i) => heard(tab, message, 10 * i), newTab);

describe("what the Worker says", () => {
  it("takes a tab from the preflight into a run and out again", () => {
    const findings = { secure: true, webgpu: false, webAssembly: true, complete: true };
    const tab = after(
      { type: "findings", findings },
      { type: "opening", engine: "cpu" },
      { type: "status", status },
      { type: "ended", end: { kind: "left", reason: "its user left" } },
    );
    expect(tab).toEqual({ findings, stage: { name: "ended", end: { kind: "left", reason: "its user left" }, at: 30, status } });
  });

  it("ends a tab that never joined, without figures", () => {
    const tab = after(
      { type: "opening", engine: "gpu" },
      { type: "ended", end: { kind: "failed", failure: { message: "m", remedy: "r" } } },
    );
    expect(tab.stage).toMatchObject({ name: "ended", status: undefined });
  });

  it("carries failures over with code and remedy", () => {
    expect(failureOf(new TabgradError("ENGINE_FAILED", "m", "r"))).toEqual({ code: "ENGINE_FAILED", message: "m", remedy: "r" });
    expect(failureOf(new Error("defect"))).toMatchObject({ message: "defect" });
    expect(failureOf(new Error("defect")).remedy).toContain("report");
  });
});

describe("the scene", () => {
  const running = viewOf(start, joined("w1"), { event: "decision", step: 1, reason: { kind: "running", workers: 1, step: 1 } });

  it("begins with the preflight and its result", () => {
    expect(sceneOf(newTab, undefined, undefined).name).toBe("looking");
    expect(sceneOf(newTab, undefined, true).name).toBe("ready");
    expect(sceneOf(newTab, undefined, false).name).toBe("barred");
  });

  it("joins", () => {
    expect(sceneOf({ stage: { name: "opening", engine: "gpu" } }, running, true)).toMatchObject({
      name: "joining",
      headline: "Opening the GPU",
    });
    expect(sceneOf({ stage: { name: "opening", engine: "cpu" } }, running, true).detail).toContain("MB");
    expect(sceneOf(inside({ activity: "greeting", ids: [] }), running, true).name).toBe("joining");
    expect(sceneOf(inside({ activity: "loading" }), running, true).name).toBe("joining");
  });

  it.each<[Activity, string]>([
    ["waitingForAssignment", "waiting"],
    ["waitingForParameters", "waiting"],
    ["fetching", "computing"],
    ["computing", "computing"],
    ["uploading", "computing"],
    ["paused", "paused"],
    ["rebuilding", "rebuilding"],
    ["backingOff", "reconnecting"],
    ["connecting", "reconnecting"],
    ["leaving", "leaving"],
  ])("shows a tab that is %s as %s", (activity, name) => {
    expect(sceneOf(inside({ activity }), running, true).name).toBe(name);
  });

  it("knows why there is no work", () => {
    const idle = inside({ activity: "waitingForAssignment" });
    expect(sceneOf(idle, running, true).headline).toBe("Waiting for work");
    expect(sceneOf(idle, viewOf(start), true).headline).toBe("Waiting for the run to begin");
    const paused = viewOf(start, { event: "decision", step: 1, reason: { kind: "paused" } });
    expect(sceneOf(idle, paused, true).headline).toBe("The run is paused");
  });

  it("says that a hidden tab gets less", () => {
    const hidden = inside({ wanted: { state: "background", reason: "the tab is hidden" } });
    expect(sceneOf(hidden, running, true)).toMatchObject({
      name: "computing",
      detail: "In the background this tab is given less.",
    });
  });

  it("shows what went wrong while it is mended", () => {
    const trouble = { code: "COORDINATOR_UNREACHABLE", message: "nobody answers", remedy: "Wait." } as const;
    expect(sceneOf(inside({ activity: "backingOff", trouble }), running, true).failure).toEqual(trouble);
    expect(sceneOf(inside({ activity: "connecting", ids: [], trouble }), running, true)).toMatchObject({
      name: "joining",
      failure: trouble,
    });
  });

  it("thanks, takes leave and fails", () => {
    const ended = (end: Extract<FromTab, { type: "ended" }>["end"]): Tab => ({ stage: { name: "ended", end, at: 0 } });
    const finished = ended({ kind: "finished", reason: "the run is over" });
    const done = { event: "done", outcome: "finished", step: 200, loss: 0.1, metrics: {}, checkpoint: null } as const;
    const over = follow(running, 0, { ...done, parametersSha256: "", seconds: 1, samples: 1, samplesPerSecond: 1 });
    expect(sceneOf(finished, over, true)).toMatchObject({ name: "finished", detail: "The run is finished." });
    expect(sceneOf(finished, { ...over, phase: "diverged" }, true).detail).toContain("diverged");
    expect(sceneOf(finished, running, true).detail).toContain("the run is over");
    expect(sceneOf(ended({ kind: "left", reason: "" }), running, true).name).toBe("left");
    const failure = { message: "m", remedy: "r" };
    expect(sceneOf(ended({ kind: "failed", failure }), running, true)).toMatchObject({ name: "failed", failure });
  });

  it("shows in the tab's title what goes on", () => {
    expect(titleOf(sceneOf(inside({}), running, true), 0.128)).toBe("● 12 % · tabgrad");
    expect(titleOf(sceneOf(inside({ activity: "paused" }), running, true), 0.128)).toBe("❙❙ Paused · tabgrad");
    expect(titleOf(sceneOf(newTab, undefined, undefined), undefined)).toBe("Join · tabgrad");
  });
});

describe("a tab's own part", () => {
  it("is what the run's view says of it, over all its connections", () => {
    const view = viewOf(
      start,
      joined("w1"),
      joined("w2"),
      step(1, 2, { w1: 64, w2: 192 }),
      left("w1"),
      joined("w3"),
      step(2, 1, { w3: 128, w2: 128 }),
    );
    const part = ownPart(view, ["w1", "w3"]);
    expect(part.worker).toMatchObject({ id: "w3", share: 0.5 });
    expect(part.samples).toBe(64 + 128);
    expect(part.steps.map(({ step, samples }) => [step, samples])).toEqual([
      [1, 64],
      [2, 128],
    ]);
    expect(recentLoss(view)).toBe(1.5);
    expect(progressOf(view)).toBe(0.01);
  });

  it("adds up several contributions to one step", () => {
    const view = viewOf(start, joined("w1"), step(1, 2, { w1: 64 }));
    const twice = { ...view, timeline: view.timeline.map((one) => ({ ...one, shares: [...one.shares, ...one.shares] })) };
    expect(ownPart(twice, ["w1"]).steps).toEqual([
      { step: 1, samples: 128, timings: { waitMs: 2, fetchMs: 4, computeMs: 60, uploadMs: 8 } },
    ]);
  });

  it("is nothing before the run knows the tab", () => {
    expect(ownPart(viewOf(start, joined("w2")), [])).toEqual({ worker: undefined, samples: 0, steps: [] });
    expect(recentLoss(viewOf(start))).toBeUndefined();
    expect(progressOf(initialView())).toBeUndefined();
  });
});
