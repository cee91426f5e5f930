// Looks at every byte of a checkpoint's files, and says of each file whether it is what the manifest says.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { AnyManifest } from "./manifest.ts";

export interface FileCheck {
  readonly name: string;
  /** What the manifest says. */
  readonly bytes: number;
  readonly sha256: string;
  /** What is wrong with it; absent where it is whole. */
  readonly problem?: string;
}

/** One entry for each file that the manifest names. */
export function verifyFiles(folder: string, { files }: AnyManifest): Promise<FileCheck[]> {
  return Promise.all(
    Object.entries(files).map(async ([name, { bytes, sha256 }]): Promise<FileCheck> => {
      const problem = await problemWith(join(folder, name), bytes, sha256).catch((error: Error) => error.message);
      return { name, bytes, sha256, ...(problem !== undefined && { problem }) };
    }),
  );
}

async function problemWith(path: string, bytes: number, sha256: string): Promise<string | undefined> {
  const { size } = await stat(path);
  if (size !== bytes) return `it has ${size} bytes, the manifest says ${bytes}`;
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  const found = hash.digest("hex");
  return found === sha256 ? undefined : `its SHA-256 is ${found}, the manifest says ${sha256}`;
}
