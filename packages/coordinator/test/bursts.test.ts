// Workers that are slow in every way: steadily, or standing still for most of any period. Under a virtual clock, beside a fast one.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { play, type SimulatedSpeed } from "./playing.ts";
import { Simulation } from "./simulation.ts";

const fast = { perMicrobatch: 1, overhead: 2 } satisfies SimulatedSpeed;

/** Milliseconds that the workers take for so many steps, after those in which they are got to know. */
function duration(speeds: Readonly<Record<string, SimulatedSpeed>>, microbatches: number, steps: number): number {
  const stepSamples = (): number[] => Array.from({ length: microbatches }, () => 32);
  const names = Object.keys(speeds);
  const run = new Simulation({ steps: known + steps, startWorkers: names.length, stepSamples });
  names.forEach((name) => run.join(name));
  play(run, { ...speeds, ...Object.fromEntries(names.map((name) => [name, fast])) }, known);
  const { step } = run.state;
  const began = run.now;
  play(run, speeds);
  return ((run.now - began) * steps) / (known + steps - step);
}

/** Virtual milliseconds in which all are fast. */
const known = 200;

const throughput = (slow: SimulatedSpeed, microbatches: number, steps = 1_000): number =>
  ((microbatches * fast.perMicrobatch + fast.overhead) * steps) / duration({ fast, slow }, microbatches, steps);

const pattern = fc.record({
  slowness: fc.double({ min: 1, max: 5, noNaN: true }),
  overhead: fc.double({ min: 0, max: 20, noNaN: true }),
  run: fc.double({ min: 1, max: 300, noNaN: true }),
  microbatches: fc.integer({ min: 2, max: 16 }),
});

/** A worker that takes `slowness` times as long as the fast one while it runs, and stands still for `stands` times as long as that. */
const patterned = (given: { slowness: number; overhead: number; run: number; stands: number }): SimulatedSpeed => ({
  perMicrobatch: given.slowness,
  overhead: given.overhead,
  duty: { run: given.run, period: given.run * (1 + given.stands) },
});

describe("beside a worker that becomes slow, a fast one computes at least 0.95 times what it does alone", () => {
  it.each([
    ["ten times slower", { perMicrobatch: 10, overhead: 20 }],
    ["2 of every 20 ms", { ...fast, duty: { run: 2, period: 20 } }],
    ["10 of every 100 ms", { ...fast, duty: { run: 10, period: 100 } }],
    ["200 of every 2,000 ms", { ...fast, duty: { run: 200, period: 2_000 } }],
    ["1,000 of every 10,000 ms", { ...fast, duty: { run: 1_000, period: 10_000 } }],
  ] satisfies [string, SimulatedSpeed][])("%s", (_, slow) => {
    for (const microbatches of [8, 16]) expect(throughput(slow, microbatches)).toBeGreaterThan(0.95);
  });

  it("whatever the pattern, where it takes ten times as long", () => {
    fc.assert(
      fc.property(pattern, fc.double({ min: 10, max: 20, noNaN: true }), ({ slowness, microbatches, ...spread }, times) => {
        expect(throughput(patterned({ ...spread, slowness, stands: times / slowness - 1 }), microbatches)).toBeGreaterThan(0.95);
      }),
      { numRuns: 5 },
    );
  });
});

describe("beside a worker of about its own speed that computes in bursts, a fast one loses no more than a fifth", () => {
  it.each([
    ["30 of every 60 ms", { ...fast, duty: { run: 30, period: 60 } }],
    ["50 of every 100 ms", { ...fast, duty: { run: 50, period: 100 } }],
  ] satisfies [string, SimulatedSpeed][])("%s", (_, slow) => {
    for (const microbatches of [8, 16]) expect(throughput(slow, microbatches)).toBeGreaterThan(0.8);
  });

  it("whatever the pattern", () => {
    fc.assert(
      fc.property(pattern, fc.double({ min: 0.5, max: 9, noNaN: true }), ({ microbatches, ...spread }, stands) => {
        expect(throughput(patterned({ ...spread, stands }), microbatches)).toBeGreaterThan(0.8);
      }),
      { numRuns: 5 },
    );
  });
});

describe("a worker that now and then stands still", () => {
  it("is of use nevertheless", () => {
    expect(throughput({ ...fast, duty: { run: 900, period: 1_000 } }, 8)).toBeGreaterThan(1.15);
  });
});
