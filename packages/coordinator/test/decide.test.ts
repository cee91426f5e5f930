// The decision core under scripted and random schedules, with a virtual clock.
import { sentence } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, initialState, shares, type Pace } from "../src/decide/index.ts";
import { measured } from "../src/decide/pace.ts";
import { Simulation } from "./simulation.ts";

describe("shares", () => {
  const pace = (perSample: number, overhead = 0): Pace => ({ overhead, perSample });

  it("divides evenly while nothing is known", () => expect(shares(8, 32, [undefined, undefined])).toEqual([4, 4]));
  it("follows speed", () => expect(shares(8, 32, [pace(1), pace(3)])).toEqual([6, 2]));
  it("counts an unmeasured worker as an average one", () => expect(shares(8, 32, [pace(2), undefined])).toEqual([4, 4]));
  it("gives less to a worker that is far away", () => expect(shares(8, 1, [pace(1), pace(1, 4)])).toEqual([6, 2]));
  it("leaves nobody without a measurement", () => expect(shares(4, 1, [pace(1), undefined, pace(2, 1)])).toEqual([2, 1, 1]));
  it("waits for nobody who would be done long after the others", () => {
    expect(shares(4, 1, [pace(1), pace(100)])).toEqual([4, 0]);
    expect(shares(9, 1, [pace(1), pace(10)])).toEqual([8, 1]);
    expect(shares(7, 1, [pace(1), pace(10)], [6, 1])).toEqual([7, 0]);
  });
  it("gives the fastest what there is, if it is not enough for all", () =>
    expect(shares(1, 1, [pace(2), pace(1)])).toEqual([0, 1]));
  it("keeps shares that are nearly right", () => expect(shares(8, 32, [pace(1), pace(1.1)], [4, 4])).toEqual([4, 4]));
  it("moves shares that are wrong", () => expect(shares(8, 32, [pace(1), pace(2)], [4, 4])).toEqual([6, 2]));
  it("comes back to equal shares of equal workers, whatever they pay for the way", () =>
    expect(shares(8, 32, [pace(0.1, 8), pace(0.1, 8)], [5, 3])).toEqual([4, 4]));

  it("always adds up, and never ends later than an even division", () => {
    const anyPace = fc.record({
      overhead: fc.double({ min: 0, max: 100, noNaN: true }),
      perSample: fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.nat({ max: 300 }), fc.array(anyPace, { minLength: 1, maxLength: 12 }), (total, paces) => {
        const found = shares(total, 32, paces);
        expect(found.reduce((a, b) => a + b, 0)).toBe(total);
        expect(found.every((share) => Number.isInteger(share) && share >= 0)).toBe(true);
        const end = (counts: number[]): number =>
          Math.max(...counts.map((count, i) => (count ? paces[i].overhead + count * 32 * paces[i].perSample : 0)));
        const even = paces.map((_, i) => Math.floor(total / paces.length) + (i < total % paces.length ? 1 : 0));
        expect(end(found)).toBeLessThanOrEqual(end(even) * (1 + 1e-9));
      }),
    );
  });
});

describe("a worker's pace", () => {
  it("parts computing from the way, by our own clock", () => {
    expect(measured(undefined, { samples: 100, elapsed: 12, computing: 4 })).toEqual({ overhead: 8, perSample: 0.04 });
  });

  it("believes nobody who says to have computed longer than we waited", () => {
    expect(measured(undefined, { samples: 100, elapsed: 12, computing: 40 })).toEqual({ overhead: 0, perSample: 0.12 });
  });

  it("is smoothed", () => {
    const pace = measured({ overhead: 10, perSample: 1 }, { samples: 10, elapsed: 10, computing: 0.01 });
    expect(pace.perSample).toBeGreaterThan(0.5);
    expect(pace.perSample).toBeLessThan(1);
  });
});

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
    const run = new Simulation({ steps: 30, stepSamples: () => Array.from({ length: 8 }, () => 32) });
    const shared = (): string[] => run.reasons.filter(({ kind }) => kind === "shared").map(sentence);
    run.join("a");
    run.answer("a");
    run.join("b");
    run.answer("a");
    expect(shared()).toEqual(["The 8 microbatches of a step now go to worker a 4, worker b 4, since worker b joined."]);
    // From here on b takes three times as long as a.
    for (let turn = 0; turn < 12; turn++) {
      run.now += 40;
      run.answer("a", { computeMs: 40 });
      run.now += 80;
      run.answer("b", { computeMs: 120 });
    }
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

describe("a worker's availability", () => {
  /** Two equally fast workers, measured, at the beginning of a step. */
  function team(): Simulation {
    const run = new Simulation({ steps: 40, startWorkers: 2, stepSamples: () => Array.from({ length: 10 }, () => 32) });
    ["a", "b"].forEach((id) => run.join(id));
    for (let turn = 0; turn < 4; turn++) step(run);
    return run;
  }

  /** Each takes 2 ms for a microbatch. */
  function step(run: Simulation): void {
    const began = run.now;
    for (const sent of [...run.sent].sort((a, b) => a.microbatches.length - b.microbatches.length)) {
      const computeMs = 2 * sent.microbatches.length;
      run.now = began + computeMs;
      run.answer(sent.worker, { computeMs });
    }
  }

  const shareOf = (run: Simulation, id: string): number => run.sent.find((sent) => sent.worker === id)?.microbatches.length ?? 0;

  it("when it rests, gives its microbatches to others and it nothing", () => {
    const run = team();
    run.setAvailability("b", "paused");
    run.check();
    run.answer("a");
    expect(run.sent.filter((sent) => sent.worker === "a")[0].microbatches).toHaveLength(5);
    for (let turn = 0; turn < 5; turn++) run.answer("a");
    expect(run.state.workers.get("b")?.assignments).toEqual([]);
    expect(run.reasons.map(sentence)).toContain(
      "worker b rests (it said so) and gets nothing until it is back. Its 5 microbatches went back.",
    );
  });

  it("when it rests, makes no fuss of what was on its way, also if that comes after its return", () => {
    const run = team();
    run.setAvailability("b", "paused");
    const late = run.sent.find((sent) => sent.worker === "b")!;
    run.setAvailability("b", "available");
    const before = run.reasons.length;
    expect(run.sent.filter((sent) => sent.worker === "b")[0]).toBe(late);
    run.answer("b");
    expect(run.actions.at(-1)).toMatchObject({ kind: "discard", assignment: late.assignment });
    expect(run.reasons.slice(before)).toEqual([]);
    expect(run.state.workers.get("b")?.failures).toBe(0);
    while (!run.outcome) step(run);
    expect(run.outcome).toEqual({ kind: "finished" });
  });

  it("does not count for the workers that are needed while it rests", () => {
    const run = new Simulation({ startWorkers: 2, minWorkers: 1 });
    run.join("a");
    run.setAvailability("a", "paused");
    run.join("b");
    expect(run.state.phase).toBe("waiting");
    run.setAvailability("a", "available");
    expect(run.state.phase).toBe("running");
    ["a", "b"].forEach((id) => run.setAvailability(id, "paused"));
    expect(run.state.phase).toBe("waiting");
    expect(run.reasons.at(-1)).toEqual({ kind: "waiting", workers: 0, needed: 1 });
    run.setAvailability("b", "background");
    expect(run.state.phase).toBe("running");
    run.check();
  });

  it("in the background, makes it get about a quarter, until it is back", () => {
    const run = team();
    expect([shareOf(run, "a"), shareOf(run, "b")]).toEqual([5, 5]);
    run.setAvailability("b", "background");
    // What b has already is expected late: a begins with it, too.
    for (let turn = 0; turn < 2; turn++) step(run);
    expect([shareOf(run, "a"), shareOf(run, "b")]).toEqual([8, 2]);
    expect(run.reasons.findLast(({ kind }) => kind === "shared")).toMatchObject({
      kind: "shared",
      why: "worker b is in the background",
    });
    run.setAvailability("b", "available");
    step(run);
    expect([shareOf(run, "a"), shareOf(run, "b")]).toEqual([5, 5]);
    expect(run.reasons.map(({ kind }) => kind).filter((kind) => kind !== "shared" && kind !== "duplicated")).toEqual([
      ...["joined", "waiting", "joined", "running"],
      ...["background", "returned"],
    ]);
  });

  it("that is said twice is told once", () => {
    const run = team();
    run.setAvailability("b", "background");
    const before = run.reasons.length;
    run.setAvailability("b", "background");
    run.setAvailability("nobody", "paused");
    expect(run.reasons).toHaveLength(before);
  });
});

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

describe("random schedules", () => {
  const availabilities = { rest: "paused", hide: "background", show: "available" } as const;
  const move = fc.record({
    kind: fc.constantFrom(
      ...["join", "join", "leave", "answer", "answer", "answer", "answer", "answer", "fail", "garble"],
      ...["rest", "hide", "show", "pause", "resume", "resume", "drop", "checkpoint", "learn"],
    ),
    worker: fc.constantFrom("a", "b", "c", "d"),
    pause: fc.nat({ max: 50 }),
  });

  it("count each microbatch once, leave nobody idle beside work, and finish once a worker stays", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 120 }), fc.integer({ min: 1, max: 9 }), (moves, microbatches) => {
        const run = new Simulation({
          steps: 6,
          stepSamples: (step) => Array.from({ length: microbatches }, (_, i) => (step % 3 === 0 ? 1 + i : 32)),
          evaluationSamples: [8, 8, 3],
          evaluateAfter: (step) => step % 2 === 0,
        });
        let life = 0;
        const living = new Map<string, string>();
        const play = (kind: string, worker: string): void => {
          const id = living.get(worker);
          if (kind === "join" && !id) {
            living.set(worker, `${worker}${++life}`);
            run.join(`${worker}${life}`);
          } else if (id && kind === "leave") {
            living.delete(worker);
            run.leave(id);
          } else if (id && kind === "fail") run.fail(id);
          else if (id && kind === "garble") run.answer(id, { samples: 1e6 });
          else if (id && kind === "answer") run.answer(id);
          else if (id && kind in availabilities) run.setAvailability(id, availabilities[kind as keyof typeof availabilities]);
          else if (kind === "pause" || kind === "resume") run.send({ kind });
          else if (kind === "checkpoint") run.send({ kind: "checkpointNow" });
          else if (kind === "learn") run.send({ kind: "learningRate", value: 1 + run.now });
          else if (id && kind === "drop") {
            living.delete(worker);
            run.send({ kind: "drop", worker: id });
          }
        };
        for (const { kind, worker, pause } of moves) {
          run.now += pause;
          play(kind, worker);
          run.check();
        }
        run.send({ kind: "resume" });
        run.join("last");
        for (let turn = 0; turn < 500 && !run.outcome; turn++) {
          run.now += 1;
          for (const id of [...run.state.workers.keys()]) run.answer(id);
          run.check();
        }
        expect(run.outcome).toEqual({ kind: "finished" });
        expect([...run.accepted.keys()]).toEqual([1, 2, 3, 4, 5, 6]);
        expect(run.evaluations.map((evaluation) => evaluation.step)).toEqual([2, 4, 6]);
      }),
      { numRuns: 300 },
    );
  });
});
