// Which samples are trained on and which are held out, and in which order they go into shards. The order is random, once and for all:
// files are often sorted by label, and a shard should look like the whole.
import { type HeldOut, keyed, TabgradError } from "@tabgrad/core";
import type { DataSource } from "../samples.ts";

/** How many of `count` samples are held out: the share rounded, but at least one, and at least one is left. 0 only where asked for. */
export function heldOutCount(count: number, { fraction }: HeldOut): number {
  return fraction === 0 ? 0 : Math.max(0, Math.min(Math.max(1, Math.round(fraction * count)), count - 1));
}

function checkSplittable({ train, test }: DataSource): void {
  if (train.count > 1 || !("fraction" in test) || test.fraction === 0) return;
  throw new TabgradError(
    "DATA_TOO_SMALL",
    `there is ${train.count} sample; holding out a share of ${test.fraction} takes at least 2`,
    'Add samples, name files to evaluate on with "test", or hold out nothing: "test: { fraction: 0 }".',
  );
}

export interface SampleSplit {
  /** Training samples, and those held out. */
  readonly train: number;
  readonly evaluation: number;
  /** How many of the samples of `DataSource.train` are held out; the others are trained on. */
  readonly held: number;
  /**
   * For each sample of `DataSource.train` its rank in the random order. The first `held` ranks are held out; the rest are positions
   * among the training samples, counted from `held`. Samples that are held out keep the order of their file, since nothing shuffles
   * an evaluation: the n-th sample of a test file stays the n-th.
   */
  readonly ranks: Uint32Array;
}

/** Splits by `seed`. @throws TabgradError DATA_TOO_SMALL where nothing would be left on one side. */
export function splitSamples(source: DataSource, seed: number): SampleSplit {
  checkSplittable(source);
  const { train, test } = source;
  const held = "fraction" in test ? heldOutCount(train.count, test) : 0;
  const order = keyed(seed, "split").permutation(train.count);
  const ranks = new Uint32Array(train.count);
  for (let rank = 0; rank < order.length; rank += 1) ranks[order[rank]] = rank;
  return { train: train.count - held, evaluation: "fraction" in test ? held : test.count, held, ranks };
}
