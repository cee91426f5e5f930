// The decision core, with what people ask of a run on the way.
import { describe, expect, it } from "vitest";
import { Simulation } from "./simulation.ts";

describe("controls", () => {
  it("pause after what has been handed out, and resume", () => {
    const run = new Simulation();
    run.join("a");
    run.send({ kind: "pause" });
    run.send({ kind: "pause" });
    expect(run.state.phase).toBe("paused");
    run.answer("a");
    expect([...run.accepted.keys()]).toEqual([1]);
    expect(run.sent).toEqual([]);
    run.join("b");
    expect(run.sent).toEqual([]);
    run.send({ kind: "resume" });
    run.send({ kind: "resume" });
    expect(run.sent.map((sent) => [sent.worker, sent.step])).toEqual([
      ["a", 2],
      ["b", 2],
    ]);
    expect(run.reasons.map(({ kind }) => kind)).toEqual(["joined", "running", "paused", "joined", "resumed", "running", "shared"]);
  });

  it("keep an evaluation that is due for when the run goes on", () => {
    const run = new Simulation({ steps: 2, evaluationSamples: [4], evaluateAfter: () => true });
    run.join("a");
    run.send({ kind: "pause" });
    run.answer("a");
    expect(run.evaluations).toEqual([]);
    run.send({ kind: "resume" });
    expect(run.sent[0]).toMatchObject({ purpose: "evaluate", step: 1 });
  });

  it("wait after a pause where the workers have gone", () => {
    const run = new Simulation();
    run.join("a");
    run.send({ kind: "pause" });
    run.leave("a");
    run.send({ kind: "resume" });
    expect(run.reasons.slice(-2).map(({ kind }) => kind)).toEqual(["resumed", "waiting"]);
    expect(run.state.phase).toBe("waiting");
  });

  it("stop a paused run, and end one whose last step is on its way", () => {
    const stopped = new Simulation();
    stopped.join("a");
    stopped.send({ kind: "pause" });
    stopped.send({ kind: "stop", why: "enough" });
    expect(stopped.outcome).toEqual({ kind: "stopped", why: "enough" });
    const last = new Simulation({ steps: 1 });
    last.join("a");
    last.send({ kind: "pause" });
    last.answer("a");
    expect(last.outcome).toEqual({ kind: "finished" });
  });

  it("change the learning rate from the next optimizer step on", () => {
    const run = new Simulation();
    run.join("a");
    run.answer("a");
    run.send({ kind: "learningRate", value: 0.02 });
    run.send({ kind: "learningRate", value: 0.02 });
    run.answer("a");
    expect([...run.learningRates]).toEqual([
      [1, 0.1],
      [2, 0.02],
    ]);
    expect(run.reasons.filter(({ kind }) => kind === "learningRate")).toEqual([{ kind: "learningRate", from: 0.1, to: 0.02 }]);
  });

  it("ask for a checkpoint at once", () => {
    const run = new Simulation();
    run.join("a");
    run.answer("a");
    run.send({ kind: "checkpointNow" });
    expect(run.actions.at(-1)).toEqual({ kind: "checkpoint", step: 1 });
  });

  it("drop a worker, whose microbatches others do", () => {
    const run = new Simulation();
    run.join("a");
    run.join("b");
    run.send({ kind: "drop", worker: "a" });
    run.send({ kind: "drop", worker: "a" });
    expect(run.actions.filter(({ kind }) => kind === "dismiss")).toHaveLength(1);
    expect(run.state.workers.has("a")).toBe(false);
    expect(run.sent).toMatchObject([{ worker: "b", step: 1, microbatches: [0, 1, 2, 3] }]);
    expect(run.reasons).toContainEqual({ kind: "dropped", worker: "worker a" });
  });
});
