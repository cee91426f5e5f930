// What a reader gives, whatever the format: samples in the order of their files, a block at a time, so that they need not fit into
// memory; and what is known of them before the first one is read.
import type { Field, FieldValues, HeldOut, LabelDescription, Normalisation, TextDescription } from "@tabgrad/core";

/** Samples as columns. */
export interface Samples {
  readonly count: number;
  /** One array for each field, row-major over all samples, of the kind that the field is stored as. */
  readonly columns: readonly FieldValues[];
}

export interface SampleStream {
  readonly count: number;
  /** The samples from number `from` on, in order. Every call reads anew. @throws TabgradError DATA_…, where a sample is wrong. */
  blocks(from: number): AsyncIterable<Samples>;
}

export interface DataSource {
  /** The features field, then the labels field. */
  readonly fields: readonly Field[];
  readonly train: SampleStream;
  /** Samples of their own to evaluate on, or the share of `train` to hold out. */
  readonly test: SampleStream | HeldOut;
  readonly labels: LabelDescription;
  readonly featureNames?: readonly string[];
  readonly text?: TextDescription;
  readonly normalise: {
    readonly method: Normalisation;
    /** One flag for each feature, true where it is scaled on its own; absent where all features are scaled alike. */
    readonly columns?: readonly boolean[];
  };
  /** True where a sample takes long to read, as an image does: then it is worth keeping what was read, even where memory would do. */
  readonly slow?: true;
}

/** About what a block weighs: long enough that nobody counts blocks, short enough to be held twice. */
export const blockBytes = 1 << 20;

/** How many samples of `bytes` each make a block. */
export const blockSamples = (bytes: number): number => Math.max(1, Math.floor(blockBytes / bytes));

/** Samples `from` up to `to` of a block. */
export function slice({ count, columns }: Samples, from: number, to = count): Samples {
  if (from === 0 && to === count) return { count, columns };
  const part = (values: FieldValues): FieldValues => values.subarray((values.length / count) * from, (values.length / count) * to);
  return { count: to - from, columns: columns.map(part) };
}

/** Streams one after another, as one. */
export function concatenated(streams: readonly SampleStream[]): SampleStream {
  if (streams.length === 1) return streams[0];
  return {
    count: streams.reduce((sum, { count }) => sum + count, 0),
    async *blocks(from) {
      let begin = 0;
      for (const stream of streams) {
        if (begin + stream.count > from) yield* stream.blocks(Math.max(0, from - begin));
        begin += stream.count;
      }
    },
  };
}

/** Samples `begin` up to `end` of a stream, as a stream of their own. */
export function stretchOf(stream: SampleStream, begin: number, end: number): SampleStream {
  return {
    count: end - begin,
    async *blocks(from) {
      let left = end - begin - from;
      if (left <= 0) return;
      for await (const block of stream.blocks(begin + from)) {
        yield slice(block, 0, Math.min(left, block.count));
        left -= block.count;
        if (left <= 0) return;
      }
    },
  };
}
