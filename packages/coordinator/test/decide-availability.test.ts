// The decision core, with workers that rest, work in the background and come back.
import { sentence } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { Simulation } from "./simulation.ts";

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

  it("is as well known on its next connection as on the one before", () => {
    const run = team();
    const { pace, measurements } = run.state.workers.get("b")!;
    run.leave("b");
    run.join("b");
    expect(run.state.workers.get("b")).toMatchObject({ pace, measurements, samples: 0 });
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
