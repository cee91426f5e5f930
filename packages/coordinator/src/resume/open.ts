// What a coordinator that is gone has left in its folder, and from where a run can go on: the newest checkpoint that is sound, and the
// journal up to where it was cut off. Whatever a crash left unfinished is cleared away.
import { follow, initialView, TabgradError, type RunView } from "@tabgrad/core";
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  checkpointFolder,
  damagedFolder,
  folderContent,
  readCheckpoint,
  readManifest,
  type LoadedCheckpoint,
  type StoredCheckpoint,
  type StoredManifest,
} from "../checkpoint/index.ts";
import { FolderLock, makeWritable, unwritable } from "../folder/index.ts";
import { followJournal, journalFile } from "../telemetry/journal.ts";
import { LearningRateChanges } from "./learning-rates.ts";

export interface Resumption {
  readonly directory: string;
  /** Ours until `release`, or until the coordinator that goes on with it is done. */
  readonly lock: FolderLock;
  readonly checkpoint: LoadedCheckpoint;
  /** This checkpoint and the older ones. */
  readonly stored: readonly StoredManifest[];
  readonly journal: JournalSummary;
  /** What somebody should know who resumes it. */
  readonly warnings: readonly string[];
}

export interface JournalSummary {
  /** Of its whole records. */
  readonly bytes: number;
  /** The run as it was seen last. */
  readonly view: RunView;
  /** Workers are numbered; those of one run never alike. */
  readonly workers: number;
  readonly learningRates: LearningRateChanges;
}

/** @throws TabgradError RESUME_IMPOSSIBLE, CHECKPOINT_INVALID, OUTPUT_IN_USE, OUTPUT_UNWRITABLE */
export async function openResumption(directory: string): Promise<Resumption> {
  const content = await folderContent(directory);
  if (content.checkpoints.length === 0) throw nothingThere(directory, await isFolder(directory));
  const lock = await FolderLock.take(directory).catch((error: unknown) => {
    throw unwritable(directory, error, makeWritable);
  });
  try {
    const warnings: string[] = [];
    const checkpoint = await soundCheckpoint(directory, warnings);
    const { runId, step } = checkpoint.manifest;
    const journal = await summariseJournal(directory, warnings);
    const { view } = journal;
    if (view.start && view.start.runId !== runId) warnings.push(`The journal in ${directory} is of another run.`);
    else if (view.step < step)
      warnings.push(
        `The journal ends at step ${view.step}, the checkpoint is of step ${step}: tabgrad audit will miss what is between.`,
      );
    return { directory, lock, checkpoint, stored: await storedManifests(directory), journal, warnings };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Reads checkpoints from the newest on until one is whole; sets the others aside, and clears what was never finished. */
async function soundCheckpoint(directory: string, warnings: string[]): Promise<LoadedCheckpoint> {
  const { checkpoints, leftovers } = await folderContent(directory);
  for (const path of leftovers) await rm(path, { recursive: true, force: true });
  for (const { step, path } of await named(directory, checkpoints)) {
    try {
      return await readCheckpoint(path);
    } catch (error) {
      if (!(error instanceof TabgradError)) throw error;
      warnings.push(`The checkpoint of step ${step} can't be used, the one before it is taken. ${error.message}`);
      const aside = join(directory, damagedFolder(step));
      await rm(aside, { recursive: true, force: true });
      await rename(path, aside);
    }
  }
  throw new TabgradError(
    "CHECKPOINT_INVALID",
    `No checkpoint in ${directory} is whole. ${warnings.at(-1) ?? ""}`,
    "Begin a new run; its run file may take what is left of this one with `initialise`.",
  );
}

/** Those that were just being replaced get their names back. */
const named = (directory: string, checkpoints: readonly StoredCheckpoint[]): Promise<StoredCheckpoint[]> =>
  Promise.all(
    checkpoints.map(async ({ step, path }) => {
      const name = join(directory, checkpointFolder(step));
      if (path !== name) await rename(path, name);
      return { step, path: name };
    }),
  );

/** Of older checkpoints only what they say of themselves is of interest: how good they are. */
async function storedManifests(directory: string): Promise<StoredManifest[]> {
  const { checkpoints } = await folderContent(directory);
  const read = checkpoints.map(({ path }) =>
    readManifest(path).then(
      (manifest) => [{ path, manifest }],
      () => [],
    ),
  );
  return (await Promise.all(read)).flat();
}

async function summariseJournal(directory: string, warnings: string[]): Promise<JournalSummary> {
  let view = initialView();
  let workers = 0;
  const learningRates = new LearningRateChanges();
  const path = join(directory, journalFile);
  const { bytes, torn } = await followJournal(path, ({ time, event }) => {
    view = follow(view, time, event);
    learningRates.follow(event);
    if (event.event === "worker") workers = Math.max(workers, Number(event.id.slice(1)) || 0);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return { bytes: 0, torn: false };
  });
  if (bytes === 0) warnings.push(`There is no journal in ${directory}: what came before is not known.`);
  else if (torn) warnings.push("The last record of the journal was cut off, and is removed.");
  return { bytes, view, workers, learningRates };
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

function nothingThere(directory: string, exists: boolean): TabgradError {
  return new TabgradError(
    "RESUME_IMPOSSIBLE",
    exists ? `There is no checkpoint to resume in ${directory}` : `There is no folder ${directory} to resume`,
    "Name the folder that the run wrote to: the one given with --out, or one in runs/.",
  );
}
