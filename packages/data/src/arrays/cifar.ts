// The binary format of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3072 bytes of pixels, red, green, blue plane after
// plane. A. Krizhevsky: "Learning Multiple Layers of Features from Tiny Images", 2009.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TabgradError } from "@tabgrad/core";
import { ByteReader, type LocalFile, withBytes } from "../files/byte-reader.ts";
import { looksLike } from "../files/looks-like.ts";
import { blockSamples } from "../samples.ts";
import type { ArrayFile } from "./array-file.ts";
import type { ArrayPair } from "./pairs.ts";

const imageShape = [3, 32, 32];
const imageBytes = 3 * 32 * 32;

/** The classes of CIFAR-10, in the order of their indices. */
const names10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/** Which labels a file has, and which of them is learned. */
export interface CifarVariant {
  readonly classes: number;
  /** Label bytes of a record. */
  readonly labelBytes: 1 | 2;
  /** Which of them. */
  readonly labelAt: 0 | 1;
  /** The file beside the data that names the classes, where there is one. */
  readonly namesFile?: string;
}

/** CIFAR-100 has the coarse label first. */
export function cifarVariant(classes: 10 | 100, labels: "fine" | "coarse"): CifarVariant {
  if (classes === 10) return { classes: 10, labelBytes: 1, labelAt: 0 };
  if (labels === "fine") return { classes: 100, labelBytes: 2, labelAt: 1, namesFile: "fine_label_names.txt" };
  return { classes: 20, labelBytes: 2, labelAt: 0, namesFile: "coarse_label_names.txt" };
}

/** The names of the classes, as the file says that comes with the data; undefined where it is not there. */
export async function cifarNames({ classes, namesFile }: CifarVariant, beside: LocalFile): Promise<readonly string[] | undefined> {
  if (namesFile === undefined) return names10;
  const text = await readFile(join(dirname(beside.path), namesFile), "utf8").catch(() => "");
  const names = text.split("\n").filter((line) => line.trim() !== "");
  return names.length === classes ? names : undefined;
}

/** Opens a file of records. @throws TabgradError DATA_CIFAR_INVALID where it has not a whole number of them, or none. */
export function openCifar(file: LocalFile, { labelBytes, labelAt }: CifarVariant): Promise<ArrayPair> {
  return withBytes(file, async (reader) => {
    const { unpacked } = reader;
    const invalid = (message: string, remedy: string): TabgradError =>
      new TabgradError("DATA_CIFAR_INVALID", `${file.name}${unpacked ? " (unpacked)" : ""} ${message}`, remedy);
    const record = labelBytes + imageBytes;
    const begin = await reader.read(200);
    const size = reader.size ?? begin.length + (await reader.countRest());
    if (size === 0 || size % record !== 0) {
      throw invalid(
        `has ${size} bytes; expected a multiple of ${record}, the bytes of a record of CIFAR-${labelBytes === 1 ? "10" : "100"}${looksLike(begin)}`,
        "Name the files of the binary version, unpacked from its archive, and say with `classes` whether it is CIFAR-10 or CIFAR-100.",
      );
    }
    const count = size / record;
    const open = (): Promise<ByteReader> => ByteReader.open(file);
    const part = (shape: number[], offset: number, length: number): ArrayFile => ({
      name: file.name,
      shape: [count, ...shape],
      type: "byte",
      storage: "uint8",
      blocks: (from) => parts({ open, record, offset, length, count }, from),
      place: (index) =>
        `byte offset ${Math.floor(index / length) * record + offset + (index % length)}${unpacked ? " unpacked" : ""}`,
      invalid,
    });
    return { features: part(imageShape, labelBytes, imageBytes), labels: part([], labelAt, 1) };
  });
}

interface Parts {
  readonly open: () => Promise<ByteReader>;
  /** Bytes of a record, and which of them: `length` from `offset` on. */
  readonly record: number;
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** The same part of every record. */
async function* parts({ open, record, offset, length, count }: Parts, from: number): AsyncGenerator<Uint8Array> {
  const reader = await open();
  try {
    await reader.skip(from * record);
    for (let first = from; first < count;) {
      const bytes = await reader.read(Math.min(blockSamples(record), count - first) * record);
      const records = Math.floor(bytes.length / record);
      if (records === 0) return;
      const taken = new Uint8Array(records * length);
      for (let r = 0; r < records; r += 1) {
        const begin = r * record + offset;
        taken.set(bytes.subarray(begin, begin + length), r * length);
      }
      yield taken;
      first += records;
    }
  } finally {
    await reader.close();
  }
}
