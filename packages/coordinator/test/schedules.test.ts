// Random schedules of everything that can befall a run, for as long as TABGRAD_SIMULATION_SECONDS says. A failing one is shrunk, and
// printed with the seed that brings it back.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Fault, Script } from "./world-script.ts";
import { World } from "./world.ts";

const seconds = Number(process.env.TABGRAD_SIMULATION_SECONDS ?? 60);

const kinds: Fault["kind"][] = [
  ...(["join", "join", "join", "kill", "vanish", "stall", "doze", "cut", "slow", "rest", "hide", "show", "fail", "drop"] as const),
  ...(["pause", "restart", "notFinite", "outlandish", "version", "samples", "twice"] as const),
];

const fault: fc.Arbitrary<Fault> = fc.record({
  after: fc.nat({ max: 200 }),
  kind: fc.constantFrom(...kinds),
  worker: fc.nat({ max: 3 }),
  extent: fc.double({ min: 0.01, max: 1, noNaN: true }),
});

const script: fc.Arbitrary<Script> = fc.record({
  exact: fc.boolean(),
  microbatches: fc.integer({ min: 1, max: 11 }),
  steps: fc.integer({ min: 1, max: 25 }),
  startWorkers: fc.integer({ min: 1, max: 2 }),
  speeds: fc.array(fc.double({ min: 0.02, max: 12, noNaN: true }), { minLength: 2, maxLength: 4 }),
  faults: fc.array(fault, { maxLength: 40 }),
  seed: fc.nat(),
});

it(
  "every schedule ends, and counts every microbatch of every step once",
  () => {
    const outcomes = { finished: 0, diverged: 0 };
    const told = new Set<string>();
    let pieces = 0;
    fc.assert(
      fc.property(script, (played) => {
        const world = new World(played);
        world.play();
        const { coordinator } = world;
        outcomes[coordinator.outcome!.kind as keyof typeof outcomes]++;
        for (const { kind } of coordinator.reasons) told.add(kind);
        pieces += coordinator.pieces;
      }),
      { numRuns: 1_000_000_000, interruptAfterTimeLimit: 1000 * seconds },
    );
    expect(outcomes.finished).toBeGreaterThan(outcomes.diverged);
    // The schedules reach what they are for.
    expect([...told]).toEqual(expect.arrayContaining(["duplicated", "refused", "quarantined", "rested", "left", "shared"]));
    expect(pieces).toBeGreaterThan(0);
  },
  1000 * (2 * seconds + 60),
);
