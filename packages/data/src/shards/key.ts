// What the shards of a dataset depend on, as one name: the same files, the same options and the same seed give the same shards.
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { DataSpec } from "@tabgrad/core";
import type { LocalFile } from "../files/byte-reader.ts";

/** Changes with the format of what is kept, and with how samples are read from the same files. */
const format = 1;

/** Files whose state is asked for at a time. */
const statsAtATime = 64;

/** A file as it is now: one from the network by its content, others by size and time of change. */
async function stateOf(file: LocalFile): Promise<readonly (string | number)[]> {
  if (file.sha256 !== undefined) return [file.name, file.sha256];
  const { size, mtimeMs } = await stat(file.path);
  return [file.path, size, mtimeMs];
}

/** JSON that does not depend on the order in which options stand. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );

/** 64 hexadecimal digits. */
export async function datasetKey(spec: DataSpec, seed: number, files: readonly LocalFile[]): Promise<string> {
  const hash = createHash("sha256").update(canonical([format, spec, seed, files.length]));
  for (let begin = 0; begin < files.length; begin += statsAtATime) {
    const states = await Promise.all(files.slice(begin, begin + statsAtATime).map(stateOf));
    hash.update(JSON.stringify(states));
  }
  return hash.digest("hex");
}
