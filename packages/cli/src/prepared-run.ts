// What there is before a run begins or goes on: what a run file says, with the data that it names.
import type { Resumption } from "@tabgrad/coordinator";
import { openDataset } from "@tabgrad/data";
import { applyOverrides, checkRun, resolveRun, type ResolvedRun } from "@tabgrad/core";
import { basename, dirname, extname } from "node:path";
import { loadRunFile } from "./load-run.ts";
import { overridesOf, type RunOptions } from "./options.ts";

export interface PreparedRun {
  readonly run: ResolvedRun;
  readonly initial: Float32Array;
  readonly dataset: Awaited<ReturnType<typeof openDataset>>;
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

/** What a run file says, with the data that it names. */
export async function readRun(path: string, options: RunOptions) {
  const { definition, file } = await loadRunFile(path);
  const settings = checkRun(applyOverrides(definition, overridesOf(options)));
  const baseDirectory = dirname(file);
  const dataset = await openDataset(settings.data, { baseDirectory, seed: settings.seed });
  const run = resolveRun(settings, dataset.description);
  return { file, baseDirectory, name: basename(file, extname(file)), dataset, run };
}
