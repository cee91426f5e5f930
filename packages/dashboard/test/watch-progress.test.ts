// How far a run is, and what the page says of it: time left, headline, welcome, ending.
import { describe, expect, it } from "vitest";
import { follow, type DoneEvent } from "@tabgrad/core";
import { endingWords, measuredOn } from "../src/watch/ending-words.ts";
import { headlineResult, workersWords } from "../src/watch/headline-words.ts";
import { connectionWords, isOver, phaseWords } from "../src/watch/phase-words.ts";
import { progressOf } from "../src/watch/progress-of.ts";
import { welcomeWords } from "../src/watch/welcome-words.ts";
import { begin, evaluationEvent, joinedEvent, paused, running, startEvent, stepEvent, steps, viewOf } from "./watch-events.ts";

describe("progressOf", () => {
  it("knows nothing before the run is known", () => {
    expect(progressOf(undefined, begin)).toMatchObject({ step: 0, steps: 0, fraction: 0, elapsedSeconds: NaN, leftSeconds: NaN });
  });

  it("counts from the first step's begin, not from the coordinator's", () => {
    const view = viewOf(startEvent, joinedEvent("w1"), running, ...steps(4));
    expect(progressOf(view, begin + 10_200).elapsedSeconds).toBe(10);
    expect(progressOf(viewOf(startEvent), begin + 9_000).elapsedSeconds).toBeNaN();
  });

  it("says the epoch that is being computed", () => {
    const epochAfter = (count: number) => progressOf(viewOf(startEvent, running, ...steps(count)), begin).epoch;
    expect([epochAfter(0), epochAfter(39), epochAfter(40), epochAfter(100)]).toEqual([1, 1, 2, 3]);
  });

  it("expects the remaining samples at the speed of the newest steps", () => {
    const view = viewOf(startEvent, running, ...steps(20));
    // 80 steps of 64 samples at 640 a second, half a second of which has gone by.
    expect(progressOf(view, view.newest!.time + 500).leftSeconds).toBeCloseTo(7.5, 6);
  });

  it("weighs slow steps by what they cost", () => {
    const view = viewOf(
      startEvent,
      running,
      ...[640, 160, 640, 160].map((speed, i) => stepEvent(i + 1, { samplesPerSecond: speed })),
    );
    expect(progressOf(view, view.newest!.time).leftSeconds).toBeCloseTo(96 * 64 * ((1 / 640 + 1 / 160) / 2), 3);
  });

  it("does not let what was long ago tell the speed", () => {
    let view = viewOf(startEvent, running);
    for (let i = 1; i <= 50; i++) view = follow(view, begin + i * 1000, stepEvent(i, { samplesPerSecond: i <= 25 ? 1 : 64 }));
    expect(progressOf(view, view.newest!.time).leftSeconds).toBeCloseTo(50, 3);
  });

  it("says nothing of a young, a paused, or a stalled run", () => {
    const young = viewOf(startEvent, running, ...steps(3));
    expect(progressOf(young, young.newest!.time).leftSeconds).toBeNaN();
    const resting = viewOf(startEvent, running, ...steps(20), paused);
    expect(progressOf(resting, resting.newest!.time).leftSeconds).toBeNaN();
    const stalled = viewOf(startEvent, running, ...steps(20));
    expect(progressOf(stalled, stalled.newest!.time + 4_000).leftSeconds).not.toBeNaN();
    expect(progressOf(stalled, stalled.newest!.time + 6_000).leftSeconds).toBeNaN();
  });
});

describe("the headline", () => {
  it("is the first metric of the newest evaluation", () => {
    const view = viewOf(startEvent, running, ...steps(20), evaluationEvent(10, 0.5), evaluationEvent(20));
    expect(headlineResult(view)).toMatchObject({ name: "accuracy", testId: "evaluation-accuracy", value: "97.85 %" });
    expect(headlineResult(view).note).toContain("step 20");
  });

  it("is the evaluation's loss where the run has no metric", () => {
    const view = viewOf({ ...startEvent, metricNames: [] }, running, evaluationEvent(20));
    expect(headlineResult(view)).toMatchObject({ name: "evaluation loss", value: "0.2500" });
  });

  it("says that nothing is held back, and takes the training's own", () => {
    const view = viewOf({ ...startEvent, evaluationSamples: 0 }, running, ...steps(2));
    expect(headlineResult(view)).toMatchObject({ testId: "training-accuracy", value: "50.00 %" });
    expect(headlineResult(view).note).toContain("nothing is held back");
  });

  it("counts workers by what they are and how they fare", () => {
    const view = viewOf(
      startEvent,
      joinedEvent("w1", "node"),
      joinedEvent("w2"),
      joinedEvent("w3"),
      { event: "availability", id: "w3", name: "", availability: "paused", why: "" },
      { ...joinedEvent("w2"), state: "left", why: "bye" } as ReturnType<typeof joinedEvent>,
    );
    expect(workersWords(view)).toBe("1 node, 1 tab · 1 paused · 1 left");
  });
});

describe("words", () => {
  const needed = (number: number) =>
    ({ event: "decision", step: 0, reason: { kind: "waiting", workers: 0, needed: number } }) as const;
  const done = (change: Partial<DoneEvent>): DoneEvent => ({
    event: "done",
    outcome: "finished",
    step: 70,
    loss: 1,
    metrics: {},
    checkpoint: null,
    parametersSha256: "",
    seconds: 65,
    samples: 1,
    samplesPerSecond: 1,
    ...change,
  });

  it("say who is awaited", () => {
    expect(welcomeWords(undefined).title).toContain("prepared");
    expect(welcomeWords(viewOf(startEvent, needed(1))).title).toBe("Waiting for the first worker.");
    expect(welcomeWords(viewOf({ ...startEvent, startWorkers: 2 })).title).toBe("0 of 2 workers are here.");
    expect(welcomeWords(viewOf(startEvent, needed(3))).title).toBe("0 of 3 workers are here.");
    expect(welcomeWords(viewOf(startEvent, needed(3), joinedEvent("w1"))).title).toBe("1 of 3 workers are here.");
    expect(welcomeWords(viewOf(startEvent, needed(1), joinedEvent("w1"))).title).toContain("begins");
  });

  it("say how it ended, and what to do where it went wrong", () => {
    const view = viewOf(startEvent, { event: "checkpoint", step: 50, path: "x", bytes: 1, milliseconds: 1 });
    expect(endingWords(view, done({})).title).toBe("Finished in 1:05");
    expect(endingWords(view, done({ outcome: "stopped" })).title).toBe("Stopped after step 70 of 100");
    const diverged = endingWords(view, done({ outcome: "diverged", why: "the loss is not finite" }));
    expect(diverged.text).toBe(
      "The loss is not finite. The checkpoint of step 50 is from before. " +
        "A smaller learning rate, or clipping the gradient's norm, usually helps.",
    );
    expect(endingWords(viewOf(startEvent), done({ outcome: "diverged" })).text).not.toContain("checkpoint");
    expect(endingWords(view, done({ outcome: "failed", why: "the disk is full", code: "DIVERGED" })).text).toContain("DIVERGED");
  });

  it("say what the last numbers were measured on", () => {
    const view = viewOf(startEvent, running, ...steps(70), evaluationEvent(70));
    expect(measuredOn(view, done({ loss: 0.25 }))).toBe("on 100 held-out samples");
    expect(measuredOn(view, done({ step: 71, loss: 0.25 }))).toBe("of the last step's batch");
    expect(measuredOn(viewOf(startEvent), done({}))).toBe("of the last step's batch");
  });

  it("name every phase and every state of the connection", () => {
    expect(phaseWords(undefined).label).toBe("connecting");
    expect(phaseWords("running").tone).toBe("live");
    expect(phaseWords("diverged").tone).toBe("bad");
    expect(["finished", "stopped", "diverged", "failed"].every((phase) => isOver(phase as "finished"))).toBe(true);
    expect(isOver("paused")).toBe(false);
    expect(connectionWords("open", false)).toBe("live");
    expect(connectionWords("lost", false)).toBe("trying again");
  });
});
