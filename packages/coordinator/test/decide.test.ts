// The decision core under scripted and random schedules, with a virtual clock.
import { sentence } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, initialState, shares, type Pace } from "../src/decide/index.ts";
import { measured } from "../src/decide/workers.ts";
import { Simulation } from "./simulation.ts";

describe("shares", () => {
  const pace = (perSample: number, overhead = 0): Pace => ({ overhead, perSample });

  it("divides evenly while nothing is known", () => expect(shares(8, 32, [undefined, undefined])).toEqual([4, 4]));
  it("follows speed", () => expect(shares(8, 32, [pace(1), pace(3)])).toEqual([6, 2]));
  it("counts an unmeasured worker as an average one", () => expect(shares(8, 32, [pace(2), undefined])).toEqual([4, 4]));
  it("gives less to a worker that is far away", () => expect(shares(8, 1, [pace(1), pace(1, 4)])).toEqual([6, 2]));
  it("leaves nobody without a measurement", () => expect(shares(4, 1, [pace(1), pace(100)])).toEqual([3, 1]));
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
    expect(measured(undefined, 100, 12, 4)).toEqual({ overhead: 8, perSample: 0.04 });
  });

  it("believes nobody who says to have computed longer than we waited", () => {
    expect(measured(undefined, 100, 12, 40)).toEqual({ overhead: 0, perSample: 0.12 });
  });

  it("is smoothed", () => {
    const pace = measured({ overhead: 10, perSample: 1 }, 10, 10, 0.01);
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

  it("counts a part of an assignment, and hands out the rest again", () => {
    const run = new Simulation();
    run.join("a");
    run.answer("a", { microbatches: [1, 2] });
    expect(run.sent[0]).toMatchObject({ microbatches: [0, 3], step: 1 });
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
    byLoss.answer("a", { finite: false });
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

  it("leaves the state it was given untouched", () => {
    const before = initialState();
    const frozen = structuredClone(before);
    const worker = { id: "a", name: "a", host: "node", engine: "cpu", device: "" };
    decide(new Simulation().plan, before, { kind: "joined", worker }, 0);
    expect(before).toEqual(frozen);
  });
});

describe("random schedules", () => {
  const move = fc.record({
    kind: fc.constantFrom("join", "join", "leave", "answer", "answer", "answer", "answer", "answer", "fail", "garble"),
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
        };
        for (const { kind, worker, pause } of moves) {
          run.now += pause;
          play(kind, worker);
          run.check();
        }
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
