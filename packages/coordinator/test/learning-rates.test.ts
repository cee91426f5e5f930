// What a run that goes on makes of the changes of the learning rate that its journal tells of.
import type { TelemetryEvent } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { nothingWatched } from "../src/decide/index.ts";
import { resumedState } from "../src/decide/resume.ts";
import { LearningRateChanges } from "../src/resume/learning-rates.ts";
import { Simulation } from "./simulation.ts";

const start = (step: number, runId = "run"): TelemetryEvent => ({ event: "start", step, runId }) as TelemetryEvent;
const change = (step: number, to: number): TelemetryEvent => ({
  event: "decision",
  step,
  reason: { kind: "learningRate", from: 1, to },
});

function changesOf(...events: readonly TelemetryEvent[]): LearningRateChanges {
  const changes = new LearningRateChanges();
  for (const event of events) changes.follow(event);
  return changes;
}

describe("changes of the learning rate in a journal", () => {
  it("are those from the checkpoint on", () => {
    const changes = changesOf(start(0), change(2, 0.5), change(4, 0.25), change(4, 0.125), change(7, 0.1));
    expect(changes.after(4)).toEqual([
      { step: 4, to: 0.25 },
      { step: 4, to: 0.125 },
      { step: 7, to: 0.1 },
    ]);
    expect(changes.after(8)).toEqual([]);
  });

  it("stay, whether or not they came again before the next crash", () => {
    const first = [start(0), change(5, 0.5), change(7, 0.25)];
    const both = [
      { step: 5, to: 0.5 },
      { step: 7, to: 0.25 },
    ];
    expect(changesOf(...first, start(4)).after(4)).toEqual(both);
    expect(changesOf(...first, start(4), change(5, 0.5)).after(4)).toEqual(both);
    expect(changesOf(...first, start(4), change(5, 0.5), start(4)).after(4)).toEqual(both);
  });

  it("give way to what somebody wants after the restart", () => {
    const changes = changesOf(start(0), change(2, 0.9), change(5, 0.5), change(7, 0.25), start(4), change(6, 0.75));
    expect(changes.after(0)).toEqual([
      { step: 2, to: 0.9 },
      { step: 5, to: 0.5 },
      { step: 6, to: 0.75 },
    ]);
  });

  it("are those of this run alone", () => {
    expect(changesOf(start(0, "another"), change(3, 0.5), start(0)).after(0)).toEqual([]);
  });
});

describe("a run that goes on from before a change", () => {
  const resumed = (): Simulation => {
    const run = new Simulation({ steps: 7 });
    run.state = resumedState(run.plan, {
      ...{ step: 2, learningRate: 0.1, isEvaluated: true, watched: nothingWatched },
      learningRateChanges: [
        { step: 2, to: 0.2 },
        { step: 4, to: 0.4 },
        { step: 5, to: 0.5 },
      ],
    });
    run.join("a");
    return run;
  };

  it("takes each step with the learning rate that it had, and says when it changes", () => {
    const run = resumed();
    while (!run.outcome) run.answer("a");
    expect([...run.learningRates]).toEqual([
      [3, 0.2],
      [4, 0.2],
      [5, 0.4],
      [6, 0.5],
      [7, 0.5],
    ]);
    expect(run.reasons.filter(({ kind }) => kind === "learningRate")).toEqual([
      { kind: "learningRate", from: 0.2, to: 0.4 },
      { kind: "learningRate", from: 0.4, to: 0.5 },
    ]);
  });

  it("does what somebody wants now instead", () => {
    const run = resumed();
    run.answer("a");
    run.send({ kind: "learningRate", value: 0.3 });
    while (!run.outcome) run.answer("a");
    expect([...run.learningRates.values()]).toEqual([0.2, 0.3, 0.3, 0.3, 0.3]);
  });
});
