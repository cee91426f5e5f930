// A dataset that fits into memory: its shards are made there, and stay there.
import type { ShardInfo } from "@tabgrad/core";
import type { DataSource } from "../samples.ts";
import { distribute } from "./distribute.ts";
import { ShardFrame } from "./frame.ts";
import { FeatureStatistics } from "./normalisation.ts";
import type { SampleSplit } from "./split.ts";
import { MemoryShardStore } from "./store.ts";
import { describe, type Dataset } from "./dataset.ts";

export async function datasetInMemory(source: DataSource, split: SampleSplit, onRead: (samples: number) => void): Promise<Dataset> {
  const { fields } = source;
  const statistics = new FeatureStatistics(fields[0], source.normalise);
  const train = new ShardFrame(fields, split.train);
  const evaluation = new ShardFrame(fields, split.evaluation);
  await distribute(source, split, {
    statistics,
    sink: {
      train: (position, columns, sample) => train.put(position, columns, sample),
      evaluation: (position, columns, sample) => evaluation.put(position, columns, sample),
      endBlock: onRead,
    },
  });
  const store = new MemoryShardStore();
  const shards: ShardInfo[] = [];
  for (const frame of [train, evaluation]) {
    for (const { bytes, samples } of frame.shards()) shards.push({ hash: store.add(bytes), bytes: bytes.length, samples });
  }
  return { description: describe(source, split, shards, statistics), store, close: () => Promise.resolve() };
}
