// From a run file to a coordinator that listens: what `train` and `coordinator` have in common.
import {
  applyOverrides,
  checkRun,
  initialParameters,
  parametersFrom,
  parameterSlots,
  resolveRun,
  type ResolvedRun,
  type TelemetryEvent,
} from "@tabgrad/core";
import { openDataset, readWeights, startCoordinator, type RunningCoordinator } from "@tabgrad/coordinator";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Logger } from "pino";
import { loadRunFile } from "./load-run.ts";
import { overridesOf, type RunOptions } from "./options.ts";
import { version } from "./version.ts";

export interface PreparedRun {
  readonly run: ResolvedRun;
  readonly initial: Float32Array;
  readonly dataset: Awaited<ReturnType<typeof openDataset>>;
  /** What people call the run. */
  readonly name: string;
  /** Where checkpoints and the journal go. */
  readonly directory: string;
}

/** Reads everything and checks it, before anything listens or is written. @throws TabgradError */
export async function prepareRun(path: string, options: RunOptions, log: Logger): Promise<PreparedRun> {
  const { definition, file } = await loadRunFile(path);
  const settings = checkRun(applyOverrides(definition, overridesOf(options)));
  const baseDirectory = dirname(file);
  const dataset = await openDataset(settings.data, { baseDirectory, seed: settings.seed });
  const run = resolveRun(settings, dataset.description);
  const initial = await initialVector(run, baseDirectory, log);
  return { run, initial, dataset, name: basename(file, extname(file)), directory: resolve(options.out ?? defaultDirectory(file)) };
}

/** Drawn from the seed; where the run file names a checkpoint, taken from that as far as names match. */
async function initialVector({ graph, description }: ResolvedRun, baseDirectory: string, log: Logger): Promise<Float32Array> {
  const drawn = initialParameters(graph, description.seed);
  if (description.initialise === undefined) return drawn;
  const path = resolve(baseDirectory, description.initialise);
  const tensors = new Map((await readWeights(path)).map((tensor) => [tensor.name, tensor]));
  const { parameters, matched, missing, unused } = parametersFrom(parameterSlots(graph), tensors, drawn);
  const parts = [`${matched.length} parameters from ${path}`];
  if (missing.length > 0) parts.push(`begins at random: ${missing.join(", ")}`);
  if (unused.length > 0) parts.push(`not used: ${unused.join(", ")}`);
  log.info({ matched, missing, unused }, parts.join("; "));
  return parameters;
}

function defaultDirectory(file: string): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return join("runs", `${basename(file, extname(file))}-${time}`);
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly startWorkers: number;
  readonly minWorkers: number;
}

export function listenFor(
  prepared: PreparedRun,
  listen: ListenOptions,
  onEvent: (event: TelemetryEvent) => void,
  log: Logger,
): Promise<RunningCoordinator> {
  return startCoordinator({ ...prepared, ...listen, software: version, onEvent, onWarning: (message) => log.warn(message) });
}
