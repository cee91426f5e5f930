// Features and labels in arrays, checked against each other, as samples; whatever the format of the arrays.
import {
  defaultHeldOut,
  type Field,
  featuresField,
  type FieldValues,
  type HeldOut,
  type LabelDescription,
  labelsField,
  maxClasses,
  type Normalisation,
  TabgradError,
} from "@tabgrad/core";
import { concatenated, type DataSource, type Samples, type SampleStream } from "../samples.ts";
import { type ArrayFile, product } from "./array-file.ts";

/** One file of features and the file of their labels; several of the same kind make one dataset. */
export interface ArrayPair {
  readonly features: ArrayFile;
  readonly labels: ArrayFile;
}

export interface PairOptions {
  readonly classes?: number | readonly string[];
  readonly task?: "classes" | "values";
  readonly normalise?: Normalisation;
}

/** A pair with its labels in memory, all of them: they are what classes are counted by. */
interface Loaded extends ArrayPair {
  readonly values: FieldValues;
}

export const shown = ({ shape, type }: ArrayFile): string => `[${shape.join(", ")}] of type ${type}`;

function checkPair({ features, labels }: ArrayPair): void {
  const swapped = features.shape.length === 1 && labels.shape.length > 1 ? " They seem to be swapped." : "";
  if (features.shape.length < 2) {
    throw features.invalid(
      `is ${shown(features)}; expected features of at least two dimensions, the samples first`,
      `Check which array holds the features and which the labels.${swapped}`,
    );
  }
  if (features.shape[0] !== labels.shape[0]) {
    throw features.invalid(
      `has ${features.shape[0]} samples and ${labels.name} has ${labels.shape[0]} labels; expected as many labels as samples`,
      "Check that the two belong together.",
    );
  }
}

/** @throws TabgradError where another array has samples of another shape than the first one, or stores them as another type. */
function checkAlike(arrays: readonly ArrayFile[], what: "shape" | "shape and type"): void {
  const [first] = arrays;
  for (const array of arrays) {
    const sameType = what === "shape" || array.type === first.type;
    if (array.shape.slice(1).join() === first.shape.slice(1).join() && sameType) continue;
    throw array.invalid(
      `is ${shown(array)} and ${first.name} is ${shown(first)}; expected the same but for the number of samples`,
      "Check that they belong together.",
    );
  }
}

async function load(pair: ArrayPair): Promise<Loaded> {
  checkPair(pair);
  const { labels } = pair;
  const values = arrayLike(labels.storage, product(labels.shape));
  let filled = 0;
  for await (const block of labels.blocks(0)) {
    values.set(block, filled);
    filled += block.length;
  }
  return { ...pair, values };
}

function arrayLike(storage: Field["storage"], length: number): FieldValues {
  if (storage === "uint8") return new Uint8Array(length);
  return storage === "int32" ? new Int32Array(length) : new Float32Array(length);
}

/** @throws TabgradError where a value is not finite. */
export function checkFinite(array: ArrayFile, values: FieldValues, firstSample: number): void {
  if (!(values instanceof Float32Array)) return;
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const each = product(array.shape.slice(1));
  const sample = firstSample + Math.floor(index / each);
  throw array.invalid(
    `has ${values[index]} in sample ${sample} (${array.place(firstSample * each + index)}); expected finite numbers within the range of float32`,
    "Replace the value or remove the sample; training on it would end in NaN.",
  );
}

type Classes = Extract<LabelDescription, { kind: "classes" }>;

/** How many classes there are: as told, or as many as the training labels ask for. */
function describeClasses(classes: PairOptions["classes"], train: readonly Loaded[]): Classes {
  const inner = train[0].labels.shape.slice(1);
  const shape = inner.length > 0 ? { shape: inner } : {};
  if (typeof classes === "number") return { kind: "classes", count: classes, ...shape };
  if (classes !== undefined) return { kind: "classes", count: classes.length, ...shape, names: classes };
  let greatest = 0;
  for (const { values } of train) for (const label of values) if (label > greatest) greatest = label;
  if (greatest >= 1) return { kind: "classes", count: Math.min(greatest + 1, maxClasses), ...shape };
  throw train[0].labels.invalid(
    "has no label above 0: there is nothing to tell apart; expected class indices from 0 on",
    'Check the file, or say how many classes there are: "classes: 2".',
  );
}

function checkClasses({ labels, values }: Loaded, count: number): void {
  const index = values.findIndex((label) => label < 0 || label >= count);
  if (index < 0) return;
  const sample = Math.floor(index / product(labels.shape.slice(1)));
  throw new TabgradError(
    "DATA_LABEL_OUT_OF_RANGE",
    `${labels.name}: label ${values[index]} of sample ${sample} (${labels.place(index)}); expected one of the ${count} classes, 0 to ${count - 1}`,
    'Correct the label, or say how many classes there are with "classes".',
  );
}

function describeLabels(train: readonly Loaded[], { classes, task }: PairOptions): LabelDescription {
  const [{ labels }] = train;
  const isFloat = labels.storage === "float32";
  if (task !== "values" && (!isFloat || task === "classes" || classes !== undefined)) {
    if (!isFloat) return describeClasses(classes, train);
    throw labels.invalid(
      `is ${shown(labels)}; expected class labels stored as whole numbers`,
      'Check which array holds the labels, or say "task: "values"" where the format allows it.',
    );
  }
  const inner = labels.shape.slice(1);
  return { kind: "values", shape: inner.length > 0 ? inner : [1] };
}

function streamOf({ features, values }: Loaded, labelField: Field): SampleStream {
  const [count] = features.shape;
  const each = product(features.shape.slice(1));
  const labelEach = values.length / count;
  return {
    count,
    async *blocks(from) {
      let sample = from;
      for await (const block of features.blocks(from)) {
        checkFinite(features, block, sample);
        const samples = block.length / each;
        const labels = stored(values.subarray(sample * labelEach, (sample + samples) * labelEach), labelField);
        yield { count: samples, columns: [block, labels] } satisfies Samples;
        sample += samples;
      }
    },
  };
}

/** Labels as the field stores them. */
function stored(values: FieldValues, { storage }: Field): FieldValues {
  if (storage === "uint8") return values instanceof Uint8Array ? values : Uint8Array.from(values);
  if (storage === "int32") return values instanceof Int32Array ? values : Int32Array.from(values);
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

/**
 * Pairs of arrays as samples.
 * @throws TabgradError where they do not fit together, with the arrays' own codes; DATA_LABEL_OUT_OF_RANGE.
 */
export async function pairSource(
  train: readonly ArrayPair[],
  test: readonly ArrayPair[] | HeldOut | undefined,
  options: PairOptions,
): Promise<DataSource> {
  const loaded = await Promise.all(train.map(load));
  const tests = test && !("fraction" in test) ? await Promise.all(test.map(load)) : undefined;
  const all = [...loaded, ...(tests ?? [])];
  const features = all.map((pair) => pair.features);
  checkAlike(features, "shape and type");
  checkAlike(
    all.map((pair) => pair.labels),
    "shape",
  );
  const labels = describeLabels(loaded, options);
  if (labels.kind === "classes") for (const pair of all) checkClasses(pair, labels.count);
  else for (const pair of all) checkFinite(pair.labels, pair.values, 0);

  const [first] = features;
  const featureField: Field = { name: featuresField, storage: first.storage, shape: first.shape.slice(1) };
  const labelField: Field = {
    name: labelsField,
    storage: labels.kind === "values" ? "float32" : labels.count <= 256 ? "uint8" : "int32",
    shape: labels.shape ?? [],
  };
  const streams = (pairs: readonly Loaded[]): SampleStream => concatenated(pairs.map((pair) => streamOf(pair, labelField)));
  return {
    fields: [featureField, labelField],
    train: streams(loaded),
    test: tests ? streams(tests) : ((test as HeldOut | undefined) ?? defaultHeldOut),
    labels,
    normalise: { method: options.normalise ?? (first.storage === "uint8" ? "unit" : "none") },
  };
}
