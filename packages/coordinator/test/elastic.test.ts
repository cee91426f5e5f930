// Slow and wrong workers, scripted: what they cost, what is told of them, and when they may not come back.
import { sentence } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { isQuarantined, nextWake, partOf } from "../src/decide/index.ts";
import { play as playSpeeds } from "./playing.ts";
import { Simulation } from "./simulation.ts";

/** Plays workers that take so many milliseconds for a microbatch, each with an end, until the run is over or it is `until`. */
const play = (run: Simulation, milliseconds: Readonly<Record<string, number>>, until?: number): void =>
  playSpeeds(
    run,
    Object.fromEntries(Object.entries(milliseconds).map(([name, perMicrobatch]) => [name, { perMicrobatch }])),
    until,
  );

const steps = (count: number, microbatches = 8): ConstructorParameters<typeof Simulation>[0] => ({
  steps: count,
  stepSamples: () => Array.from({ length: microbatches }, () => 32),
});

const told = (run: Simulation, ...kinds: string[]): string[] =>
  run.reasons.filter(({ kind }) => kinds.includes(kind)).map(sentence);

describe("a slow worker", () => {
  it.each([2, 4, 8, 9, 10, 16])(
    "ten times slower costs no more than its absence, with %d microbatches in a step",
    (microbatches) => {
      const alone = new Simulation(steps(60, microbatches));
      alone.join("a");
      play(alone, { a: 10 });
      const both = new Simulation(steps(60, microbatches));
      both.join("a");
      both.join("b");
      play(both, { a: 10, b: 100 });
      expect(alone.now).toBe(60 * microbatches * 10);
      // Less the first steps, in which it has to be found out.
      expect(both.now - 3 * microbatches * 10).toBeLessThan(alone.now);
    },
  );

  it("is not waited for when it becomes slow, told of once, and counted on again when it is fast", () => {
    const run = new Simulation({ ...steps(1000), startWorkers: 2 });
    ["a", "b"].forEach((id) => run.join(id));
    play(run, { a: 10, b: 10 }, 1000);
    expect(run.state.step).toBeGreaterThan(20);
    const before = run.state.step;
    play(run, { a: 10, b: 150 }, 9000);
    expect(run.state.step - before).toBeGreaterThanOrEqual(95);
    expect(told(run, "duplicated")).toHaveLength(1);
    expect(told(run, "duplicated")[0]).toMatch(
      /^worker a also computes 4 microbatches of worker b, which was expected \d+ ms ago\.$/,
    );
    const slow = run.state.step;
    play(run, { a: 10, b: 10 }, 19_000);
    expect(run.state.step - slow).toBeGreaterThan(190);
    expect(told(run, "discarded", "refused")).toEqual([]);
  });

  it("that says nothing at all is waited for once", () => {
    const run = new Simulation({ ...steps(500), startWorkers: 2 });
    ["a", "b"].forEach((id) => run.join(id));
    play(run, { a: 10, b: 10 }, 1000);
    const before = run.state.step;
    play(run, { a: 10, b: Infinity }, 3000);
    expect(run.state.step - before).toBeGreaterThanOrEqual(23);
    expect(run.state.workers.get("b")?.assignments).toHaveLength(1);
  });

  it("among equal ones with jitter, nobody takes a copy", () => {
    const run = new Simulation({ ...steps(200), startWorkers: 3 });
    ["a", "b", "c"].forEach((id) => run.join(id));
    let turn = 0;
    while (!run.outcome) {
      const began = run.now;
      const ends = run.sent.map((sent, i) => ({
        sent,
        end: sent.microbatches.length * 10 * (1 + 0.25 * Math.sin(7 * turn + 3 * i)),
      }));
      turn++;
      for (const { sent, end } of ends.sort((a, b) => a.end - b.end)) {
        run.now = began + end;
        run.answer(sent.worker, { computeMs: end });
      }
    }
    expect(told(run, "duplicated")).toEqual([]);
    expect(run.actions.filter(({ kind }) => kind === "recall")).toEqual([]);
  });

  it("that was copied and first nevertheless has the copy recalled, and what comes of that is excused", () => {
    const run = new Simulation({ ...steps(20), startWorkers: 2 });
    ["a", "b"].forEach((id) => run.join(id));
    play(run, { a: 10, b: 10 }, 200);
    run.now = 230;
    run.answer("a", { computeMs: 40 });
    run.now = nextWake(run.state)!;
    run.send({ kind: "tick" });
    const [copy] = run.sent.filter(({ worker }) => worker === "a");
    expect(copy.microbatches).toEqual([4, 5, 6, 7]);
    const { step } = run.state;
    run.answer("b", { computeMs: 40 });
    expect(run.state.step).toBe(step + 1);
    expect(run.actions).toContainEqual({ kind: "recall", worker: "a", assignment: copy.assignment });
    run.sent.unshift(copy);
    const { length } = run.reasons;
    run.answer("a");
    expect(run.actions.at(-1)).toEqual({ kind: "discard", worker: "a", assignment: copy.assignment });
    expect(run.reasons).toHaveLength(length);
  });
});

describe("a worker whose microbatches are heavy", () => {
  /** Two workers in the second step, whose speed is known from the first: each has four microbatches of it, one by one. */
  function team(): Simulation {
    const run = new Simulation({ ...steps(60), startWorkers: 2 });
    ["a", "b"].forEach((id) => run.join(id));
    expect(run.sent.map(({ microbatches }) => microbatches.length)).toEqual([4, 4]);
    play(run, { a: 100, b: 100 }, 450);
    expect(run.sent.map(({ worker, microbatches }) => [worker, ...microbatches])).toEqual(
      [0, 1, 2, 3].map((index) => ["a", index]).concat([4, 5, 6, 7].map((index) => ["b", index])),
    );
    return run;
  }

  it("has its part as one, whatever it is cut into", () => {
    const { state } = team();
    expect(partOf(state, "b", "train", 1)).toEqual([4, 5, 6, 7]);
    expect(partOf(state, "b", "train", 2)).toEqual([]);
  });

  it("hands over what it has not begun with to whoever is idle before, and nobody is told", () => {
    const run = team();
    play(run, { a: 100, b: 190 }, 860);
    expect(run.sent.map(({ worker, microbatches }) => [worker, ...microbatches])).toEqual([
      ["b", 6],
      ["a", 7],
    ]);
    expect(run.actions.filter(({ kind }) => kind === "recall")).toHaveLength(1);
    expect(told(run, "duplicated", "discarded")).toEqual([]);
  });

  it("has nothing else left when it is late with one", () => {
    const run = team();
    play(run, { a: 100, b: Infinity }, 960);
    expect(told(run, "duplicated")).toEqual(["worker a also computes 1 microbatch of worker b, which was expected 350 ms ago."]);
    expect(run.state.workers.get("b")?.assignments).toHaveLength(1);
    expect(partOf(run.state, "a", "train", 1)).toEqual([5, 6, 7]);
  });

  it("is given all in one where it is alone, unless the run is exact", () => {
    for (const exact of [false, true]) {
      const run = new Simulation({ ...steps(60), exact });
      run.join("a");
      play(run, { a: 100 }, 850);
      expect(run.sent).toHaveLength(exact ? 8 : 1);
    }
  });
});

describe("a wrong gradient", () => {
  /** Two workers that have contributed a few times. */
  function team(): Simulation {
    const run = new Simulation({ ...steps(400), startWorkers: 2 });
    ["a", "b"].forEach((id) => run.join(id));
    for (let turn = 0; turn < 12; turn++) for (const id of ["a", "b"]) run.answer(id);
    return run;
  }

  it("far longer than its peers' is refused, and computed by another worker", () => {
    const run = team();
    const { microbatches } = run.sent.find(({ worker }) => worker === "b")!;
    run.answer("b", { norm: 3000 });
    expect(told(run, "refused")).toEqual([
      "A contribution of worker b was refused: its gradient is 3000 times as long as its peers'. Its 4 microbatches went back.",
    ]);
    expect(run.sent.map(({ worker }) => worker)).toEqual(["a"]);
    run.answer("a");
    expect(run.sent).toMatchObject([{ worker: "a", microbatches }]);
    run.answer("a");
    expect(run.state.conduct.get("b")).toMatchObject({ refusals: 1 });
  });

  it("is right where two find the same, and nobody is blamed", () => {
    const run = team();
    const { step } = run.state;
    run.answer("b", { norm: 3000 });
    run.answer("a");
    run.answer("a", { norm: 3010 });
    expect(run.state.step).toBe(step + 1);
    expect(run.state.conduct.size).toBe(0);
    run.answer("a", { norm: 3000 });
    expect(told(run, "refused")).toHaveLength(1);
  });

  it("of a worker alone is computed by itself once more", () => {
    const run = team();
    run.leave("a");
    run.answer("b");
    run.answer("b", { norm: NaN });
    expect(run.sent).toHaveLength(1);
    const { step } = run.state;
    run.answer("b");
    expect(run.state.step).toBe(step + 1);
  });

  it("three times sends the worker away for good", () => {
    const run = team();
    for (let turn = 0; turn < 3; turn++) {
      run.answer("b", { norm: turn === 1 ? NaN : 1e6 * (turn + 1) });
      while (run.state.workers.has("b") && !run.sent.some(({ worker }) => worker === "b")) run.answer("a");
    }
    expect(run.actions.find(({ kind }) => kind === "quarantine")).toMatchObject({ worker: "b" });
    expect(told(run, "quarantined")).toEqual(["worker b was sent away for good after 3 refusals."]);
    expect(isQuarantined(run.state.conduct, "b")).toBe(true);
    run.join("b");
    expect(run.state.workers.has("b")).toBe(false);
  });

  it("is forgotten after a hundred that were right", () => {
    const run = team();
    run.answer("b", { norm: 1e6 });
    for (let turn = 0; turn < 102; turn++) for (const id of ["a", "b"]) run.answer(id);
    expect(run.state.conduct.size).toBe(0);
  });

  it("is not looked for before there are enough to compare with", () => {
    const run = new Simulation(steps(40));
    run.join("a");
    for (let turn = 0; turn < 15; turn++) run.answer("a");
    run.answer("a", { norm: 1e9 });
    expect(told(run, "refused")).toEqual([]);
  });
});

describe("an exact run", () => {
  it("hands out blocks of the tree, several to a worker where its share is none", () => {
    const run = new Simulation({ ...steps(3, 7), exact: true, startWorkers: 2, evaluationSamples: [4, 4, 4] });
    ["a", "b"].forEach((id) => run.join(id));
    expect(run.sent.map(({ worker, microbatches }) => [worker, microbatches])).toEqual([
      ["a", [0, 1, 2, 3]],
      ["b", [4, 5, 6]],
    ]);
    run.join("c");
    ["a", "b"].forEach((id) => run.answer(id));
    expect(run.sent.map(({ worker, microbatches }) => [worker, microbatches])).toEqual([
      ["a", [0, 1]],
      ["a", [2]],
      ["b", [3]],
      ["b", [4]],
      ["c", [5]],
      ["c", [6]],
    ]);
    run.answer("a");
    run.leave("a");
    expect(run.sent.map(({ worker, microbatches }) => [worker, microbatches])).not.toContainEqual(["b", [2]]);
    ["b", "b", "c", "c"].forEach((id) => run.answer(id));
    expect(run.state.step).toBe(1);
    expect(run.sent).toMatchObject([{ microbatches: [2] }]);
  });
});
