// Images and labels in IDX files, checked against each other.
import type { Field, FieldValues, IdxFiles, IdxSpec, LabelDescription } from "@tabgrad/core";
import { defaultHeldOut, featuresField, labelsField, TabgradError } from "@tabgrad/core";
import { readDataFile } from "./file.ts";
import { type IdxArray, parseIdx } from "./idx.ts";
import { resolveDataPath } from "./path.ts";
import type { DataSource, Samples } from "./source.ts";

/** More classes than this are a mistake in the labels, and would make a model that fits nowhere. */
const maxClasses = 1_000_000;

interface Pair {
  readonly images: IdxArray;
  readonly labels: IdxArray;
}

const shown = ({ shape, type }: IdxArray): string => `[${shape.join(", ")}] of type ${type}`;

async function readPair(files: IdxFiles, baseDirectory: string): Promise<Pair> {
  const read = async (path: string): Promise<IdxArray> => parseIdx(await readDataFile(await resolveDataPath(path, baseDirectory)));
  const [images, labels] = await Promise.all([read(files.images), read(files.labels)]);
  checkPair({ images, labels });
  return { images, labels };
}

function checkPair({ images, labels }: Pair): void {
  const swapped = images.shape.length === 1 && labels.shape.length > 1 ? " They seem to be swapped." : "";
  if (images.shape.length < 2) {
    throw new TabgradError(
      "DATA_IDX_INVALID",
      `${images.path} is ${shown(images)}; expected images of at least two dimensions, the samples first`,
      `Check which file is "images" and which is "labels".${swapped}`,
    );
  }
  if (labels.shape.length !== 1 || labels.values instanceof Float32Array) {
    throw new TabgradError(
      "DATA_IDX_INVALID",
      `${labels.path} is ${shown(labels)}; expected labels of one dimension, whole numbers, one for each sample`,
      'Check which file is "images" and which is "labels".',
    );
  }
  if (images.shape[0] !== labels.shape[0]) {
    throw new TabgradError(
      "DATA_IDX_INVALID",
      `${images.path} has ${images.shape[0]} samples and ${labels.path} has ${labels.shape[0]} labels; expected as many labels as samples`,
      "Check that the two files belong together.",
    );
  }
  checkFinite(images);
}

function checkFinite(images: IdxArray): void {
  if (!(images.values instanceof Float32Array)) return;
  const index = images.values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const sample = Math.floor(index / (images.values.length / images.shape[0]));
  throw new TabgradError(
    "DATA_IDX_INVALID",
    `${images.path} has ${images.values[index]} in sample ${sample} (${images.place(index)}); expected finite numbers within the range of float32`,
    "Replace the value or remove the sample; training on it would end in NaN.",
  );
}

/** How many classes there are: as told, or as many as the training labels ask for. */
function describeLabels(classes: IdxSpec["classes"], labels: IdxArray): Extract<LabelDescription, { kind: "classes" }> {
  if (typeof classes === "number") return { kind: "classes", count: classes };
  if (classes !== undefined) return { kind: "classes", count: classes.length, names: classes };
  let greatest = 0;
  for (const label of labels.values) if (label > greatest) greatest = label;
  if (greatest >= 1) return { kind: "classes", count: Math.min(greatest + 1, maxClasses) };
  throw new TabgradError(
    "DATA_IDX_INVALID",
    `${labels.path} has no label above 0: there is nothing to tell apart; expected class indices from 0 on`,
    'Check the file, or say how many classes there are: "classes: 2".',
  );
}

function checkLabels(labels: IdxArray, count: number): void {
  const index = labels.values.findIndex((label) => label < 0 || label >= count);
  if (index < 0) return;
  throw new TabgradError(
    "DATA_LABEL_OUT_OF_RANGE",
    `${labels.path}: label ${labels.values[index]} of sample ${index} (${labels.place(index)}); expected one of the ${count} classes, 0 to ${count - 1}`,
    'Correct the label, or say how many classes there are with "classes".',
  );
}

/** Class indices as they are stored. */
function labelColumn(values: FieldValues, field: Field): FieldValues {
  if (field.storage === "uint8") return values instanceof Uint8Array ? values : Uint8Array.from(values);
  return values instanceof Int32Array ? values : Int32Array.from(values);
}

function samplesOf({ images, labels }: Pair, labelField: Field): Samples {
  return { count: images.shape[0], columns: [images.values, labelColumn(labels.values, labelField)] };
}

/**
 * Reads the files of an `idx(…)`.
 * @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_IDX_INVALID or DATA_LABEL_OUT_OF_RANGE.
 */
export async function readIdxSource(spec: IdxSpec, baseDirectory: string): Promise<DataSource> {
  const heldOut = spec.test === undefined ? defaultHeldOut : "fraction" in spec.test ? spec.test : undefined;
  const [train, test] = await Promise.all([
    readPair(spec.train, baseDirectory),
    heldOut ? undefined : readPair(spec.test as IdxFiles, baseDirectory),
  ]);
  const labels = describeLabels(spec.classes, train.labels);
  checkLabels(train.labels, labels.count);
  if (test) checkLabels(test.labels, labels.count);

  const { values } = train.images;
  const storage = values instanceof Uint8Array ? "uint8" : values instanceof Int32Array ? "int32" : "float32";
  const features: Field = { name: featuresField, storage, shape: train.images.shape.slice(1) };
  const labelField: Field = { name: labelsField, storage: labels.count <= 256 ? "uint8" : "int32", shape: [] };
  if (test) checkSameKind(train.images, test.images);
  return {
    fields: [features, labelField],
    train: samplesOf(train, labelField),
    test: test ? samplesOf(test, labelField) : heldOut!,
    labels,
    normalise: { method: spec.normalise ?? (storage === "uint8" ? "unit" : "none") },
  };
}

function checkSameKind(train: IdxArray, test: IdxArray): void {
  const sameShape = test.shape.slice(1).join() === train.shape.slice(1).join();
  if (sameShape && train.type === test.type) return;
  throw new TabgradError(
    "DATA_IDX_INVALID",
    `${test.path} is ${shown(test)} and ${train.path} is ${shown(train)}; expected the same but for the number of samples`,
    "Check that the two files belong together.",
  );
}
