// Reading that ends before the file does: whoever stops in the middle, and whatever is wrong in it, no file stays open.
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cifar, type DataSpec, idx, npz, type Paths, text } from "@tabgrad/core";
import { beforeAll, expect, it } from "vitest";
import type { LocalFile } from "../src/files/byte-reader.ts";
import { findFiles } from "../src/files/find.ts";
import { readSource } from "../src/read.ts";
import type { Samples } from "../src/samples.ts";
import { openArrow } from "../src/table/arrow.ts";
import { openCsv } from "../src/table/csv.ts";
import { openJsonLines } from "../src/table/json-lines.ts";
import { openParquet } from "../src/table/parquet.ts";
import type { Table, TableBatch } from "../src/table/table.ts";
import { idxBytes, openFilesIn, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();
const fixtures = ["arrays.npz", "rows-zstd.parquet", "rows.arrow", "rows-lz4.arrow"];

/** A few times what is read at once, so that no file has come to its end with the first block. */
const samples = 6_000;

/** Bytes that gzip makes nothing smaller of. */
const noise = (length: number): number[] =>
  Array.from({ length }, (_, i) => (Math.imul(i ^ (i >>> 7), 2_654_435_761) >>> 13) & 255);

beforeAll(async () => {
  const images = idxBytes(0x08, [samples, 1000], noise(samples * 1000));
  const packed = gzipSync(images, { level: 1 });
  await folder.write("images", images);
  await folder.write("labels", idxBytes(0x08, [samples], noise(samples)));
  await folder.write("images.gz", packed);
  await folder.write("cut.gz", packed.subarray(0, packed.length / 2));
  await folder.write(
    "batch.bin",
    Uint8Array.from({ length: 1_000 * 3073 }, (_, i) => (i % 3073 === 0 ? 7 : i & 255)),
  );
  const rows = `a,y\n${"1234567,1\n".repeat(300_000)}`;
  const lines = '{"a":1,"y":2}\n'.repeat(100_000);
  await folder.write("rows.csv", rows);
  // Stored: packed well, it would be read at once.
  await folder.write("rows.csv.gz", gzipSync(rows, { level: 0 }));
  await folder.write("late.csv", `${rows}1,2,3\n`);
  await folder.write("rows.jsonl", lines);
  await folder.write("late.jsonl", `${lines}{"a":`);
  await folder.write("text.txt", "the quick brown fox jumps over the lazy dog; ".repeat(30_000));
  const fixture = (name: string): Promise<Buffer> => readFile(join(import.meta.dirname, "fixtures", name));
  const arrays = await fixture("arrays.npz");
  await folder.write("cut.npz", arrays.subarray(0, arrays.length / 2));
  const table = await fixture("rows-zstd.parquet");
  await folder.write("damaged.parquet", table.fill(0xff, 100, 800));
  const batches = await fixture("rows.arrow");
  await folder.write("cut.arrow", batches.subarray(0, batches.length / 2));
  for (const name of fixtures) await copyFile(join(import.meta.dirname, "fixtures", name), join(folder.path(), name));
});

const local = (name: string): LocalFile => ({ path: join(folder.path(), name), name });

async function* samplesOf(spec: DataSpec): AsyncGenerator<Samples> {
  const fetch = (address: string) => Promise.reject(new Error(`nothing is fetched here: ${address}`));
  const find = (paths: Paths) => findFiles(paths, { baseDirectory: folder.path(), fetch });
  const { train } = await readSource(spec, { baseDirectory: folder.path(), find });
  await expectClosed();
  yield* train.blocks(0);
}

/** Past the samples: what is small they keep in memory. */
async function* rowsOf(opening: Promise<Table>): AsyncGenerator<TableBatch> {
  const table = await opening;
  await expectClosed();
  yield* table.batches([0, 1]);
}

/** Streams close behind whoever ends them. */
const expectClosed = (): Promise<void> => expect.poll(() => openFilesIn(folder.path())).toEqual([]);

it.each<[file: string, (file: string) => AsyncIterable<unknown>]>([
  ["images", (images) => samplesOf(idx({ train: { images, labels: "labels" } }))],
  ["images.gz", (images) => samplesOf(idx({ train: { images, labels: "labels" } }))],
  ["batch.bin", (path) => samplesOf(cifar({ path }))],
  ["arrays.npz", (path) => samplesOf(npz({ path, train: { features: "x_train", labels: "y_train" } }))],
  ["text.txt", (path) => samplesOf(text({ path, length: 32 }))],
  ["rows.csv", (name) => rowsOf(openCsv(local(name)))],
  ["rows.csv.gz", (name) => rowsOf(openCsv(local(name)))],
  ["rows.jsonl", (name) => rowsOf(openJsonLines(local(name)))],
  ["rows-zstd.parquet", (name) => rowsOf(openParquet(local(name)))],
  ["rows.arrow", (name) => rowsOf(openArrow(local(name)))],
  ["rows-lz4.arrow", (name) => rowsOf(openArrow(local(name)))],
])("%s is open while it is read, and closed by who stops in the middle", async (file, read) => {
  let pieces = 0;
  for await (const _ of read(file)) {
    pieces += 1;
    expect(openFilesIn(folder.path())).toEqual([file]);
    break;
  }
  expect(pieces).toBe(1);
  await expectClosed();
});

const all = async (pieces: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of pieces);
};

it.each<[file: string, code: string, (file: string) => AsyncIterable<unknown>]>([
  ["cut.gz", "DATA_UNREADABLE", (images) => samplesOf(idx({ train: { images, labels: "labels" } }))],
  ["cut.npz", "DATA_NPY_INVALID", (path) => samplesOf(npz({ path, train: { features: "x_train", labels: "y_train" } }))],
  ["late.csv", "DATA_CSV_INVALID", (name) => rowsOf(openCsv(local(name)))],
  ["late.jsonl", "DATA_JSON_INVALID", (name) => rowsOf(openJsonLines(local(name)))],
  ["damaged.parquet", "DATA_PARQUET_INVALID", (name) => rowsOf(openParquet(local(name)))],
  ["cut.arrow", "DATA_ARROW_INVALID", (name) => rowsOf(openArrow(local(name)))],
])("%s is closed, which is broken further on", async (file, code, read) => {
  expect((await refusal(() => all(read(file)))).code).toBe(code);
  await expectClosed();
});
