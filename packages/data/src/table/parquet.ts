// Parquet files, read by hyparquet: column by column, a stretch of rows at a time.
import { type FileHandle, open } from "node:fs/promises";
import { TabgradError } from "@tabgrad/core";
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetScan, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { LocalFile } from "../files/byte-reader.ts";
import { looksLike } from "../files/looks-like.ts";
import { unreadable } from "../files/path.ts";
import { ListedCells } from "./cells.ts";
import type { Cells, Table, TableBatch } from "./table.ts";

const code = "DATA_PARQUET_INVALID";

function damaged({ name }: LocalFile, what: string, cause: unknown, like = ""): TabgradError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TabgradError(
    code,
    `${name}: ${what}: ${reason}${like}`,
    "Check that the path names a Parquet file; if so it is damaged, or written in a way that is not read here: write it again.",
    { cause },
  );
}

async function openBuffer(file: LocalFile): Promise<{ handle: FileHandle; buffer: AsyncBuffer }> {
  const handle = await open(file.path).catch((error: unknown) => {
    throw unreadable(file.name, error);
  });
  const { size } = await handle.stat().catch(async (error: unknown) => {
    await handle.close();
    throw unreadable(file.name, error);
  });
  const slice = async (start: number, end = size): Promise<ArrayBuffer> => {
    const bytes = new Uint8Array(Math.max(0, end - start));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    file.onBytes?.(bytesRead);
    return bytesRead === bytes.length ? bytes.buffer : bytes.buffer.slice(0, bytesRead);
  };
  return { handle, buffer: { byteLength: size, slice } };
}

/**
 * Opens a Parquet file, compressed in any of the usual ways.
 * @throws TabgradError DATA_PARQUET_INVALID, here or while rows are read, where it is damaged or has no rows.
 */
export async function openParquet(file: LocalFile): Promise<Table> {
  const { handle, buffer } = await openBuffer(file);
  try {
    const metadata = await readMetadata(file, buffer);
    const names = parquetSchema(metadata).children.map(({ element }) => element.name);
    if (metadata.num_rows === 0n) throw new TabgradError(code, `${file.name}: there are no rows`, "Write the file again.");
    return { name: file.name, code, names, batches: (columns) => readRows(file, metadata, names, columns) };
  } finally {
    await handle.close();
  }
}

async function readMetadata(file: LocalFile, buffer: AsyncBuffer): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(buffer);
  } catch (error) {
    const begin = new Uint8Array(await buffer.slice(0, Math.min(200, buffer.byteLength)));
    const like = looksLike(begin);
    const hint = like.includes("Parquet")
      ? "; its beginning is there, its end is not"
      : like.includes("gzip")
        ? `${like}: unpack it`
        : like;
    throw damaged(file, "the file cannot be read as Parquet", error, hint);
  }
}

/** A row group at a time. */
async function* readRows(
  file: LocalFile,
  metadata: FileMetaData,
  names: readonly string[],
  positions: readonly number[],
): AsyncGenerator<TableBatch> {
  const { handle, buffer } = await openBuffer(file);
  try {
    const wanted = new Set(positions.map((position) => names[position]));
    const scan = await parquetScan({ file: buffer, metadata, columns: [...wanted], compressors });
    for (const range of scan.ranges) {
      const read = async (column: string): Promise<Cells> => {
        try {
          return new ListedCells(wanted.has(column) ? await scan.readColumn({ column, ...range }) : []);
        } catch (error) {
          const place = `rows ${range.rowStart} to ${range.rowEnd - 1} of column "${column}" cannot be read`;
          throw damaged(file, place, error);
        }
      };
      const columns = await Promise.all(names.map(read));
      yield { rows: range.rowEnd - range.rowStart, columns, place: (row) => `${file.name}, row ${range.rowStart + row}` };
    }
  } finally {
    await handle.close();
  }
}
