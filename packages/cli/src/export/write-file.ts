// Writes a result so that it is there whole, or not at all.
import { TabgradError } from "@tabgrad/core";
import { open, rename, rm, type FileHandle } from "node:fs/promises";

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
    throw new TabgradError(
      "OUTPUT_UNWRITABLE",
      `${path} cannot be written: ${(error as Error).message}`,
      "Make room, or choose another place.",
      { cause: error },
    );
  }
}

/** One call writes at most so much. */
const most = 2 ** 30;

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, Math.min(most, bytes.length - written))).bytesWritten;
  }
}
