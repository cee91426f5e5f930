// Reads weights back: from a checkpoint's folder, a run's folder (its newest checkpoint), or any .safetensors file.
import { TabgradError } from "@tabgrad/core";
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { checkpointPattern, manifestFile, manifestSchema, modelFile, optimizerFile, type Manifest } from "./manifest.ts";
import { decodeSafetensors, type NamedTensor } from "./safetensors.ts";

export interface LoadedCheckpoint {
  readonly path: string;
  readonly manifest: Manifest;
  readonly weights: readonly NamedTensor[];
  readonly optimizer: readonly NamedTensor[];
}

/**
 * The newest complete checkpoint in a run's folder, or the path itself if it is a checkpoint.
 * @throws TabgradError CHECKPOINT_INVALID if there is none
 */
export async function findCheckpoint(path: string): Promise<string> {
  const names = await readdir(path).catch((): string[] => []);
  if (names.includes(manifestFile)) return path;
  const newest = names
    .filter((name) => checkpointPattern.test(name))
    .sort()
    .at(-1);
  if (newest) return join(path, newest);
  throw new TabgradError(
    "CHECKPOINT_INVALID",
    `${path} holds no checkpoint: expected ${manifestFile} in it, or folders called step-…`,
    "Name the folder that a run printed as its checkpoint.",
  );
}

/** @throws TabgradError CHECKPOINT_INVALID if a file is missing or damaged */
export async function readCheckpoint(path: string): Promise<LoadedCheckpoint> {
  const folder = await findCheckpoint(path);
  const manifest = await readManifest(join(folder, manifestFile));
  const read = async (name: string): Promise<NamedTensor[]> => {
    const file = join(folder, name);
    const bytes = await readFile(file).catch((error: Error) => damaged(file, error.message));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (sha256 !== manifest.files[name]?.sha256)
      damaged(file, `its SHA-256 is ${sha256}, the manifest says ${manifest.files[name]?.sha256}`);
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
  return found.isDirectory() ? (await readCheckpoint(path)).weights : decodeSafetensors(await readFile(path), path);
}

async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, "utf8").catch((error: Error) => damaged(path, error.message));
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    return damaged(path, error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message);
  }
}

function damaged(path: string, what: string): never {
  throw new TabgradError(
    "CHECKPOINT_INVALID",
    `${path} is damaged: ${what}`,
    "Use another checkpoint of the run; each stands in a folder of its own.",
  );
}
