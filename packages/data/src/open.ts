// Opens a dataset: read, check, shuffle once, split, cut into shards. The result depends on the files and the seed alone, so the same
// run file gives the same shards on every machine, whether they are made in memory or on disk.
import { totalmem } from "node:os";
import { join } from "node:path";
import { type DataSpec, sampleBytes } from "@tabgrad/core";
import { cacheFolder } from "./cache/folder.ts";
import { FileFinder } from "./files/finder.ts";
import { inputFiles } from "./inputs.ts";
import { checkInterrupted, type OnProgress } from "./progress.ts";
import { readSource } from "./read.ts";
import { buildOnDisk, openBuilt } from "./shards/build.ts";
import type { Dataset } from "./shards/dataset.ts";
import { totalSamples } from "./shards/distribute.ts";
import { datasetKey } from "./shards/key.ts";
import { datasetInMemory } from "./shards/memory.ts";
import { splitSamples } from "./shards/split.ts";

export interface OpenOptions {
  /** What relative paths are relative to: the folder of the run file. */
  readonly baseDirectory: string;
  /** The run's seed: decides the order of the samples, and which are held out. */
  readonly seed: number;
  /** Where fetched files and shards on disk are kept. Default: `cacheFolder()`. */
  readonly cache?: string;
  /** The most bytes of samples to hold in memory; more go to the disk. Default: `memoryLimit()`. */
  readonly memory?: number;
  /** Hears how far reading has come, many times a second. */
  readonly onProgress?: OnProgress;
  /** Ends the reading; what was read so far is kept where it can be. */
  readonly signal?: AbortSignal;
}

/** A gibibyte, or an eighth of the machine's memory where that is less: the coordinator is seldom alone on it. */
export const memoryLimit = (): number => Math.min(2 ** 30, totalmem() / 8);

/** Of what takes long to read, such as images, less is read anew for every run. */
const slowMemoryLimit = 16 * 2 ** 20;

/**
 * Opens the dataset of a run file. Close it in the end: one on disk keeps a file open.
 * @throws TabgradError DATA_…: a file is not there, cannot be read or is not what it should be, with its path and the place in it;
 *   INTERRUPTED
 */
export async function openDataset(spec: DataSpec, options: OpenOptions): Promise<Dataset> {
  const { baseDirectory, seed, cache = cacheFolder(), memory = memoryLimit(), onProgress, signal } = options;
  const finder = new FileFinder({ baseDirectory, cache, onProgress, signal });
  const reading = { baseDirectory, find: finder.find };
  const files = await inputFiles(spec, reading);
  const folder = join(cache, "datasets", await datasetKey(spec, seed, files));
  const built = await openBuilt(folder);
  if (built) return built;

  const source = await finder.looking(files, () => readSource(spec, reading));
  const split = splitSamples(source, seed);
  const total = totalSamples(split);
  const limit = source.slow ? Math.min(memory, slowMemoryLimit) : memory;
  if (sampleBytes(source.fields) * total > limit) return buildOnDisk(folder, source, split, { memory, onProgress, signal });
  return datasetInMemory(source, split, (done) => {
    checkInterrupted(signal);
    onProgress?.({ activity: "read", done, total, unit: "samples" });
  });
}
