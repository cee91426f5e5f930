// Reads a source once, from its first sample to its last, and says of each where it goes.
import type { FieldValues } from "@tabgrad/core";
import type { DataSource, Samples } from "../samples.ts";
import type { FeatureStatistics } from "./normalisation.ts";
import type { SampleSplit } from "./split.ts";

/** What takes the samples: number `sample` of the block's columns goes to `position` among those for one use. */
export interface SampleSink {
  train(position: number, columns: readonly FieldValues[], sample: number): void;
  evaluation(position: number, columns: readonly FieldValues[], sample: number): void;
  /** Comes after every block; `done` samples have been read, of those to train on and to evaluate on together. */
  endBlock(done: number): Promise<void> | void;
}

/** Samples to read in all. */
export const totalSamples = ({ train, evaluation }: SampleSplit): number => train + evaluation;

/** Reads from sample number `from` on: first `source.train`, then files to evaluate on, if there are any. */
export async function distribute(
  source: DataSource,
  split: SampleSplit,
  { sink, statistics, from = 0 }: { sink: SampleSink; statistics: FeatureStatistics; from?: number },
): Promise<void> {
  const { ranks, held } = split;
  let done = from;
  let evaluated = 0;
  for (let i = 0; i < Math.min(from, ranks.length); i += 1) if (ranks[i] < held) evaluated += 1;

  const takeTrain = ({ columns }: Samples, i: number): void => {
    const rank = ranks[done];
    if (rank < held) return sink.evaluation(evaluated++, columns, i);
    statistics.add(columns[0], i);
    sink.train(rank - held, columns, i);
  };
  const takeTest = ({ columns }: Samples, i: number): void => sink.evaluation(done - ranks.length, columns, i);

  const stretches = [{ stream: source.train, begin: 0, take: takeTrain }];
  if (!("fraction" in source.test)) stretches.push({ stream: source.test, begin: source.train.count, take: takeTest });
  for (const { stream, begin, take } of stretches) {
    if (done >= begin + stream.count) continue;
    for await (const block of stream.blocks(done - begin)) {
      for (let i = 0; i < block.count; i += 1, done += 1) take(block, i);
      await sink.endBlock(done);
    }
  }
}
