// Inputs for a trained model, from files that people have: samples without labels, in order, a block at a time.
import {
  elementCount,
  type DataSpec,
  type ErrorCode,
  type FeatureDescription,
  formatShape,
  type Shape,
  TabgradError,
} from "@tabgrad/core";
import { openIdx } from "../arrays/idx.ts";
import { openNpy } from "../arrays/npy.ts";
import type { ArrayFile } from "../arrays/array-file.ts";
import { ByteReader, type LocalFile } from "../files/byte-reader.ts";
import { decodeImage } from "../images/decode.ts";
import { openCsv } from "../table/csv.ts";
import { featureEncoder } from "../table/features.ts";
import { openJsonLines } from "../table/json-lines.ts";
import type { Table } from "../table/table.ts";
import { columnsOf } from "./columns.ts";

export interface InputBlock {
  /** Where each sample comes from: "digit.png", "rows.csv:4". */
  readonly places: readonly string[];
  /** Row-major, all samples. */
  readonly values: ArrayLike<number>;
}

export interface InputOptions {
  readonly features: FeatureDescription;
  /** What the run learned from: how images were fitted, and how tables were written. */
  readonly data: DataSpec;
}

type Format = "image" | "npy" | "idx" | "jsonLines" | "csv";

/** @throws TabgradError DATA_… where a file can't be read, or holds something else than the model takes */
export async function* readInputs(file: LocalFile, options: InputOptions): AsyncGenerator<InputBlock, void> {
  switch (await formatOf(file)) {
    case "image":
      return yield* image(file, options);
    case "npy":
      return yield* array(await openNpy(file), options.features.shape);
    case "idx":
      return yield* array(await openIdx(file), options.features.shape);
    case "jsonLines":
      return yield* rows(await openJsonLines(file), options);
    case "csv":
      return yield* rows(await openCsv(file, csvFormat(options.data)), options);
  }
}

/** By what a file begins with: what it is called says little. */
async function formatOf(file: LocalFile): Promise<Format> {
  const reader = await ByteReader.open(file);
  try {
    const begin = await reader.read(64);
    const text = String.fromCharCode(...begin);
    if (/^(\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP)/.test(text)) return "image";
    if (text.startsWith("\x93NUMPY")) return "npy";
    if (begin.length > 4 && begin[0] === 0 && begin[1] === 0 && begin[2] >= 8 && begin[2] <= 14) return "idx";
    return /^\s*\{/.test(text) ? "jsonLines" : "csv";
  } finally {
    await reader.close();
  }
}

function csvFormat(data: DataSpec): { header?: boolean; delimiter?: string } {
  return data.kind === "csv" ? { header: data.header, delimiter: data.delimiter } : {};
}

/** Brought to the size that the model takes, as the run's own images were. */
async function* image(file: LocalFile, { features: { shape }, data }: InputOptions): AsyncGenerator<InputBlock, void> {
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape;
  if ((shape.length !== 2 && shape.length !== 3) || (channels !== 1 && channels !== 3)) {
    throw mismatch("DATA_IMAGE_INVALID", file.name, "it is an image", shape);
  }
  const fit = data.kind === "imageFolder" ? (data.fit ?? "crop") : "crop";
  const { values } = await decodeImage(file.path, { channels, size: [height, width], fit });
  yield { places: [file.name], values };
}

async function* array(file: ArrayFile, shape: Shape): AsyncGenerator<InputBlock, void> {
  const [samples, ...sample] = file.shape;
  const elements = elementCount(shape);
  // One sample alone may come without the dimension that counts them.
  const isOne = formatShape(file.shape) === formatShape(shape);
  const isMany = formatShape(sample) === formatShape(shape) || (sample.length === 1 && sample[0] === elements);
  if (!isMany && !isOne) {
    throw file.invalid(
      `has the shape ${formatShape(file.shape)}; the model takes ${formatShape(shape)} for each sample, so [samples, ${shape.join(", ")}] was expected`,
      "Bring the array into that shape.",
    );
  }
  let first = 0;
  let rest: number[] = [];
  for await (const values of file.blocks(0)) {
    // The blocks of a lone sample are not cut at samples.
    const all: ArrayLike<number> = isMany ? values : [...rest, ...values];
    if (!isMany && all.length < elements) {
      rest = Array.from(all);
      continue;
    }
    const count = all.length / elements;
    yield {
      places: Array.from({ length: count }, (_, i) => (isMany && samples > 1 ? `${file.name}[${first + i}]` : file.name)),
      values: all,
    };
    first += count;
  }
}

async function* rows(table: Table, { features }: InputOptions): AsyncGenerator<InputBlock, void> {
  const columns = columnsOf(table, features);
  const encode = featureEncoder(table, columns);
  const positions = columns.map(({ name }) => table.names.indexOf(name));
  for await (const batch of table.batches(positions)) {
    if (batch.rows === 0) continue;
    const order = Array.from({ length: batch.rows }, (_, row) => row);
    yield { places: order.map((row) => batch.place(row)), values: encode(batch, order) };
  }
}

const mismatch = (code: ErrorCode, name: string, what: string, shape: Shape): TabgradError =>
  new TabgradError(
    code,
    `${name}: ${what}; the model takes ${formatShape(shape)} for each sample`,
    "Give the model inputs of the kind that it learned from.",
  );
