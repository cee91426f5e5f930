// The epoch plan: exactly once, few shards a microbatch, the same for the same seed; over random datasets and batch sizes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EpochPlan,
  EvaluationPlan,
  type Microbatch,
  microbatchSamples,
  microbatchShards,
  type ShardInfo,
} from "../src/data/index.ts";

const info = (samples: number): ShardInfo => ({ hash: "0".repeat(64), bytes: samples, samples });

/** A dataset whose training shards are every second one, so that an index is never mistaken for a rank. */
function dataset(sizes: readonly number[]): { shards: ShardInfo[]; train: { samples: number; shards: number[] } } {
  return {
    shards: sizes.flatMap((size) => [info(999), info(size)]),
    train: { samples: sizes.reduce((sum, size) => sum + size, 0), shards: sizes.map((_, rank) => 2 * rank + 1) },
  };
}

const anyPlan = fc
  .record({
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
    microbatchSize: fc.integer({ min: 1, max: 24 }),
    lanes: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ seed, sizes, microbatchSize, lanes }) => ({
    seed,
    ...dataset(sizes),
    microbatchSize,
    batchSize: lanes * microbatchSize,
  }));

const idsOf = (microbatches: readonly Microbatch[]): string[] =>
  microbatches.flatMap(({ slices }) => slices.flatMap(({ shard, samples }) => samples.map((sample) => `${shard}:${sample}`)));

const epochOf = (plan: EpochPlan, epoch: number): ReturnType<EpochPlan["step"]>[] =>
  Array.from({ length: plan.stepsPerEpoch }, (_, s) => plan.step((epoch - 1) * plan.stepsPerEpoch + s + 1));

describe("the epoch plan", () => {
  it("takes every sample exactly once in every epoch", () => {
    fc.assert(
      fc.property(anyPlan, fc.integer({ min: 1, max: 5 }), (options, epoch) => {
        const plan = new EpochPlan(options);
        const ids = epochOf(plan, epoch).flatMap(({ microbatches }) => idsOf(microbatches));
        const all = options.train.shards.flatMap((shard) =>
          Array.from({ length: options.shards[shard].samples }, (_, sample) => `${shard}:${sample}`),
        );
        expect(ids.length).toBe(all.length);
        expect(new Set(ids)).toEqual(new Set(all));
      }),
    );
  });

  it("keeps its shape: full steps but for the last, indices without gaps, no empty microbatch", () => {
    fc.assert(
      fc.property(anyPlan, (options) => {
        const plan = new EpochPlan(options);
        expect(plan.lanes).toBe(options.batchSize / options.microbatchSize);
        const steps = epochOf(plan, 2);
        steps.forEach(({ step, epoch, stepInEpoch, samples, microbatches }, s) => {
          expect([step, epoch, stepInEpoch]).toEqual([plan.stepsPerEpoch + s + 1, 2, s + 1]);
          expect(plan.locate(step)).toEqual({ epoch, stepInEpoch });
          expect(microbatches.map(({ index }) => index)).toEqual([...microbatches.keys()]);
          expect(microbatches.length).toBeGreaterThan(0);
          const sizes = microbatches.map(microbatchSamples);
          expect(samples).toBe(sizes.reduce((sum, size) => sum + size, 0));
          for (const size of sizes) {
            expect(size).toBeGreaterThan(0);
            expect(size).toBeLessThanOrEqual(options.microbatchSize);
          }
          if (s < steps.length - 2) expect(samples).toBe(options.batchSize);
        });
        // Only what does not divide evenly is left for the end: lanes differ by one sample.
        expect(plan.stepsPerEpoch).toBe(Math.ceil(Math.ceil(plan.samples / plan.lanes) / options.microbatchSize));
      }),
    );
  });

  it("draws each microbatch on neighbouring shards only", () => {
    fc.assert(
      fc.property(anyPlan, (options) => {
        const smallest = Math.min(...options.train.shards.map((shard) => options.shards[shard].samples));
        const most = Math.ceil((options.microbatchSize - 1) / smallest) + 1;
        for (const { microbatches } of epochOf(new EpochPlan(options), 1)) {
          for (const microbatch of microbatches) {
            const shards = microbatchShards([microbatch]);
            expect(shards.length).toBeLessThanOrEqual(most);
            expect(shards.length).toBe(microbatch.slices.length);
          }
        }
      }),
    );
  });

  it("is the same in any order of asking, and from a fresh plan", () => {
    fc.assert(
      fc.property(anyPlan, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }), (options, steps) => {
        const used = new EpochPlan(options);
        for (const step of steps) expect(used.step(step)).toEqual(new EpochPlan(options).step(step));
      }),
    );
  });

  it("differs between epochs and between seeds", () => {
    const data = dataset(Array<number>(20).fill(64));
    const plan = (seed: number): EpochPlan => new EpochPlan({ seed, ...data, batchSize: 64, microbatchSize: 16 });
    const first = plan(1);
    expect(first.stepsPerEpoch).toBe(20);
    expect(first.step(1).microbatches).not.toEqual(first.step(21).microbatches);
    expect(first.step(1).microbatches).not.toEqual(plan(2).step(1).microbatches);
  });

  it("mixes: MNIST-sized, a step of 4 lanes takes 4 shards, and an epoch leaves no lane on one spot", () => {
    const data = dataset([...Array<number>(117).fill(512), 96]);
    const plan = new EpochPlan({ seed: 1, ...data, batchSize: 256, microbatchSize: 64 });
    expect(plan.stepsPerEpoch).toBe(235);
    const steps = epochOf(plan, 1);
    expect(steps.at(-1)!.samples).toBe(60_000 - 234 * 256);
    for (const { microbatches } of steps) expect(microbatchShards(microbatches).length).toBeGreaterThanOrEqual(4);
    const visited = new Set(steps.map(({ microbatches }) => microbatches[0].slices[0].shard));
    expect(visited.size).toBeGreaterThan(25);
  });

  it("works for datasets smaller than a microbatch, and smaller than the number of lanes", () => {
    const plan = new EpochPlan({ seed: 1, ...dataset([3]), batchSize: 256, microbatchSize: 32 });
    expect(plan.stepsPerEpoch).toBe(1);
    expect(plan.step(1).microbatches.map(microbatchSamples)).toEqual([1, 1, 1]);
    expect(plan.step(2)).toMatchObject({ epoch: 2, stepInEpoch: 1, samples: 3 });
  });

  it("refuses what makes no sense", () => {
    const data = dataset([10, 10]);
    expect(() => new EpochPlan({ seed: 1, ...data, batchSize: 100, microbatchSize: 32 })).toThrow(RangeError);
    expect(() => new EpochPlan({ seed: 1, ...data, train: { samples: 0, shards: [] }, batchSize: 32, microbatchSize: 32 })).toThrow(
      RangeError,
    );
    expect(
      () => new EpochPlan({ seed: 1, ...data, train: { samples: 7, shards: [1] }, batchSize: 32, microbatchSize: 32 }),
    ).toThrow("hold 10 samples; expected 7");
    const plan = new EpochPlan({ seed: 1, ...data, batchSize: 4, microbatchSize: 2 });
    for (const step of [0, -1, 1.5]) expect(() => plan.step(step)).toThrow("steps count from 1");
  });
});

describe("look-ahead", () => {
  it("names exactly the shards that the lanes will draw on, soonest first, across epochs", () => {
    fc.assert(
      fc.property(anyPlan, fc.integer({ min: 1, max: 30 }), fc.nat(12), fc.nat(), (options, step, horizon, pick) => {
        const plan = new EpochPlan(options);
        const lanes = Array.from({ length: plan.lanes }, (_, lane) => lane).filter((lane) => (pick >> lane) & 1);
        const expected: number[] = [];
        for (let ahead = step + 1; ahead <= step + horizon; ahead += 1) {
          for (const microbatch of plan.step(ahead).microbatches) {
            if (!lanes.includes(microbatch.index)) continue;
            for (const { shard } of microbatch.slices) if (!expected.includes(shard)) expected.push(shard);
          }
        }
        expect(plan.upcomingShards(step, lanes, horizon)).toEqual(expected);
      }),
    );
  });
});

describe("the evaluation plan", () => {
  it("takes all held-out samples once, in order", () => {
    fc.assert(
      fc.property(anyPlan, ({ shards, train, microbatchSize }) => {
        const plan = new EvaluationPlan({ shards, evaluation: train, microbatchSize });
        const microbatches = plan.microbatches();
        expect(microbatches.length).toBe(plan.count);
        expect(microbatches.map(({ index }) => index)).toEqual([...microbatches.keys()]);
        expect(idsOf(microbatches)).toEqual(
          train.shards.flatMap((shard) => Array.from({ length: shards[shard].samples }, (_, sample) => `${shard}:${sample}`)),
        );
        microbatches.forEach((microbatch, m) => {
          const size = microbatchSamples(microbatch);
          if (m < microbatches.length - 1) expect(size).toBe(microbatchSize);
          else expect(size).toBeGreaterThan(0);
        });
      }),
    );
  });

  it("is empty where nothing is held out", () => {
    const plan = new EvaluationPlan({ shards: [info(4)], evaluation: { samples: 0, shards: [] }, microbatchSize: 8 });
    expect([plan.count, plan.microbatches()]).toEqual([0, []]);
    expect(() => plan.microbatch(0)).toThrow(RangeError);
  });
});
