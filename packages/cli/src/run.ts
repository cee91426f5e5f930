// From a run file to a coordinator that listens: what `train` and `coordinator` have in common.
import { TabgradError } from "@tabgrad/core";
import { keptControlToken, startCoordinator, type CoordinatorOptions, type RunningCoordinator } from "@tabgrad/coordinator";
import { pagesDirectory } from "@tabgrad/dashboard";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { basename, extname, join, resolve } from "node:path";
import type { Logger } from "pino";
import { initialVector } from "./initialise.ts";
import type { RunOptions, ServingOptions } from "./options.ts";
import type { Report } from "./output/report.ts";
import { orClosed, readRun, type Preparation, type PreparedRun } from "./prepared-run.ts";
import { placeOf, prepareResumed } from "./resume.ts";
import { openTls } from "./tls/index.ts";
import { version } from "./version.ts";

/**
 * Reads everything and checks it, before anything listens or is written.
 * @param path of the run file; may be left out where a run is resumed
 * @throws TabgradError
 */
export function prepareRun(path: string | undefined, options: RunOptions, preparation: Preparation): Promise<PreparedRun> {
  if (options.resume !== undefined) return prepareResumed(options.resume, path, options, preparation);
  if (path !== undefined) return prepareNew(path, options, preparation);
  throw new TabgradError(
    "OPTION_INVALID",
    "There is neither a run file nor a run to resume",
    "Name a run file, such as examples/mnist/mlp.ts, or the folder of a run with --resume.",
  );
}

async function prepareNew(path: string, options: RunOptions, preparation: Preparation): Promise<PreparedRun> {
  const { file, baseDirectory, name, dataset, run } = await readRun(path, options, preparation);
  const initial = await orClosed(dataset, () => initialVector(run, baseDirectory, preparation.log));
  return {
    run,
    initial,
    dataset,
    name,
    baseDirectory,
    keep: options.keep,
    directory: resolve(options.out ?? defaultDirectory(file)),
  };
}

function defaultDirectory(file: string): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return join("runs", `${basename(file, extname(file))}-${time}`);
}

export interface WorkerCounts {
  readonly startWorkers: number;
  readonly minWorkers: number;
}

/**
 * Serves a run as long as `use` takes, then closes it and its data, whatever happened.
 * @returns what `use` does
 * @throws TabgradError
 */
export async function whileServed<Result>(
  prepared: PreparedRun,
  given: ServingOptions & WorkerCounts,
  report: Report,
  use: (coordinator: RunningCoordinator) => Promise<Result>,
): Promise<Result> {
  try {
    const coordinator = await serveRun(prepared, given, report);
    try {
      return await use(coordinator);
    } finally {
      await coordinator.close();
    }
  } finally {
    await prepared.dataset.close();
  }
}

/** Listens, and says how to watch and to join. @throws TabgradError */
async function serveRun(
  prepared: PreparedRun,
  given: ServingOptions & WorkerCounts,
  { log, show, invite }: Report,
): Promise<RunningCoordinator> {
  const { startWorkers, minWorkers, stay } = given;
  const { resumption } = prepared;
  const place = resumption ? placeOf(resumption, given) : given;
  const { host, port } = place;
  // 128 bits: nobody guesses them.
  const drawn = (resumption && (await keptControlToken(resumption.directory))) ?? randomBytes(16).toString("base64url");
  const controlToken = given.controlToken ?? drawn;
  const tls = await openTls(place, (why, file) => log.info({ file }, `made a certificate for https: ${why}`));
  const coordinator = await startCoordinator({
    ...prepared,
    ...{ host, port, startWorkers, minWorkers, stay, tls, tlsFiles: tlsFilesOf(place), controlToken },
    pages: pagesDirectory,
    software: version,
    onEvent: show,
    onWarning: (message) => log.warn(message),
  });
  invite({ links: coordinator.links, controlToken, tls });
  return coordinator;
}

/** As paths that hold wherever the run goes on. */
const tlsFilesOf = ({ cert, key }: Pick<ServingOptions, "cert" | "key">): CoordinatorOptions["tlsFiles"] =>
  cert === undefined || key === undefined ? undefined : { cert: resolve(cert), key: resolve(key) };

/** What is left to do when a run is over: with `--stay` the pages are served on until somebody has seen enough. */
export async function lingerAfter(coordinator: RunningCoordinator, signal: AbortSignal, log: Logger): Promise<void> {
  if (signal.aborted) return;
  log.info({ watch: coordinator.links.watch }, `The dashboard stays at ${coordinator.links.watch[0]} until Ctrl-C.`);
  await once(signal, "abort");
}
