// What the tests of datasets share: a folder of their own, files of every kind in it, and what an action is refused with.
import { fstatSync, readdirSync, statSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type DataSpec, type FieldValues, type Paths, TabgradError } from "@tabgrad/core";
import { afterAll, beforeAll } from "vitest";
import { findFiles } from "../src/files/find.ts";
import { readSource } from "../src/read.ts";
import type { DataSource, Samples, SampleStream } from "../src/samples.ts";

/** A folder that is there from before the first test of the file until after the last one. */
export function testFolder(): { path(): string; write(name: string, content: string | Uint8Array): Promise<string> } {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tabgrad-data-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    path: () => folder,
    async write(name, content) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return path;
    },
  };
}

/** The files in `folder`, at any depth, that this process has open. */
export function openFilesIn(folder: string): string[] {
  const open = new Set<string>();
  for (let descriptor = 0; descriptor < 1024; descriptor += 1) {
    try {
      const { dev, ino } = fstatSync(descriptor);
      open.add(`${dev} ${ino}`);
    } catch {
      // There is no such descriptor.
    }
  }
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.filter((name) => {
    const { dev, ino } = statSync(join(folder, name));
    return open.has(`${dev} ${ino}`);
  });
}

const writers: Record<number, [bytes: number, write: (view: DataView, offset: number, value: number) => void]> = {
  0x08: [1, (view, offset, value) => view.setUint8(offset, value)],
  0x09: [1, (view, offset, value) => view.setInt8(offset, value)],
  0x0b: [2, (view, offset, value) => view.setInt16(offset, value)],
  0x0c: [4, (view, offset, value) => view.setInt32(offset, value)],
  0x0d: [4, (view, offset, value) => view.setFloat32(offset, value)],
  0x0e: [8, (view, offset, value) => view.setFloat64(offset, value)],
};

/** The bytes of an IDX file. */
export function idxBytes(type: number, shape: readonly number[], values: readonly number[]): Uint8Array {
  const [size, write] = writers[type];
  const header = 4 + 4 * shape.length;
  const view = new DataView(new ArrayBuffer(header + values.length * size));
  view.setUint8(2, type);
  view.setUint8(3, shape.length);
  shape.forEach((length, d) => view.setUint32(4 + 4 * d, length));
  values.forEach((value, i) => write(view, header + i * size, value));
  return new Uint8Array(view.buffer);
}

/** What an action is refused with: code, message and remedy. Fails where it is not refused, or by anything but a TabgradError. */
export async function refusal(action: () => unknown): Promise<{ code: string; message: string; remedy: string }> {
  try {
    await action();
  } catch (error) {
    if (error instanceof TabgradError) return { code: error.code, message: error.message, remedy: error.remedy };
    throw error;
  }
  throw new Error("nothing was refused");
}

/** All samples of a stream from number `from` on, in one piece. */
export async function collect(stream: SampleStream, from = 0): Promise<Samples> {
  const blocks: Samples[] = [];
  for await (const block of stream.blocks(from)) blocks.push(block);
  const count = blocks.reduce((sum, block) => sum + block.count, 0);
  const join = (parts: readonly FieldValues[]): FieldValues => {
    const joined = parts[0].slice(0, 0);
    const all = new (joined.constructor as Uint8ArrayConstructor)(parts.reduce((sum, { length }) => sum + length, 0));
    let end = 0;
    for (const part of parts) {
      all.set(part, end);
      end += part.length;
    }
    return all;
  };
  return { count, columns: (blocks[0]?.columns ?? []).map((_, f) => join(blocks.map(({ columns }) => columns[f]))) };
}

/** A source whose samples were all read once, so that what is wrong with them has shown. */
export interface ReadSource extends Omit<DataSource, "train" | "test"> {
  readonly train: Samples;
  readonly test: Samples | { readonly fraction: number };
}

/** Reads everything that `spec` names, with paths relative to `folder`. */
export async function readAll(spec: DataSpec, folder: string): Promise<ReadSource> {
  const fetch = (address: string) => Promise.reject(new Error(`nothing is fetched here: ${address}`));
  const find = (paths: Paths) => findFiles(paths, { baseDirectory: folder, fetch });
  const source = await readSource(spec, { baseDirectory: folder, find });
  const train = await collect(source.train);
  if (train.count !== source.train.count) throw new Error(`${train.count} samples came, ${source.train.count} were announced`);
  return { ...source, train, test: "fraction" in source.test ? source.test : await collect(source.test) };
}
