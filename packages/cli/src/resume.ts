// `--resume`: from a folder that a run left behind to one that goes on where it was, as the same run.
import {
  checkSameData,
  checkSameRun,
  checkStepsLeft,
  openResumption,
  originOf,
  restoredParameters,
  restoredRun,
  Schedule,
  type Resumption,
} from "@tabgrad/coordinator";
import { TabgradError } from "@tabgrad/core";
import { resolve } from "node:path";
import { durationOf, type RunOptions, type ServingOptions } from "./options.ts";
import { openData, orClosed, readRun, type Preparation, type PreparedRun } from "./prepared-run.ts";

/** @throws TabgradError */
export async function prepareResumed(
  folder: string,
  path: string | undefined,
  options: RunOptions,
  preparation: Preparation,
): Promise<PreparedRun> {
  const { log } = preparation;
  checkOptions(path, options);
  const resumption = await openResumption(resolve(folder));
  try {
    for (const warning of resumption.warnings) log.warn(warning);
    const described = await (path === undefined
      ? fromCheckpoint(resumption, options, preparation)
      : readRun(path, options, preparation));
    return await orClosed(described.dataset, () => {
      const { run, dataset, name, baseDirectory } = described;
      if (path !== undefined) checkSameRun(resumption, run.description);
      checkSameData(resumption, dataset.description);
      const schedule = new Schedule({
        run: run.description,
        report: run.report,
        dataset: dataset.description,
        startWorkers: 1,
        minWorkers: 1,
      });
      checkStepsLeft(resumption, schedule);
      const initial = restoredParameters(resumption, run);
      const { step } = resumption.checkpoint.manifest;
      log.info({ checkpoint: resumption.checkpoint.path }, `Going on after step ${step} of ${schedule.steps}.`);
      const keep = options.keep ?? originOf(resumption)?.keep;
      return { run, dataset, name, baseDirectory, initial, directory: resumption.directory, keep, resumption };
    });
  } catch (error) {
    await resumption.lock.release();
    throw error;
  }
}

type Described = Pick<PreparedRun, "run" | "dataset" | "name" | "baseDirectory">;

async function fromCheckpoint(resumption: Resumption, options: RunOptions, preparation: Preparation): Promise<Described> {
  const origin = originOf(resumption);
  if (!origin) {
    throw new TabgradError(
      "RESUME_IMPOSSIBLE",
      `The checkpoint in ${resumption.directory} is of an older tabgrad, which did not note where its run file lay`,
      `Name the run file, too: tabgrad train RUN.ts --resume ${resumption.directory}`,
    );
  }
  const { checkpointEvery } = options;
  const duration = durationOf(options);
  const run = restoredRun(resumption, { ...(duration && { duration }), ...(checkpointEvery && { checkpointEvery }) });
  const { name, baseDirectory } = origin;
  return { run, dataset: await openData(run.description, baseDirectory, options, preparation), name, baseDirectory };
}

/** What can't be said of a run that goes on. */
function checkOptions(path: string | undefined, { out, seed, set, resume, init }: RunOptions): void {
  if (init !== undefined) {
    throw new TabgradError(
      "OPTION_INVALID",
      "--init and --resume were both given",
      "A run goes on with its own parameters: leave out --init, or begin a new run without --resume.",
    );
  }
  if (out !== undefined) {
    throw new TabgradError(
      "OPTION_INVALID",
      "--out and --resume were both given",
      `A run goes on in its own folder: leave out --out ${out}.`,
    );
  }
  if (path === undefined && (seed !== undefined || set.length > 0)) {
    throw new TabgradError(
      "OPTION_INVALID",
      "--set and --seed change a run file, and none was given",
      `A run that goes on stays as it is. Leave them out, or name the run file that they belong to: tabgrad train RUN.ts --resume ${resume}`,
    );
  }
}

type Place = Pick<ServingOptions, "host" | "port" | "tls" | "cert" | "key">;

/** Where and how workers and pages look for the run, unless somebody chose another place. */
export function placeOf(resumption: Resumption, given: ServingOptions): Place {
  const listened = originOf(resumption)?.listened;
  if (!listened) return given;
  const { host, port, byDefault, tls, cert, key } = given;
  const isTlsGiven = tls || cert !== undefined || key !== undefined;
  return {
    host: byDefault?.has("host") ? listened.host : host,
    port: byDefault?.has("port") ? listened.port : port,
    ...(isTlsGiven ? { tls, cert, key } : (listened.tlsFiles ?? (listened.tls ? { tls: true } : {}))),
  };
}
