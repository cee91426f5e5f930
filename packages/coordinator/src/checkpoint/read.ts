// Reads weights back: from a checkpoint's folder, a run's folder (its newest complete checkpoint), or any .safetensors file.
import { TabgradError } from "@tabgrad/core";
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { manifestFile, manifestSchema, modelFile, optimizerFile, type AnyManifest } from "./manifest.ts";
import { folderContent } from "./names.ts";
import { readSafetensors } from "./read-safetensors.ts";
import { decodeSafetensors, type NamedTensor } from "./safetensors.ts";

export interface LoadedCheckpoint {
  readonly path: string;
  readonly manifest: AnyManifest;
  readonly weights: readonly NamedTensor[];
  readonly optimizer: readonly NamedTensor[];
}

/**
 * The newest complete checkpoint in a run's folder, or the path itself if it is a checkpoint.
 * @throws TabgradError CHECKPOINT_INVALID if there is none
 */
export async function findCheckpoint(path: string): Promise<string> {
  if (await isFile(join(path, manifestFile))) return path;
  const { checkpoints } = await folderContent(path);
  for (const checkpoint of checkpoints) if (await isComplete(checkpoint.path)) return checkpoint.path;
  throw new TabgradError(
    "CHECKPOINT_INVALID",
    `${path} holds no checkpoint: expected ${manifestFile} in it, or folders called step-…`,
    "Name the folder that a run printed as its checkpoint. A run that is young has none yet: --checkpoint-every says how often it saves.",
  );
}

/** Whether its manifest is there, and every file as long as that says. */
async function isComplete(folder: string): Promise<boolean> {
  const manifest = await readManifest(folder).catch(() => undefined);
  if (!manifest) return false;
  const found = await Promise.all(
    Object.entries(manifest.files).map(async ([name, { bytes }]) => (await sizeOf(join(folder, name))) === bytes),
  );
  return found.every(Boolean);
}

/** Every byte of it is compared with what the manifest says. @throws TabgradError CHECKPOINT_INVALID if a file is missing or damaged */
export async function readCheckpoint(path: string): Promise<LoadedCheckpoint> {
  const folder = await findCheckpoint(path);
  const manifest = await readManifest(folder);
  const read = async (name: string): Promise<NamedTensor[]> => {
    const file = join(folder, name);
    const bytes = await readFile(file).catch((error: Error) => damaged(file, error.message));
    const stated = manifest.files[name];
    if (bytes.length !== stated?.bytes) damaged(file, `it has ${bytes.length} bytes, the manifest says ${stated?.bytes ?? 0}`);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (sha256 !== stated?.sha256) damaged(file, `its SHA-256 is ${sha256}, the manifest says ${stated?.sha256}`);
    return decodeSafetensors(bytes, file);
  };
  return { path: folder, manifest, weights: await read(modelFile), optimizer: await read(optimizerFile) };
}

/** The weights at a path: a checkpoint, a run's folder or a .safetensors file. @throws TabgradError */
export async function readWeights(path: string): Promise<readonly NamedTensor[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found)
    throw new TabgradError(
      "DATA_NOT_FOUND",
      `There is no checkpoint at ${path}`,
      "Name a checkpoint's folder, a run's folder or a .safetensors file.",
    );
  return found.isDirectory() ? (await readCheckpoint(path)).weights : (await readSafetensors(path)).weights;
}

/** SHA-256 of the flat vector that weights make, in their order: what a manifest calls `parametersSha256`. */
export function weightsSha256(weights: readonly NamedTensor[]): string {
  const hash = createHash("sha256");
  for (const { data } of weights) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest("hex");
}

/** @throws TabgradError CHECKPOINT_INVALID */
export async function readManifest(folder: string): Promise<AnyManifest> {
  const path = join(folder, manifestFile);
  const text = await readFile(path, "utf8").catch((error: Error) => damaged(path, error.message));
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    return damaged(path, error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message);
  }
}

const sizeOf = async (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
const isFile = async (path: string): Promise<boolean> => (await sizeOf(path)) !== undefined;

function damaged(path: string, what: string): never {
  throw new TabgradError(
    "CHECKPOINT_INVALID",
    `${path} is damaged: ${what}`,
    "Use another checkpoint of the run; each stands in a folder of its own.",
  );
}
