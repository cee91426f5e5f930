// The epoch plan: which samples each step takes, decided by (seed, epoch) alone, so that it is the same whoever computes it, on
// whatever workers, after any restart.
//
// Shuffling all samples freely would make every microbatch draw on every shard, and a worker would need the whole dataset. So the
// order of the shards is permuted, and the samples within each shard; one after another they form the sequence of the epoch. It is
// cut into lanes of equal length, one for each microbatch of a step. Step by step, each lane hands out its next microbatch. A global
// batch then mixes as many far-apart regions as it has microbatches, and a microbatch draws on a shard or two.
import { keyed } from "../random/index.ts";
import type { Split } from "./description.ts";
import type { ShardInfo } from "./layout.ts";
import type { Microbatch, Slice } from "./microbatch.ts";
import { RecentMap } from "./recent-map.ts";
import { type Sequence, sequenceOf, type Stretch, stretches } from "./sequence.ts";

/** One step of a run: what there is to compute before the parameters change. */
export interface PlannedStep {
  /** Counts from 1 over the whole run. */
  readonly step: number;
  /** Counts from 1. */
  readonly epoch: number;
  /** Counts from 1 within the epoch. */
  readonly stepInEpoch: number;
  /** Samples of the global batch; fewer than the batch size in the last step of an epoch. */
  readonly samples: number;
  /** `microbatches[i].index` is `i`, and its lane. Those that have no samples left are missing at the end. */
  readonly microbatches: readonly Microbatch[];
}

export interface EpochPlanOptions {
  readonly seed: number;
  /** All shards of the dataset. */
  readonly shards: readonly ShardInfo[];
  /** Those to train on. */
  readonly train: Split;
  /** A multiple of `microbatchSize`. */
  readonly batchSize: number;
  readonly microbatchSize: number;
}

/**
 * The plan of all epochs. Its methods are pure functions of the options and their arguments; what is kept between calls (the shard
 * order of two epochs, the sample orders of the shards in use) only saves time.
 */
export class EpochPlan {
  /** Samples of an epoch: each of them counts exactly once in it. */
  readonly samples: number;
  /** Microbatches of a full step. */
  readonly lanes: number;
  readonly stepsPerEpoch: number;
  readonly microbatchSize: number;
  readonly #seed: number;
  readonly #infos: readonly ShardInfo[];
  readonly #train: Split;
  readonly #orders = new RecentMap<Sequence>(2);
  readonly #samplesOrders: RecentMap<Uint32Array>;

  /** @throws RangeError where there are no samples, or `batchSize` is no multiple of `microbatchSize`. */
  constructor({ seed, shards, train, batchSize, microbatchSize }: EpochPlanOptions) {
    if (!(microbatchSize >= 1 && batchSize >= 1 && batchSize % microbatchSize === 0)) {
      throw new RangeError(`a batch of ${batchSize} samples does not divide into microbatches of ${microbatchSize}`);
    }
    const samples = train.shards.reduce((sum, shard) => sum + shards[shard].samples, 0);
    if (samples === 0 || samples !== train.samples) {
      throw new RangeError(`the training shards hold ${samples} samples; expected ${train.samples}, and at least one`);
    }
    this.samples = samples;
    this.lanes = batchSize / microbatchSize;
    this.microbatchSize = microbatchSize;
    this.stepsPerEpoch = Math.ceil(Math.ceil(samples / this.lanes) / microbatchSize);
    this.#seed = seed;
    this.#infos = shards;
    this.#train = train;
    this.#samplesOrders = new RecentMap(Math.max(16, 2 * this.lanes));
  }

  /** The epoch (from 1) and the step within it (from 1) of a step of the run (from 1). */
  locate(step: number): { epoch: number; stepInEpoch: number } {
    if (!Number.isInteger(step) || step < 1) throw new RangeError(`step ${step}; steps count from 1`);
    const epoch = Math.floor((step - 1) / this.stepsPerEpoch);
    return { epoch: epoch + 1, stepInEpoch: step - epoch * this.stepsPerEpoch };
  }

  /** Everything that step `step` (from 1) of the run consists of. */
  step(step: number): PlannedStep {
    const { epoch, stepInEpoch } = this.locate(step);
    const microbatches: Microbatch[] = [];
    let samples = 0;
    for (let lane = 0; lane < this.lanes; lane += 1) {
      const slices = this.#stretches(epoch, stepInEpoch, lane).map(({ shard, from, to }): Slice => {
        samples += to - from;
        return { shard, samples: [...this.#samplesOrder(epoch, shard).subarray(from, to)] };
      });
      if (slices.length > 0) microbatches.push({ index: lane, slices });
    }
    return { step, epoch, stepInEpoch, samples, microbatches };
  }

  /**
   * The shards that `lanes` (indices of microbatches) draw on in the `horizon` steps after `step`, each once, in the order in which
   * they are needed first. Goes on into the next epochs; where the run ends before, give a shorter horizon.
   */
  upcomingShards(step: number, lanes: Iterable<number>, horizon: number): number[] {
    const wanted = [...lanes];
    const needs: { readonly shard: number; readonly step: number }[] = [];
    const last = step + horizon;
    for (let first = step + 1, steps: number; first <= last; first += steps) {
      const { epoch, stepInEpoch } = this.locate(first);
      steps = Math.min(last - first, this.stepsPerEpoch - stepInEpoch) + 1;
      for (const lane of wanted) {
        let before = 0;
        for (const { shard, from, to } of this.#stretches(epoch, stepInEpoch, lane, steps)) {
          needs.push({ shard, step: first + Math.floor(before / this.microbatchSize) });
          before += to - from;
        }
      }
    }
    // Of one step, they stay in the order of the lanes.
    needs.sort((a, b) => a.step - b.step);
    return [...new Set(needs.map(({ shard }) => shard))];
  }

  /** What a lane takes in so many steps of an epoch. */
  #stretches(epoch: number, stepInEpoch: number, lane: number, steps = 1): Stretch[] {
    const begin = this.#laneStart(lane) + (stepInEpoch - 1) * this.microbatchSize;
    const end = Math.min(begin + steps * this.microbatchSize, this.#laneStart(lane + 1));
    return begin < end ? stretches(this.#order(epoch), begin, end) : [];
  }

  /** Lanes differ in length by one sample at most, and the longer ones come first: so it is the last lanes that run out first. */
  #laneStart(lane: number): number {
    return lane * Math.floor(this.samples / this.lanes) + Math.min(lane, this.samples % this.lanes);
  }

  #order(epoch: number): Sequence {
    return this.#orders.get(`${epoch}`, () => {
      const order = keyed(this.#seed, "shuffleShards", epoch).permutation(this.#train.shards.length);
      return sequenceOf(
        order.map((rank) => this.#train.shards[rank]),
        this.#infos,
      );
    });
  }

  #samplesOrder(epoch: number, shard: number): Uint32Array {
    return this.#samplesOrders.get(`${epoch}:${shard}`, () =>
      keyed(this.#seed, "shuffleSamples", epoch, shard).permutation(this.#infos[shard].samples),
    );
  }
}
