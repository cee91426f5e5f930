// Which samples are trained on and which are held out, and in which order they go into shards. The order is random, once and for all:
// files are often sorted by label, and a shard should look like the whole.
import { type HeldOut, keyed } from "@tabgrad/core";
import type { DataSource, Samples } from "./source.ts";

/** Some of the samples, in the order in which they are stored. */
export interface Part {
  readonly samples: Samples;
  readonly order: Uint32Array;
}

/** How many of `count` samples are held out: the share rounded, but at least one, and at least one is left. 0 only where asked for. */
export function heldOutCount(count: number, { fraction }: HeldOut): number {
  return fraction === 0 ? 0 : Math.max(0, Math.min(Math.max(1, Math.round(fraction * count)), count - 1));
}

/**
 * Splits by `seed`. Samples that are held out keep the order of their file, since nothing shuffles an evaluation: the n-th sample of a
 * test file stays the n-th.
 */
export function splitSamples(source: DataSource, seed: number): { train: Part; evaluation: Part } {
  const { train, test } = source;
  const order = keyed(seed, "split").permutation(train.count);
  if (!("fraction" in test)) {
    return {
      train: { samples: train, order },
      evaluation: { samples: test, order: Uint32Array.from({ length: test.count }, (_, i) => i) },
    };
  }
  const held = heldOutCount(train.count, test);
  return {
    train: { samples: train, order: order.subarray(held) },
    evaluation: { samples: train, order: order.slice(0, held).sort() },
  };
}
