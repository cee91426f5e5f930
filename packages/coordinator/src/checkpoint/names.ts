// How checkpoints are called in a run's folder, and which of them are there.
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** The folder of a checkpoint within a run's folder. */
export const checkpointFolder = (step: number): string => `step-${String(step).padStart(8, "0")}`;
/** While it is written. */
export const unfinishedFolder = (step: number): string => `.${checkpointFolder(step)}.unfinished`;
/** What it is called while another takes its name. */
export const replacedFolder = (step: number): string => `.${checkpointFolder(step)}.replaced`;
/** What was found to be damaged is kept for people to look at, and never read again. */
export const damagedFolder = (step: number): string => `.${checkpointFolder(step)}.damaged`;

const finished = /^step-(\d{8,})$/;
const replaced = /^\.step-(\d{8,})\.replaced$/;
const leftover = /^\.step-\d{8,}\.unfinished$/;

export interface StoredCheckpoint {
  readonly step: number;
  readonly path: string;
}

export interface FolderContent {
  /** The newest first. One that was just being replaced counts as long as its successor has not taken its place. */
  readonly checkpoints: readonly StoredCheckpoint[];
  /** What a crash left that is of no use. */
  readonly leftovers: readonly string[];
}

export async function folderContent(directory: string): Promise<FolderContent> {
  const names = await readdir(directory).catch((): string[] => []);
  const found = new Map<number, string>();
  for (const name of names) {
    const match = finished.exec(name);
    if (match) found.set(Number(match[1]), name);
  }
  const leftovers = names.filter((name) => leftover.test(name));
  for (const name of names) {
    const match = replaced.exec(name);
    if (!match) continue;
    if (found.has(Number(match[1]))) leftovers.push(name);
    else found.set(Number(match[1]), name);
  }
  const checkpoints = [...found].sort(([a], [b]) => b - a).map(([step, name]) => ({ step, path: join(directory, name) }));
  return { checkpoints, leftovers: leftovers.map((name) => join(directory, name)) };
}
