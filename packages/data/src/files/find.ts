// From what a run file says of its files to files on this machine: lists, patterns, and addresses that are fetched first.
import { resolve } from "node:path";
import { type Paths, TabgradError } from "@tabgrad/core";
import { glob, isDynamicPattern } from "tinyglobby";
import type { LocalFile } from "./byte-reader.ts";
import { fileExists, npmPrefix, resolveDataPath, resolveNpmPath } from "./path.ts";

/** Brings a file from an http or https address to this machine. */
export type Fetch = (address: string) => Promise<LocalFile>;

/** The files that paths name, as `findFiles` finds them. */
export type Find = (paths: Paths) => Promise<LocalFile[]>;

export interface FindOptions {
  /** What relative paths are relative to. */
  readonly baseDirectory: string;
  readonly fetch: Fetch;
}

/** The list that `paths` is. */
export const listOf = (paths: Paths): readonly string[] => (typeof paths === "string" ? [paths] : paths);

/**
 * The files that `paths` names, in order; those of a pattern sorted by name.
 * @throws TabgradError DATA_NOT_FOUND where a path leads to no file, or a pattern to none; DATA_UNREADABLE; DATA_FETCH_FAILED.
 */
export async function findFiles(paths: Paths, options: FindOptions): Promise<LocalFile[]> {
  const found: LocalFile[] = [];
  for (const each of listOf(paths)) found.push(...(await findEach(each, options)));
  return found;
}

async function findEach(path: string, { baseDirectory, fetch }: FindOptions): Promise<LocalFile[]> {
  if (/^https?:\/\//i.test(path)) return [await fetch(path)];
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path) ?? [];
  if (scheme !== undefined) {
    const message = `${path}: addresses of ${scheme} are not read; expected http or https`;
    throw new TabgradError(
      "DATA_FETCH_FAILED",
      message,
      "Give an address of http or https, or fetch the file by hand and name its path.",
    );
  }
  const isPattern = isDynamicPattern(path.replaceAll("\\", "/"));
  // A file may be called like a pattern: "scan [1].csv".
  if (!isPattern || (await fileExists(resolve(baseDirectory, path)))) {
    const file = await resolveDataPath(path, baseDirectory);
    return [{ path: file, name: file }];
  }
  const files = await matching(path, baseDirectory);
  if (files.length > 0) return files.map((file) => ({ path: file, name: file }));
  throw new TabgradError(
    "DATA_NOT_FOUND",
    `"${path}" matches no file in ${resolve(baseDirectory)}`,
    "Check the pattern: * stands for any name, ** for any folders, {a,b} for one of several; it is relative to the run file.",
  );
}

/** Sorted by code units, so that the order is the same on every machine. */
async function matching(pattern: string, baseDirectory: string): Promise<string[]> {
  const inPackage = pattern.startsWith(npmPrefix) ? /^(npm:(?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(pattern) : undefined;
  const cwd = inPackage ? resolve(await resolveNpmPath(`${inPackage[1]}/.`, baseDirectory)) : resolve(baseDirectory);
  const relative = (inPackage ? inPackage[2] : pattern).replaceAll("\\", "/");
  const found = await glob(relative, { cwd, absolute: true, onlyFiles: true, expandDirectories: false });
  return found.map((file) => resolve(file)).sort((a, b) => (a < b ? -1 : 1));
}
