// Which reader reads what a run file names.
import type { DataSpec, HeldOut, Paths, TableSpec } from "@tabgrad/core";
import { cifarSource, idxSource, npySource, npzSource } from "./arrays/source.ts";
import type { LocalFile } from "./files/byte-reader.ts";
import type { Find } from "./files/find.ts";
import { imageFolderSource } from "./images/source.ts";
import type { DataSource } from "./samples.ts";
import { openCsv } from "./table/csv.ts";
import { openJsonLines } from "./table/json-lines.ts";
import { tableSource } from "./table/source.ts";
import { joined, type Table } from "./table/table.ts";
import { textSource } from "./text/source.ts";

/** How a file of the table's format is opened. Large libraries are loaded when they are needed: most runs read something else. */
function tableOpener(spec: TableSpec): (file: LocalFile) => Promise<Table> {
  switch (spec.kind) {
    case "csv":
      return (file) => openCsv(file, spec);
    case "jsonLines":
      return openJsonLines;
    case "parquet":
      return async (file) => (await import("./table/parquet.ts")).openParquet(file);
    case "arrow":
      return async (file) => (await import("./table/arrow.ts")).openArrow(file);
    default:
      return spec satisfies never;
  }
}

async function readTables(spec: TableSpec, find: Find): Promise<DataSource> {
  const open = async (paths: Paths): Promise<Table> => joined(await Promise.all((await find(paths)).map(tableOpener(spec))));
  const test: Table | HeldOut | undefined = spec.test && "path" in spec.test ? await open(spec.test.path) : spec.test;
  return tableSource(await open(spec.path), test, spec);
}

/** How readers get at files. */
export interface Reading {
  /** What relative paths are relative to. */
  readonly baseDirectory: string;
  readonly find: Find;
}

/** @throws TabgradError DATA_…, here or while samples are read */
export async function readSource(spec: DataSpec, { baseDirectory, find }: Reading): Promise<DataSource> {
  switch (spec.kind) {
    case "idx":
      return idxSource(spec, find);
    case "npy":
      return npySource(spec, find);
    case "npz":
      return npzSource(spec, find);
    case "cifar":
      return cifarSource(spec, find);
    case "csv":
    case "jsonLines":
    case "parquet":
    case "arrow":
      return readTables(spec, find);
    case "imageFolder":
      return imageFolderSource(spec, baseDirectory);
    case "text":
      return textSource(spec, find);
    default:
      return spec satisfies never;
  }
}
