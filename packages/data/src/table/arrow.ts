// Arrow files (Feather version 2) and Arrow streams kept in files, read by apache-arrow: a record batch at a time.
import { TabgradError } from "@tabgrad/core";
import { CompressionType, compressionRegistry, RecordBatchReader, type RecordBatch, Vector } from "apache-arrow";
import { decompressZstd } from "hyparquet-compressors";
import { ByteReader, type LocalFile, withBytes } from "../files/byte-reader.ts";
import { looksLike } from "../files/looks-like.ts";
import { ListedCells } from "./cells.ts";
import { decompressLz4Frame } from "./lz4.ts";
import type { Table, TableBatch } from "./table.ts";

const code = "DATA_ARROW_INVALID";

/** apache-arrow asks this register for what it can't unpack by itself. */
function registerCodecs(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: decompressLz4Frame });
  compressionRegistry.set(CompressionType.ZSTD, { decode: (bytes) => aligned(decompressZstd(bytes)) });
}

/** Arrays of doubles are views of these bytes, and begin at a multiple of eight. */
const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 8 === 0 ? bytes : bytes.slice());

function damaged({ name }: LocalFile, cause: unknown): TabgradError {
  // A TypeError speaks of the library's own variables.
  const reason = cause instanceof Error && !(cause instanceof TypeError) ? `: ${cause.message}` : "";
  return new TabgradError(
    code,
    `${name}: the file begins as Arrow, and cannot be read to its end${reason}`,
    "It is truncated or damaged, or holds types that are not read here: write or fetch it again.",
    { cause },
  );
}

/** @throws TabgradError where a file begins neither as an Arrow file nor, with a continuation marker, as a stream */
async function checkBegin(file: LocalFile): Promise<void> {
  const begin = await withBytes(file, (reader) => reader.read(200));
  if (/^(ARROW1|\xff\xff\xff\xff)/.test(String.fromCharCode(...begin))) return;
  const came =
    begin.length === 0 ? "the file is empty" : `the file begins neither as an Arrow file nor as a stream${looksLike(begin)}`;
  throw new TabgradError(
    code,
    `${file.name}: ${came}`,
    "Name a file that PyArrow, pandas or Polars wrote as Arrow or Feather (version 2).",
  );
}

/** A vector of numbers is one typed array; lists become arrays, so that nobody else need know vectors. */
function cellsOf(vector: Vector): ArrayLike<unknown> {
  const cells: ArrayLike<unknown> = vector.nullCount > 0 ? [...vector] : (vector.toArray() as ArrayLike<unknown>);
  // An array of numbers has one element for each row; of some types (dates, decimals) it has not, and these are asked one by one.
  const each = cells.length === vector.length ? cells : [...vector];
  return each[0] instanceof Vector ? Array.from(each, unwrapped) : each;
}

const unwrapped = (cell: unknown): unknown => (cell instanceof Vector ? Array.from(cell as Iterable<unknown>, unwrapped) : cell);

async function* recordBatches(file: LocalFile): AsyncGenerator<RecordBatch> {
  const bytes = await ByteReader.open(file);
  try {
    const reader = await RecordBatchReader.from(bytes.chunks());
    await reader.open();
    yield* reader;
  } finally {
    await bytes.close();
  }
}

/**
 * Opens an Arrow file or stream, compressed with LZ4 or ZSTD or not at all.
 * @throws TabgradError DATA_ARROW_INVALID, here or while rows are read, where it is damaged or has no rows.
 */
export async function openArrow(file: LocalFile): Promise<Table> {
  registerCodecs();
  const { name } = file;
  await checkBegin(file);
  let names: readonly string[] | undefined;
  try {
    for await (const { schema } of recordBatches(file)) {
      names = schema.fields.map((field) => String(field.name));
      break;
    }
  } catch (error) {
    throw damaged(file, error);
  }
  if (!names) throw new TabgradError(code, `${name}: there are no rows`, "Write the file again, with rows.");
  return {
    name,
    code,
    names,
    async *batches(columns) {
      let first = 0;
      try {
        for await (const batch of recordBatches(file)) {
          const begin = first;
          first += batch.numRows;
          yield {
            rows: batch.numRows,
            columns: names.map((_, c) => new ListedCells(columns.includes(c) ? cellsOf(batch.getChildAt(c)!) : [])),
            place: (row) => `${name}, row ${begin + row}`,
          } satisfies TableBatch;
        }
      } catch (error) {
        throw error instanceof TabgradError ? error : damaged(file, error);
      }
    },
  };
}
