// Writes a result so that it is there whole and right, or not at all.
import { TabgradError } from "@tabgrad/core";
import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";

/** @throws TabgradError OUTPUT_UNWRITABLE */
export async function writeWhole(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const draft = `${path}.unfinished`;
  try {
    const file = await open(draft, "w");
    try {
      for (const piece of pieces) await writeAll(file, piece);
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw unwritable(path, error);
  }
}

const unwritable = (path: string, cause: unknown): TabgradError =>
  new TabgradError(
    "OUTPUT_UNWRITABLE",
    `${path} cannot be written: ${(cause as Error).message}`,
    "Make room, or choose another place.",
    { cause },
  );

export interface FileContent {
  readonly path: string;
  readonly pieces: readonly Uint8Array[];
}

/**
 * Writes files of one folder that belong together, and lets `check` look at the first before any gets its place: where it throws,
 * everything is as it was. They keep their names meanwhile, by which one may refer to another.
 * @throws TabgradError OUTPUT_UNWRITABLE, and what `check` throws
 */
export async function writeChecked<T>(files: readonly FileContent[], check: (path: string) => Promise<T>): Promise<T> {
  const [{ path }] = files;
  const folder = `${path}.unfinished`;
  const draft = (file: FileContent): string => join(folder, basename(file.path));
  try {
    // One that an interrupted export left behind is nobody's.
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder).catch((error: unknown) => {
      throw unwritable(path, error);
    });
    for (const file of files) await writeWhole(draft(file), file.pieces);
    const result = await check(draft(files[0]));
    for (const file of files.toReversed()) {
      await rename(draft(file), file.path).catch((error: unknown) => {
        throw unwritable(file.path, error);
      });
    }
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One call writes at most so much. */
const most = 2 ** 30;

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, Math.min(most, bytes.length - written))).bytesWritten;
  }
}
