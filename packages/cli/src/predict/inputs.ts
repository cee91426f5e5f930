// The samples in what the command line names: files, pipes and stdin, one after another.
import { formatShape, TabgradError } from "@tabgrad/core";
import { readInputs, resolveDataPath, type InputBlock, type LocalFile } from "@tabgrad/data";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TrainedModel } from "../trained-model.ts";

export interface InputsOptions {
  readonly stdin: Readable;
  /** Hears how many bytes of an input were read, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly onNote?: (note: string) => void;
}

/** @throws TabgradError DATA_… where an input is not there, can't be read, or is not what the model takes */
export async function* inputBlocks(
  { features, description: { data } }: TrainedModel,
  inputs: readonly string[],
  { stdin, onProgress, onNote }: InputsOptions,
): AsyncGenerator<InputBlock> {
  const read = async function* (path: string, name: string): AsyncGenerator<InputBlock> {
    const { size } = await stat(path);
    let done = 0;
    // The beginning of a table is read twice.
    const onBytes = (count: number): void => onProgress?.((done = Math.min(size, done + count)), size);
    yield* readInputs({ path, name, onBytes } satisfies LocalFile, { features, data, onNote });
  };
  const takes = `The model takes ${formatShape(features.shape)} for each sample: name images, tables or arrays of that, or - for stdin.`;
  for (const input of inputs) {
    if (input === "-") yield* spooled(stdin, (path) => read(path, "stdin"));
    else if (await isPipe(input)) yield* spooled(createReadStream(input), (path) => read(path, input));
    else yield* read(await found(input, takes), input);
  }
}

const isPipe = async (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isFIFO() || entry.isCharacterDevice(),
    () => false,
  );

async function found(input: string, takes: string): Promise<string> {
  try {
    return await resolveDataPath(input, process.cwd());
  } catch (error) {
    if (!(error instanceof TabgradError)) throw error;
    throw new TabgradError(error.code, error.message, `${error.remedy} ${takes}`, { cause: error });
  }
}

/** Kept in a file meanwhile: a table is read twice, and may be larger than memory. */
async function* spooled(from: Readable, read: (path: string) => AsyncGenerator<InputBlock>): AsyncGenerator<InputBlock> {
  const folder = await mkdtemp(join(tmpdir(), "tabgrad-predict-"));
  try {
    const path = join(folder, "input");
    await pipeline(from, createWriteStream(path));
    yield* read(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
