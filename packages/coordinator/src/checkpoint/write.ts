// Writes a checkpoint so that a crash at any byte leaves the ones before it whole: everything goes into a folder beside, is forced to
// the disk, and only then gets its name.
import { access, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "./hash.ts";
import { manifestFile, manifestText, modelFile, optimizerFile, type Manifest } from "./manifest.ts";
import { checkpointFolder, replacedFolder, unfinishedFolder } from "./names.ts";
import { encodeSafetensors, safetensorsData, type NamedTensor } from "./safetensors.ts";

/** What a manifest says that is not known from the files. */
export type ManifestFacts = Omit<Manifest, "files" | "savedAt" | "parametersSha256">;

/** A copy of all that a checkpoint holds, taken between two steps, so that writing it needs nobody to wait. */
export interface Snapshot {
  readonly model: Uint8Array;
  readonly optimizer: Uint8Array;
  readonly manifest: ManifestFacts;
}

/**
 * Copies once, into what will be the files.
 * @param weights in the order of the flat vector
 * @param optimizer its state, named "STATE/PARAMETER"
 */
export function takeSnapshot(
  weights: readonly NamedTensor[],
  optimizer: readonly NamedTensor[],
  manifest: ManifestFacts,
): Snapshot {
  const metadata = { format: "tabgrad" };
  return { model: encodeSafetensors(weights, metadata), optimizer: encodeSafetensors(optimizer, metadata), manifest };
}

export interface WrittenCheckpoint {
  readonly path: string;
  readonly bytes: number;
  readonly manifest: Manifest;
}

/**
 * @param directory the run's folder
 * @param beforeNaming what has to be on the disk before the checkpoint counts
 */
export async function writeCheckpoint(
  directory: string,
  snapshot: Snapshot,
  beforeNaming: () => Promise<void> = () => Promise.resolve(),
): Promise<WrittenCheckpoint> {
  const { step } = snapshot.manifest;
  const path = join(directory, checkpointFolder(step));
  const unfinished = join(directory, unfinishedFolder(step));
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });

  const files: Manifest["files"] = {};
  for (const [file, bytes] of [
    [modelFile, snapshot.model],
    [optimizerFile, snapshot.optimizer],
  ] as const) {
    await writeDurably(join(unfinished, file), bytes);
    files[file] = { bytes: bytes.length, sha256: await sha256(bytes) };
  }
  const parametersSha256 = await sha256(safetensorsData(snapshot.model));
  const manifest: Manifest = { ...snapshot.manifest, parametersSha256, savedAt: new Date().toISOString(), files };
  await writeDurably(join(unfinished, manifestFile), Buffer.from(manifestText(manifest)));
  await syncFolder(unfinished);
  await beforeNaming();
  await giveName(directory, step);
  return { path, bytes: Object.values(files).reduce((total, file) => total + file.bytes, 0), manifest };
}

/** Writes another manifest to a checkpoint: at every moment one of the two is there, whole. */
export async function rewriteManifest(path: string, manifest: Manifest): Promise<void> {
  const draft = join(path, `${manifestFile}.unfinished`);
  await writeDurably(draft, Buffer.from(manifestText(manifest)));
  await rename(draft, join(path, manifestFile));
  await syncFolder(path);
}

/** A folder can't be renamed over another: the other steps aside, under a name that readers know as well. */
async function giveName(directory: string, step: number): Promise<void> {
  const path = join(directory, checkpointFolder(step));
  const aside = join(directory, replacedFolder(step));
  if (await exists(path)) {
    // What stepped aside before has a successor.
    await rm(aside, { recursive: true, force: true });
    await rename(path, aside);
  }
  await rename(join(directory, unfinishedFolder(step)), path);
  await syncFolder(directory);
  await rm(aside, { recursive: true, force: true });
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

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
