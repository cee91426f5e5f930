// Workers that take each other's processor, or begin with bad luck: the run is as fast as with the best of them, and those are used that
// are of use. Under a virtual clock.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { playSharing, type SharedMachine, type SharingWorker } from "./sharing.ts";
import { Simulation } from "./simulation.ts";

const equal = { perMicrobatch: 1, overhead: 2 } satisfies SharingWorker;
const steps = 1_000;
/** Steps in which they are got to know. */
const known = 60;

function play(machine: Omit<SharedMachine, "workers">, workers: Readonly<Record<string, SharingWorker>>) {
  const names = Object.keys(workers);
  const stepSamples = (): number[] => Array.from({ length: 8 }, () => 32);
  const run = new Simulation({ steps, startWorkers: names.length, stepSamples });
  names.forEach((name) => run.join(name));
  return playSharing(run, { ...machine, workers });
}

/** Milliseconds of a step, once they are known. */
const pace = (told: ReturnType<typeof play>): number => (told.at(-1)!.at - told[known].at) / (told.length - 1 - known);

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const noises = fc.double({ min: 0, max: 0.3, noNaN: true });

describe("two equal workers", () => {
  it("are both used where each has a core, and nearly twice as fast, however noisy their times are", () => {
    fc.assert(
      fc.property(seeds, noises, (seed, noise) => {
        const machine = { cores: 2, noise, seed };
        const two = play(machine, { a: equal, b: equal });
        const both = two.slice(known).filter(({ team }) => team.length === 2).length / (two.length - known);
        expect(both).toBeGreaterThan(0.9);
        expect(pace(play(machine, { a: equal })) / pace(two)).toBeGreaterThan(1.4);
      }),
      { numRuns: 4 },
    );
  });

  it("are both used soon where one of them begins with bad luck", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.array(fc.double({ min: 1, max: 30, noNaN: true }), { minLength: 1, maxLength: 4 }),
        (seed, beginning) => {
          const two = play({ cores: 2, noise: 0.2, seed }, { a: equal, b: { ...equal, beginning } });
          const soon = two.slice(known, 2 * known);
          expect(soon.filter(({ team }) => team.length === 2).length / soon.length).toBeGreaterThan(0.8);
        },
      ),
      { numRuns: 4 },
    );
  });

  it.each([1, 1.2, 1.5])("are nearly as fast as one of them alone, where they share %d cores", (cores) => {
    fc.assert(
      fc.property(seeds, noises, (seed, noise) => {
        const machine = { cores, noise, seed };
        const worker = { ...equal, onCore: 1 } as const;
        expect(pace(play(machine, { a: worker })) / pace(play(machine, { a: worker, b: worker }))).toBeGreaterThan(0.88);
      }),
      { numRuns: 4 },
    );
  });
});
