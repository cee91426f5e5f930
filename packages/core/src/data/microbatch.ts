// Which samples a microbatch consists of. These mirror the messages Microbatch and Slice in proto/tabgrad.proto.

/** Samples of one shard. */
export interface Slice {
  /** An index into the dataset's list of shards. */
  readonly shard: number;
  /** Positions of the samples within the shard, from 0. */
  readonly samples: readonly number[];
}

/** Up to `microbatchSize` samples, in an order that is part of the run. */
export interface Microbatch {
  /** Its index within the step (or within the evaluation), from 0. */
  readonly index: number;
  /** Its samples, slice after slice. */
  readonly slices: readonly Slice[];
}

/** How many samples a microbatch has. */
export function microbatchSamples(microbatch: Microbatch): number {
  return microbatch.slices.reduce((sum, slice) => sum + slice.samples.length, 0);
}

/** The shards that microbatches draw on, each once, in the order in which they are needed. */
export function microbatchShards(microbatches: Iterable<Microbatch>): number[] {
  const shards = new Set<number>();
  for (const microbatch of microbatches) for (const slice of microbatch.slices) shards.add(slice.shard);
  return [...shards];
}

/**
 * Cuts the microbatches of an assignment into runs, one engine call's batch each, of at most `maxRows` rows at `microbatchSize` rows
 * a microbatch (at least one microbatch, whatever `maxRows` says). A program compiles once for each number of rows it meets, so what
 * is left after the longest runs is cut into powers of two: no padding, and few different lengths.
 */
export function groupMicrobatches(
  microbatches: readonly Microbatch[],
  { microbatchSize, maxRows }: { microbatchSize: number; maxRows: number },
): Microbatch[][] {
  const longest = Math.max(1, Math.floor(maxRows / microbatchSize));
  const runs: Microbatch[][] = [];
  let begin = 0;
  while (begin < microbatches.length) {
    const left = microbatches.length - begin;
    const length = left >= longest ? longest : 2 ** Math.floor(Math.log2(left));
    runs.push(microbatches.slice(begin, begin + length));
    begin += length;
  }
  return runs;
}
