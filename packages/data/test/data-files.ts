// What the tests of datasets share: a folder of their own, files of every kind in it, and what an action is refused with.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { TabgradError } from "@tabgrad/core";
import { afterAll, beforeAll } from "vitest";

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
