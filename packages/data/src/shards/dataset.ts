// A dataset that is ready: its description, and where its shards are.
import type { DatasetDescription, ShardInfo } from "@tabgrad/core";
import type { DataSource } from "../samples.ts";
import { shardSamples } from "./frame.ts";
import type { FeatureStatistics } from "./normalisation.ts";
import type { SampleSplit } from "./split.ts";
import type { ShardStore } from "./store.ts";

export interface Dataset {
  readonly description: DatasetDescription;
  readonly store: ShardStore;
  /** Gives back the file that the store reads from, if it reads from one. Whoever opened the dataset does it; twice does no harm. */
  close(): Promise<void>;
}

/** `shards`: those to train on, then those that are held out. */
export function describe(
  { fields, labels, featureNames, text }: DataSource,
  split: SampleSplit,
  shards: readonly ShardInfo[],
  { normalisation }: FeatureStatistics,
): DatasetDescription {
  const [features] = fields;
  const trainShards = Math.ceil(split.train / shardSamples(fields));
  const indices = (begin: number, end: number): number[] => Array.from({ length: end - begin }, (_, i) => begin + i);
  return {
    fields,
    features: { shape: features.shape, ...normalisation, ...(featureNames ? { names: featureNames } : {}) },
    labels,
    ...(text ? { text } : {}),
    shards,
    train: { samples: split.train, shards: indices(0, trainShards) },
    evaluation: { samples: split.evaluation, shards: indices(trainShards, shards.length) },
  };
}
