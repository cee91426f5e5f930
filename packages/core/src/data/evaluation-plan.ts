// The evaluation plan: the held-out samples, without any shuffling, so that every evaluation of a run sees the same ones.
import type { Split } from "./description.ts";
import type { ShardInfo } from "./layout.ts";
import type { Microbatch, Slice } from "./microbatch.ts";
import { type Sequence, sequenceOf, stretches } from "./sequence.ts";

/** The evaluation: all held-out samples once, in their order, cut into microbatches. */
export class EvaluationPlan {
  readonly samples: number;
  /** How many microbatches there are; 0 where nothing is held out. */
  readonly count: number;
  readonly #sequence: Sequence;
  readonly #microbatchSize: number;

  constructor({ shards, evaluation, microbatchSize }: { shards: readonly ShardInfo[]; evaluation: Split; microbatchSize: number }) {
    this.samples = evaluation.samples;
    this.count = Math.ceil(evaluation.samples / microbatchSize);
    this.#sequence = sequenceOf(evaluation.shards, shards);
    this.#microbatchSize = microbatchSize;
  }

  /** Microbatch `index`, from 0 to `count` - 1. */
  microbatch(index: number): Microbatch {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) {
      throw new RangeError(`evaluation microbatch ${index}; there are ${this.count}, counted from 0`);
    }
    const begin = index * this.#microbatchSize;
    const end = Math.min(begin + this.#microbatchSize, this.samples);
    const slices = stretches(this.#sequence, begin, end).map(({ shard, from, to }): Slice => ({
      shard,
      samples: Array.from({ length: to - from }, (_, i) => from + i),
    }));
    return { index, slices };
  }

  /** All of them. */
  microbatches(): Microbatch[] {
    return Array.from({ length: this.count }, (_, index) => this.microbatch(index));
  }
}
