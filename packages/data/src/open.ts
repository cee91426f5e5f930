// Opens a dataset: read, check, shuffle once, split, cut into shards. The result depends on the files and the seed alone, so the same
// run file gives the same shards on every machine.
import {
  type DatasetDescription,
  type DataSpec,
  type Field,
  fieldElements,
  packShard,
  sampleBytes,
  type ShardInfo,
  type Split,
  TabgradError,
} from "@tabgrad/core";
import { readCsvSource } from "./csv-source.ts";
import { readIdxSource } from "./idx-source.ts";
import { normalisationOf } from "./normalisation.ts";
import type { DataSource } from "./source.ts";
import { type Part, splitSamples } from "./split.ts";
import { MemoryShardStore, type ShardStore } from "./store.ts";

/** About what a shard weighs: long enough to be worth a request, short enough that a worker need not hold much more than it uses. */
const shardTargetBytes = 512 * 1024;
const minShardSamples = 16;
const maxShardSamples = 4096;

export interface OpenOptions {
  /** What relative paths are relative to: the folder of the run file. */
  readonly baseDirectory: string;
  /** The run's seed: decides the order of the samples, and which are held out. */
  readonly seed: number;
}

export interface Dataset {
  readonly description: DatasetDescription;
  readonly store: ShardStore;
}

/** Samples in a shard: a power of two, so that microbatches, powers of two as a rule, seldom straddle two shards. */
export function shardSamples(fields: readonly Field[]): number {
  const fitting = 2 ** Math.floor(Math.log2(Math.max(1, shardTargetBytes / sampleBytes(fields))));
  return Math.min(maxShardSamples, Math.max(minShardSamples, fitting));
}

/** Cuts samples into shards, adds them to `store` and `shards`, and says which ones they are. */
function cut(fields: readonly Field[], { samples, order }: Part, store: MemoryShardStore, shards: ShardInfo[]): Split {
  const length = shardSamples(fields);
  const indices: number[] = [];
  for (let begin = 0; begin < order.length; begin += length) {
    const chosen = order.subarray(begin, begin + length);
    const bytes = packShard(fields, samples.columns, chosen);
    indices.push(shards.length);
    shards.push({ hash: store.add(bytes), bytes: bytes.length, samples: chosen.length });
  }
  return { samples: order.length, shards: indices };
}

function checkSplittable(source: DataSource): void {
  if (source.train.count > 1 || !("fraction" in source.test) || source.test.fraction === 0) return;
  throw new TabgradError(
    "DATA_TOO_SMALL",
    `there is ${source.train.count} sample; holding out a share of ${source.test.fraction} takes at least 2`,
    'Add samples, name files to evaluate on with "test", or hold out nothing: "test: { fraction: 0 }".',
  );
}

/**
 * Opens the dataset of a run file.
 * @throws TabgradError DATA_…: a file is not there, cannot be read or is not what it should be, with its path and the place in it.
 */
export async function openDataset(spec: DataSpec, { baseDirectory, seed }: OpenOptions): Promise<Dataset> {
  const source = spec.kind === "idx" ? await readIdxSource(spec, baseDirectory) : await readCsvSource(spec, baseDirectory);
  checkSplittable(source);
  const { fields, labels, featureNames, normalise } = source;
  const parts = splitSamples(source, seed);
  const features = fields[0];
  const scaling = normalisationOf(source.train.columns[0], fieldElements(features), parts.train.order, normalise);

  const store = new MemoryShardStore();
  const shards: ShardInfo[] = [];
  const train = cut(fields, parts.train, store, shards);
  const evaluation = cut(fields, parts.evaluation, store, shards);
  return {
    description: {
      fields,
      features: { shape: features.shape, ...scaling, ...(featureNames ? { names: featureNames } : {}) },
      labels,
      shards,
      train,
      evaluation,
    },
    store,
  };
}
