// The decision core, step by step, with a virtual clock.
import { sentence } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { decide, initialState } from "../src/decide/index.ts";
import { Simulation } from "./simulation.ts";

describe("a run", () => {
  it("waits for as many workers as it was told to, then takes its steps", () => {
    const run = new Simulation({ startWorkers: 2 });
    run.join("a");
    expect(run.state.phase).toBe("waiting");
    expect(run.sent).toEqual([]);
    run.join("b");
    expect(run.sent.map((sent) => sent.microbatches)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    for (let turn = 0; turn < 3; turn++) ["a", "b"].forEach((id) => run.answer(id));
    expect(run.outcome).toEqual({ kind: "finished" });
    expect([...run.accepted.keys()]).toEqual([1, 2, 3]);
  });

  it("assigns the next step before the optimizer step, so that workers prepare meanwhile", () => {
    const run = new Simulation();
    run.join("a");
    run.answer("a");
    expect(run.actions.map((action) => action.kind)).toEqual(["assign", "accept", "assign", "apply"]);
    expect(run.sent[0]).toMatchObject({ step: 2, version: 1 });
  });

  it("evaluates after the steps it should, in shares, and after the last", () => {
    const run = new Simulation({ steps: 3, evaluationSamples: [10, 10, 5], evaluateAfter: (step) => step === 1 });
    run.join("a");
    run.join("b");
    while (!run.outcome) if (!run.answer("a")) run.answer("b");
    expect(run.evaluations).toEqual([
      { step: 1, samples: 25 },
      { step: 3, samples: 25 },
    ]);
    expect(run.outcome).toEqual({ kind: "finished" });
  });

  it("asks for checkpoints on the way, and leaves the last one to the end", () => {
    const run = new Simulation({ steps: 4, checkpointEvery: { steps: 2 } });
    run.join("a");
    while (!run.outcome) run.answer("a");
    expect(run.actions.flatMap((action) => (action.kind === "checkpoint" ? [action.step] : []))).toEqual([2]);
  });

  it("asks for checkpoints by the clock, from the first step on", () => {
    const run = new Simulation({ steps: 7, checkpointEvery: { milliseconds: 100 } });
    run.now = 1000;
    run.join("a");
    while (!run.outcome) {
      run.now += 40;
      run.answer("a");
    }
    expect(run.actions.flatMap((action) => (action.kind === "checkpoint" ? [action.step] : []))).toEqual([3, 6]);
  });

  it("gives a dead worker's microbatches to the living", () => {
    const run = new Simulation();
    run.join("a");
    run.join("b");
    run.answer("a"); // Step 1 was all a's; step 2 is shared.
    expect(run.sent.map((sent) => sent.worker)).toEqual(["a", "b"]);
    run.leave("a");
    expect(run.sent).toHaveLength(1);
    run.answer("b");
    expect(run.sent[0]).toMatchObject({ worker: "b", microbatches: [0, 1], step: 2 });
    expect(run.reasons.map(sentence)).toContain("worker a left (connection closed); 1 worker now. Its 2 microbatches went back.");
  });

  it("gives pending microbatches of the open step to a newcomer", () => {
    const run = new Simulation();
    run.join("a");
    run.leave("a");
    expect(run.state.phase).toBe("waiting");
    run.join("b");
    expect(run.sent[0]).toMatchObject({ worker: "b", microbatches: [0, 1, 2, 3], step: 1 });
  });

  it("waits below its minimum and goes on when someone comes", () => {
    const run = new Simulation({ minWorkers: 2, startWorkers: 2 });
    ["a", "b"].forEach((id) => run.join(id));
    run.leave("b");
    run.answer("a");
    expect(run.state.phase).toBe("waiting");
    expect(run.sent).toEqual([]);
    run.join("c");
    expect(run.state.phase).toBe("running");
  });

  it.each([
    ["for another version", { version: 7 }],
    ["with the wrong number of samples", { samples: 1 }],
    ["for microbatches it does not hold", { microbatches: [0, 1, 2, 3, 4] }],
    ["for a part of its microbatches", { microbatches: [1, 2] }],
    ["for no microbatch", { microbatches: [] }],
  ])("discards a contribution %s, and has the work done again", (_, change) => {
    const run = new Simulation();
    run.join("a");
    run.answer("a", change);
    expect(run.actions.some((action) => action.kind === "discard")).toBe(true);
    expect(run.actions.some((action) => action.kind === "accept")).toBe(false);
    expect(run.sent).toHaveLength(1);
    while (!run.outcome) run.answer("a");
    expect(run.outcome).toEqual({ kind: "finished" });
  });

  it("gives at once to others what a worker holds that is sent away for what it sent unasked", () => {
    const run = new Simulation();
    run.join("a");
    const [first] = run.sent;
    run.answer("a");
    run.join("b");
    for (let turn = 0; turn < 3; turn++) {
      expect(run.sent).toMatchObject([{ worker: "a" }]);
      const claim = { ...first, samples: 128, lossSum: 1, metricSums: [1], computeMs: 1 };
      run.send({ kind: "claimed", worker: "a", squaredNorm: 128 ** 2, claim });
    }
    expect(run.actions.some(({ kind }) => kind === "quarantine")).toBe(true);
    expect(run.sent).toMatchObject([{ worker: "b", microbatches: [0, 1, 2, 3], step: 2 }]);
  });

  it("sends away a worker that only fails", () => {
    const run = new Simulation();
    run.join("a");
    for (let turn = 0; turn < 3; turn++) run.fail("a");
    expect(run.actions.some((action) => action.kind === "dismiss")).toBe(true);
    expect(run.state.workers.size).toBe(0);
  });

  it("stops where the loss or the gradient is not finite, at that step", () => {
    const byLoss = new Simulation();
    byLoss.join("a");
    byLoss.answer("a");
    byLoss.answer("a", { lossSum: NaN });
    expect(byLoss.outcome).toBeUndefined();
    byLoss.answer("a", { norm: Infinity });
    expect(byLoss.outcome).toMatchObject({ kind: "diverged", step: 2 });
    const byGradient = new Simulation();
    byGradient.divergeAt = 3;
    byGradient.join("a");
    while (!byGradient.outcome) byGradient.answer("a");
    expect(byGradient.outcome).toMatchObject({ kind: "diverged", step: 3 });
  });

  it("stops when told to, and ignores what comes after", () => {
    const run = new Simulation();
    run.join("a");
    run.send({ kind: "stop", why: "interrupted" });
    expect(run.outcome).toEqual({ kind: "stopped", why: "interrupted" });
    run.answer("a");
    run.join("b");
    expect(run.accepted.size).toBe(0);
  });

  it("says how a step is divided anew, and why", () => {
    const run = new Simulation({ steps: 60, stepSamples: () => Array.from({ length: 8 }, () => 32) });
    const shared = (): string[] => run.reasons.filter(({ kind }) => kind === "shared").map(sentence);
    /** One step; milliseconds for a microbatch. */
    const step = (takes: Readonly<Record<string, number>>): void => {
      const began = run.now;
      const ends = run.sent.map(({ worker, microbatches }) => ({ worker, computeMs: microbatches.length * takes[worker] }));
      for (const { worker, computeMs } of ends.sort((one, other) => one.computeMs - other.computeMs)) {
        run.now = began + computeMs;
        run.answer(worker, { computeMs });
      }
    };
    run.join("a");
    step({ a: 10 });
    run.join("b");
    step({ a: 10 });
    expect(shared()).toEqual(["The 8 microbatches of a step now go to worker a 4, worker b 4, since worker b joined."]);
    for (let turn = 0; turn < 20; turn++) step({ a: 10, b: 10 });
    for (let turn = 0; turn < 12; turn++) step({ a: 10, b: 30 });
    expect(shared()[1]).toMatch(/since worker b takes .* times as long as it did|since it is known now how fast/);
    const told = shared().length;
    run.setAvailability("b", "paused");
    run.answer("a");
    run.answer("a");
    expect(shared().slice(told)).toEqual(["The 8 microbatches of a step now go to worker a 8, since worker b rests."]);
    run.setAvailability("b", "available");
    run.answer("a");
    run.answer("b");
    expect(shared().at(-1)).toMatch(/since worker b is back\.$/);
  });

  it("leaves the state it was given untouched", () => {
    const before = initialState({ learningRate: 0.1 });
    const frozen = structuredClone(before);
    const worker = { id: "a", name: "a", host: "node", engine: "cpu", device: "" };
    decide(new Simulation().plan, before, { kind: "joined", worker, workerId: "a" }, 0);
    expect(before).toEqual(frozen);
  });
});
