// Makes the shards of a dataset that is larger than memory, on disk, once. It can be cut off at any moment and go on: first samples go
// to the spool, then bucket after bucket becomes shards; how far that is stands in a file that is replaced as a whole, and only after
// what it speaks of is on the disk.
import { open, rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type DatasetDescription, sampleBytes, type ShardInfo, TabgradError } from "@tabgrad/core";
import { withLock } from "../cache/lock.ts";
import { cacheUnusable, makeFolder, readJson, writeJson } from "../cache/write.ts";
import { checkInterrupted, type OnProgress } from "../progress.ts";
import type { DataSource } from "../samples.ts";
import { type Dataset, describe } from "./dataset.ts";
import { DiskShardStore } from "./disk-store.ts";
import { distribute, totalSamples } from "./distribute.ts";
import { FeatureStatistics } from "./normalisation.ts";
import type { SampleSplit } from "./split.ts";
import { readBucket, type SpoolLayout, spoolLayout, SpoolWriter } from "./spool.ts";
import { shardHash } from "./store.ts";

/** The most that a bucket weighs, that waits to be written, and that is read again after a crash; a quarter of the memory if that is less. */
const maxWorkBytes = 64 << 20;

const descriptionFile = "dataset.json";
const shardsFile = "shards.bin";
const spoolFile = "spool.bin";
const progressFile = "progress.json";

/** How far a dataset has come. */
type Progress =
  | {
      readonly phase: "scatter";
      readonly done: number;
      readonly fills: readonly number[];
      readonly statistics: FeatureStatistics["state"];
    }
  | {
      readonly phase: "gather";
      readonly bucket: number;
      readonly shards: readonly ShardInfo[];
      readonly statistics: FeatureStatistics["state"];
    };

export interface BuildOptions {
  /** Bytes of memory that may be used for samples. */
  readonly memory: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const bytesOf = (shards: readonly ShardInfo[]): number => shards.reduce((sum, { bytes }) => sum + bytes, 0);

/** The dataset in `folder`, if it is there and whole. */
export async function openBuilt(folder: string): Promise<Dataset | undefined> {
  const description = (await readJson(join(folder, descriptionFile))) as DatasetDescription | undefined;
  if (!description) return undefined;
  try {
    const path = join(folder, shardsFile);
    const handle = await open(path, "r");
    const { size } = await handle.stat().finally(() => handle.close());
    if (size !== bytesOf(description.shards)) return undefined;
    const store = await DiskShardStore.open(path, description.shards);
    return { description, store, close: () => store.close() };
  } catch {
    return undefined;
  }
}

/** Reads `source` into `folder`, or goes on with that. @throws TabgradError DATA_…, INTERRUPTED */
export async function buildOnDisk(folder: string, source: DataSource, split: SampleSplit, options: BuildOptions): Promise<Dataset> {
  const partial = `${folder}.partial`;
  await makeFolder(partial);
  return withLock(`${partial}.lock`, async () => {
    await new Build(partial, source, split, options).run().catch(async (error: unknown) => {
      if (isDataWrong(error)) await rm(partial, { recursive: true, force: true });
      throw error;
    });
    try {
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder);
    } catch (error) {
      throw cacheUnusable(folder, error);
    }
    return (await openBuilt(folder))!;
  });
}

/** Whoever corrects the data has other files then, and nothing goes on from here. */
const isDataWrong = (error: unknown): boolean =>
  error instanceof TabgradError &&
  error.code.startsWith("DATA_") &&
  !["DATA_CACHE_UNUSABLE", "DATA_UNREADABLE"].includes(error.code);

class Build {
  readonly #folder: string;
  readonly #source: DataSource;
  readonly #split: SampleSplit;
  readonly #options: BuildOptions;
  readonly #layout: SpoolLayout;
  readonly #workBytes: number;

  constructor(folder: string, source: DataSource, split: SampleSplit, options: BuildOptions) {
    this.#folder = folder;
    this.#source = source;
    this.#split = split;
    this.#options = options;
    this.#workBytes = Math.min(maxWorkBytes, options.memory / 4);
    this.#layout = spoolLayout(source.fields, split.train, split.evaluation, this.#workBytes);
  }

  async run(): Promise<void> {
    // All is there but the folder's name.
    if ((await readJson(this.#path(descriptionFile))) !== undefined) return;
    const before = (await readJson(this.#path(progressFile))) as Progress | undefined;
    const { fields, normalise } = this.#source;
    const statistics = new FeatureStatistics(fields[0], normalise, before?.statistics);
    if (before?.phase !== "gather") await this.#scatter(statistics, before);
    const shards = await this.#gather(statistics, before?.phase === "gather" ? before : undefined);
    await rm(this.#path(spoolFile), { force: true });
    await writeJson(this.#path(descriptionFile), describe(this.#source, this.#split, shards, statistics));
    await rm(this.#path(progressFile), { force: true });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #note(progress: Progress): Promise<void> {
    return writeJson(this.#path(progressFile), progress);
  }

  /** Every sample into its bucket. */
  async #scatter(statistics: FeatureStatistics, before: Extract<Progress, { phase: "scatter" }> | undefined): Promise<void> {
    const { fields } = this.#source;
    const writer = new SpoolWriter(this.#path(spoolFile), fields, this.#layout, this.#workBytes, before?.fills);
    const total = totalSamples(this.#split);
    const noteEvery = Math.max(1, Math.floor(this.#workBytes / sampleBytes(fields)));
    let noted = before?.done ?? 0;
    const note = async (done: number): Promise<void> => {
      writer.flush();
      await this.#note({ phase: "scatter", done, fills: writer.fills, statistics: statistics.state });
      noted = done;
    };
    try {
      await distribute(this.#source, this.#split, {
        statistics,
        from: noted,
        sink: {
          train: (position, columns, sample) => writer.put("train", position, columns, sample),
          evaluation: (position, columns, sample) => writer.put("evaluation", position, columns, sample),
          endBlock: async (done) => {
            checkInterrupted(this.#options.signal);
            this.#options.onProgress?.({ activity: "read", done, total, unit: "samples" });
            if (done - noted >= noteEvery) await note(done);
          },
        },
      });
      await note(total);
    } finally {
      writer.close();
    }
  }

  /** Every bucket into shards. */
  async #gather(
    statistics: FeatureStatistics,
    before: Extract<Progress, { phase: "gather" }> | undefined,
  ): Promise<readonly ShardInfo[]> {
    const shards: ShardInfo[] = [...(before?.shards ?? [])];
    const path = this.#path(shardsFile);
    const total = totalSamples(this.#split);
    let done = shards.reduce((sum, { samples }) => sum + samples, 0);
    try {
      await (await open(path, "a")).close();
      // What was written after the last note is written again.
      await truncate(path, bytesOf(shards));
      const file = await open(path, "r+");
      try {
        for (let bucket = before?.bucket ?? 0; bucket < this.#layout.buckets.length; bucket += 1) {
          checkInterrupted(this.#options.signal);
          let offset = bytesOf(shards);
          for (const { bytes, samples } of readBucket(this.#path(spoolFile), this.#source.fields, this.#layout, bucket).shards()) {
            await file.write(bytes, 0, bytes.length, offset);
            offset += bytes.length;
            shards.push({ hash: shardHash(bytes), bytes: bytes.length, samples });
            done += samples;
            this.#options.onProgress?.({ activity: "write", done, total, unit: "samples" });
          }
          await file.datasync();
          await this.#note({ phase: "gather", bucket: bucket + 1, shards, statistics: statistics.state });
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw (error as NodeJS.ErrnoException).syscall === undefined ? error : cacheUnusable(path, error);
    }
    return shards;
  }
}
