// What there is before a run begins or goes on: what a run file says, with the data that it names.
import type { Resumption } from "@tabgrad/coordinator";
import { openDataset, type Dataset } from "@tabgrad/data";
import { applyOverrides, checkRun, resolveRun, type ResolvedRun, type DataSpec } from "@tabgrad/core";
import { basename, dirname, extname, resolve } from "node:path";
import { loadRunFile } from "./load-run.ts";
import { overridesOf, type RunOptions } from "./options.ts";
import type { Report } from "./output/report.ts";

export interface PreparedRun {
  readonly run: ResolvedRun;
  readonly initial: Float32Array;
  /** Open; `whileServed` closes it. */
  readonly dataset: Dataset;
  /** What people call the run. */
  readonly name: string;
  /** What relative paths in the run file are relative to. */
  readonly baseDirectory: string;
  /** Where checkpoints and the journal go. */
  readonly directory: string;
  /** How many checkpoints to keep; undefined for as many as is usual. */
  readonly keep?: number;
  readonly resumption?: Resumption;
}

/** Who hears how far it is, and what ends it. */
export interface Preparation extends Pick<Report, "log" | "reading"> {
  readonly signal: AbortSignal;
}

/** Opens the data of a run, fetching and reading whatever is needed for that. @throws TabgradError */
export async function openData(
  { data, seed }: { readonly data: DataSpec; readonly seed: number },
  baseDirectory: string,
  { cache }: RunOptions,
  { reading, signal }: Preparation,
): Promise<Dataset> {
  try {
    const folder = cache === undefined ? {} : { cache: resolve(cache) };
    return await openDataset(data, { baseDirectory, seed, ...folder, onProgress: reading.show, signal });
  } finally {
    reading.end();
  }
}

/** What `use` makes of a dataset. Where it fails, nobody gets the dataset, and it is closed. */
export async function orClosed<Result>(dataset: Dataset, use: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    await dataset.close();
    throw error;
  }
}

/** What a run file says, with the data that it names. */
export async function readRun(path: string, options: RunOptions, preparation: Preparation) {
  const { definition, file } = await loadRunFile(path);
  const settings = checkRun(applyOverrides(definition, overridesOf(options)));
  const baseDirectory = dirname(file);
  const dataset = await openData(settings, baseDirectory, options, preparation);
  const run = await orClosed(dataset, () => resolveRun(settings, dataset.description));
  return { file, baseDirectory, name: basename(file, extname(file)), dataset, run };
}
