// Writes a checkpoint so that a crash at any byte leaves the ones before it whole: everything goes into a folder beside, is forced to
// the disk, and only then gets its name.
import { createHash } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkpointFolder, checkpointPattern, manifestFile, modelFile, optimizerFile, type Manifest } from "./manifest.ts";
import { encodeSafetensors, type NamedTensor } from "./safetensors.ts";

/** A copy of all that a checkpoint holds, taken between two steps, so that writing it needs nobody to wait. */
export interface Snapshot {
  readonly weights: readonly NamedTensor[];
  /** Optimizer state, named "STATE/PARAMETER". */
  readonly optimizer: readonly NamedTensor[];
  readonly manifest: Omit<Manifest, "files" | "savedAt">;
}

export interface WrittenCheckpoint {
  readonly path: string;
  readonly bytes: number;
}

/**
 * @param directory the run's folder
 * @param keep how many checkpoints to leave in it, this one included
 */
export async function writeCheckpoint(directory: string, snapshot: Snapshot, keep: number): Promise<WrittenCheckpoint> {
  const name = checkpointFolder(snapshot.manifest.step);
  const path = join(directory, name);
  const unfinished = join(directory, `.${name}.unfinished`);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });

  const files: Manifest["files"] = {};
  for (const [file, tensors] of [
    [modelFile, snapshot.weights],
    [optimizerFile, snapshot.optimizer],
  ] as const) {
    const bytes = encodeSafetensors(tensors, { format: "tabgrad" });
    await writeDurably(join(unfinished, file), bytes);
    files[file] = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  }
  const manifest: Manifest = { ...snapshot.manifest, savedAt: new Date().toISOString(), files };
  await writeDurably(join(unfinished, manifestFile), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  await syncFolder(unfinished);
  await rm(path, { recursive: true, force: true });
  await rename(unfinished, path);
  await syncFolder(directory);
  await removeOldest(directory, keep);
  return { path, bytes: Object.values(files).reduce((total, file) => total + file.bytes, 0) };
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A rename lasts only once the folder itself is on the disk. Windows cannot open folders, and does not need it. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function removeOldest(directory: string, keep: number): Promise<void> {
  const names = (await readdir(directory)).filter((name) => checkpointPattern.test(name)).sort();
  for (const name of names.slice(0, Math.max(0, names.length - keep)))
    await rm(join(directory, name), { recursive: true, force: true });
}
