// Inputs for a trained model, from files that people have: samples without labels, in order, a block at a time.
import { elementCount, type DataSpec, type FeatureDescription, formatShape, type Shape, TabgradError } from "@tabgrad/core";
import type { ArrayFile } from "../arrays/array-file.ts";
import { openIdx } from "../arrays/idx.ts";
import { openNpy } from "../arrays/npy.ts";
import { npzNames, openNpzArray } from "../arrays/npz.ts";
import type { LocalFile } from "../files/byte-reader.ts";
import { decodeImage, imageSize } from "../images/decode.ts";
import { listed } from "../nearest.ts";
import { openCsv } from "../table/csv.ts";
import { featureEncoder } from "../table/features.ts";
import { openJsonLines } from "../table/json-lines.ts";
import type { Table } from "../table/table.ts";
import { columnsOf } from "./columns.ts";
import { formatOf, notAnInput } from "./format.ts";

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
  /** Hears what is done to an input that one may want to know. */
  readonly onNote?: (note: string) => void;
}

/** @throws TabgradError DATA_… where a file can't be read, or holds something else than the model takes */
export async function* readInputs(file: LocalFile, options: InputOptions): AsyncGenerator<InputBlock, void> {
  const { features, data } = options;
  const format = await formatOf(file, takenBy(features));
  switch (format) {
    case "image":
      return yield* image(file, options);
    case "npy":
      return yield* array(await openNpy(file), features.shape);
    case "npz":
      return yield* array(await openNpzArray(file, await npzArrayName(file, data)), features.shape);
    case "idx":
      return yield* array(await openIdx(file), features.shape);
    case "jsonLines":
      return yield* rows(await openJsonLines(file), options);
    case "parquet":
      return yield* rows(await (await import("../table/parquet.ts")).openParquet(file), options);
    case "arrow":
      return yield* rows(await (await import("../table/arrow.ts")).openArrow(file), options);
    case "csv":
      return yield* rows(await openText(file, options), options);
    default:
      return format satisfies never;
  }
}

const mostNames = 8;

const takenBy = ({ shape, names }: FeatureDescription): string =>
  names ? `${formatShape(shape)} (${listed(names, mostNames)})` : formatShape(shape);

/** Text that may be a table: where it is none, and is not called one either, that is what to say. */
async function openText(file: LocalFile, { features, data }: InputOptions): Promise<Table> {
  const format = data.kind === "csv" ? { header: data.header, delimiter: data.delimiter } : {};
  if (/\.(csv|tsv|tab|data)(\.gz)?$/i.test(file.name)) return openCsv(file, format);
  const none = (reason: string, cause?: unknown): TabgradError =>
    notAnInput(
      "DATA_CSV_INVALID",
      file.name,
      `the file is text, and no table that the model could read (${reason})`,
      takenBy(features),
      cause,
    );
  try {
    const table = await openCsv(file, format);
    if (table.names.length > 1 || elementCount(features.shape) === 1 || features.names?.includes(table.names[0])) return table;
    throw none(`as CSV it has one column, ${listed(table.names)}`);
  } catch (error) {
    if (!(error instanceof TabgradError) || error.code !== "DATA_CSV_INVALID" || error.message.includes("the file is text"))
      throw error;
    throw none(`as CSV: ${error.message}`, error);
  }
}

/** The array that has the name of the run's own features, those to evaluate on first; or the only one. */
async function npzArrayName(file: LocalFile, data: DataSpec): Promise<string> {
  const names = await npzNames(file);
  const own =
    data.kind === "npz" ? [...(data.test && "features" in data.test ? [data.test.features] : []), data.train.features] : [];
  const name = own.find((each) => names.includes(each)) ?? (names.length === 1 ? names[0] : undefined);
  if (name !== undefined) return name;
  throw new TabgradError(
    "DATA_NPY_INVALID",
    `${file.name} has the arrays ${listed(names)}; expected one array${own.length > 0 ? `, or one called ${listed(own)}` : ""}`,
    "Write a file with the features alone.",
  );
}

/** Brought to the size that the model takes, as the run's own images were. */
async function* image(file: LocalFile, { features, data, onNote }: InputOptions): AsyncGenerator<InputBlock, void> {
  const { shape } = features;
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape;
  if ((shape.length !== 2 && shape.length !== 3) || (channels !== 1 && channels !== 3)) {
    throw notAnInput("DATA_IMAGE_INVALID", file.name, "it is an image", takenBy(features));
  }
  const fit = data.kind === "imageFolder" ? (data.fit ?? "crop") : "crop";
  const came = await imageSize(file);
  if (onNote && (came.height !== height || came.width !== width)) {
    const done = { crop: "cropped", pad: "padded with black", stretch: "stretched" }[fit];
    onNote(
      `${file.name} has ${came.height} × ${came.width} pixels (height × width); the model takes ${height} × ${width}: it is scaled, and ${done} where the sides differ`,
    );
  }
  const { values } = await decodeImage(file.path, { channels, size: [height, width], fit }, file.name);
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

async function* rows(table: Table, { features, data }: InputOptions): AsyncGenerator<InputBlock, void> {
  const columns = columnsOf(table, features, data);
  const encode = featureEncoder(table, columns, {
    unknown: "The model knows no other: correct the value, or leave the row out.",
    missing: "Fill the value in, or leave the row out: the model has no answer without it.",
    notANumber: "Correct it: a decimal point, no thousands separators. The model learned from numbers in this column.",
  });
  const positions = columns.map(({ name }) => table.names.indexOf(name));
  for await (const batch of table.batches(positions)) {
    if (batch.rows === 0) continue;
    const order = Array.from({ length: batch.rows }, (_, row) => row);
    yield { places: order.map((row) => batch.place(row)), values: encode(batch, order) };
  }
}
