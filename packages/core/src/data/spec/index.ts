// What a run file says about its data. `idx(…)` and its like only tag their options; the schemas check them, and packages/data reads
// the files.
import { z } from "zod";
import {
  type CifarSpec,
  cifarSpecSchema,
  type IdxSpec,
  idxSpecSchema,
  type NpySpec,
  npySpecSchema,
  type NpzSpec,
  npzSpecSchema,
} from "./arrays.ts";
import { type ImageFolderSpec, imageFolderSpecSchema } from "./image-folder.ts";
import { arrowSpecSchema, csvSpecSchema, jsonLinesSpecSchema, parquetSpecSchema, type TableSpec } from "./tables.ts";
import { type TextSpec, textSpecSchema } from "./text.ts";

export {
  cifar,
  type CifarOptions,
  type CifarSpec,
  idx,
  type IdxFiles,
  type IdxOptions,
  type IdxSpec,
  npy,
  type NpyFiles,
  type NpyOptions,
  type NpySpec,
  npz,
  type NpzArrays,
  type NpzOptions,
  type NpzSpec,
} from "./arrays.ts";
export { defaultHeldOut, type HeldOut, maxClasses, type Normalisation, type Paths } from "./common.ts";
export { imageFolder, type ImageFolderOptions, type ImageFolderSpec } from "./image-folder.ts";
export {
  arrow,
  type ArrowSpec,
  type Column,
  csv,
  type CsvOptions,
  type CsvSpec,
  jsonLines,
  type JsonLinesSpec,
  parquet,
  type ParquetSpec,
  type TableOptions,
  type TableSpec,
} from "./tables.ts";
export { text, type TextOptions, type TextSpec } from "./text.ts";

/** The `data` of a run file. */
export type DataSpec = IdxSpec | NpySpec | NpzSpec | CifarSpec | TableSpec | ImageFolderSpec | TextSpec;

/** Checks the `data` of a run file. */
export const dataSpecSchema = z.discriminatedUnion(
  "kind",
  [
    idxSpecSchema,
    npySpecSchema,
    npzSpecSchema,
    cifarSpecSchema,
    csvSpecSchema,
    jsonLinesSpecSchema,
    parquetSpecSchema,
    arrowSpecSchema,
    imageFolderSpecSchema,
    textSpecSchema,
  ],
  {
    error:
      "expected data made by idx, npy, npz, cifar, csv, jsonLines, parquet, arrow, imageFolder or text, such as csv({ path: …, label: … })",
  },
);
