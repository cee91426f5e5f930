// Samples numbered through over several shards, as the plans see them.
import type { ShardInfo } from "./layout.ts";

/** Shards side by side: `shards[r]` holds the positions from `starts[r]` up to `starts[r + 1]`. */
export interface Sequence {
  readonly shards: ArrayLike<number>;
  readonly starts: Float64Array;
}

/** A stretch of a shard: positions `from` up to `to` within it. */
export interface Stretch {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
}

/** The samples of `shards` (indices into `infos`), one shard after another. */
export function sequenceOf(shards: ArrayLike<number>, infos: readonly ShardInfo[]): Sequence {
  const starts = new Float64Array(shards.length + 1);
  for (let rank = 0; rank < shards.length; rank += 1) starts[rank + 1] = starts[rank] + infos[shards[rank]].samples;
  return { shards, starts };
}

/** The stretches of shards that positions `begin` up to `end` of a sequence fall on. */
export function stretches(sequence: Sequence, begin: number, end: number): Stretch[] {
  const { shards, starts } = sequence;
  // The last rank that starts at or before `begin`, by bisection.
  let rank = 0;
  let beyond = shards.length;
  while (beyond - rank > 1) {
    const middle = (rank + beyond) >>> 1;
    if (starts[middle] <= begin) rank = middle;
    else beyond = middle;
  }
  const found: Stretch[] = [];
  for (; rank < shards.length && starts[rank] < end; rank += 1) {
    const start = starts[rank];
    const from = Math.max(begin, start) - start;
    const to = Math.min(end, starts[rank + 1]) - start;
    if (from < to) found.push({ shard: shards[rank], from, to });
  }
  return found;
}
