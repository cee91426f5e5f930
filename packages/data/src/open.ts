// Opens a dataset: read, check, shuffle once, split, cut into shards. The result depends on the files and the seed alone, so the same
// run file gives the same shards on every machine, whether they are made in memory or on disk.
import { type DataSpec, sampleBytes } from "@tabgrad/core";
import { findFiles } from "./files/find.ts";
import { readSource } from "./read.ts";
import type { Dataset } from "./shards/dataset.ts";
import { totalSamples } from "./shards/distribute.ts";
import { datasetInMemory } from "./shards/memory.ts";
import { splitSamples } from "./shards/split.ts";

export interface OpenOptions {
  /** What relative paths are relative to: the folder of the run file. */
  readonly baseDirectory: string;
  /** The run's seed: decides the order of the samples, and which are held out. */
  readonly seed: number;
}

/**
 * Opens the dataset of a run file.
 * @throws TabgradError DATA_…: a file is not there, cannot be read or is not what it should be, with its path and the place in it.
 */
export async function openDataset(spec: DataSpec, { baseDirectory, seed }: OpenOptions): Promise<Dataset> {
  const find = (paths: Parameters<typeof findFiles>[0]) =>
    findFiles(paths, { baseDirectory, fetch: () => Promise.reject(new Error("not yet")) });
  const source = await readSource(spec, { baseDirectory, find });
  const split = splitSamples(source, seed);
  void sampleBytes;
  void totalSamples;
  return datasetInMemory(source, split, () => undefined);
}
