// Writing into the cache so that nothing is ever half there: beside, forced to the disk, renamed.
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { TabgradError } from "@tabgrad/core";
import { makeFolders } from "../files/make-folders.ts";

/** A folder or file of the cache that can't be written. */
export function cacheUnusable(path: string, cause: unknown): TabgradError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new TabgradError(
    "DATA_CACHE_UNUSABLE",
    `${path} cannot be written: ${isFull ? "the disk is full" : message}`,
    isFull
      ? "Make room, or name a folder on another disk with --cache. What was read so far is kept: a second start goes on from there."
      : "Check the permissions of the folder, or name another one with --cache.",
    { cause },
  );
}

/** @throws TabgradError DATA_CACHE_UNUSABLE */
export async function makeFolder(path: string): Promise<void> {
  await makeFolders(path).catch((error: unknown) => {
    throw cacheUnusable(path, error);
  });
}

/** @throws TabgradError DATA_CACHE_UNUSABLE */
export async function writeJson(path: string, value: unknown): Promise<void> {
  try {
    await makeFolders(dirname(path));
    const handle = await open(`${path}.new`, "w");
    try {
      await handle.writeFile(JSON.stringify(value));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.new`, path);
  } catch (error) {
    throw cacheUnusable(path, error);
  }
}

/** What `writeJson` wrote; undefined where there is nothing, or nothing whole. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as unknown;
  } catch {
    return undefined;
  }
}
