// What losses and metrics have in common: one number for each sample, from the model's output and the labels.
import { TabgradError } from "../errors.ts";
import type { LabelDescription } from "../data/description.ts";
import * as math from "../graph/math.ts";
import { formatShape, type Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";

/**
 * What the model's output means to the loss, and so to every metric of the run.
 * - "classLogits": along the last dimension, one number for each class; softmax makes them probabilities.
 * - "binaryLogits": each value by itself is a yes or no; sigmoid makes it a probability.
 * - "values": the output is the answer.
 */
export type Reading = "classLogits" | "binaryLogits" | "values";

/** The labels of a microbatch, as an input of the graph. */
export interface Labels {
  /** Class indices where `classes` is given: [rows], or [rows, …] for one at each position of a sample. Values [rows, …] otherwise. */
  readonly value: Value;
  /** How many classes there are. */
  readonly classes?: number;
  /** A class index that counts for nothing. */
  readonly ignoreIndex?: number;
}

/**
 * What a metric reports, so that people are shown it as that. "share": a number from 0 to 1, which they read as a percentage.
 * "classShares": one for each class. "confusion": counts, with a row for each true class and a column for each predicted one.
 */
export const metricForms = ["share", "classShares", "confusion"] as const;
export type MetricForm = (typeof metricForms)[number];

export interface Metric {
  readonly role: "metric" | "loss";
  /** The function that makes it, and the name of its column in logs: "accuracy". */
  readonly kind: string;
  /**
   * What is summed over the samples, whoever computes them.
   * @param prediction what the model puts out, [rows, …]
   * @param reading what the loss of the run takes it for
   * @returns one number for each sample, shape [rows], or several, [rows, …]
   * @throws TabgradError MODEL_INVALID where prediction, labels or reading do not fit
   */
  readonly build: (prediction: Value, labels: Labels, reading: Reading) => Value;
  /**
   * What is reported, of all samples at once, so that it need not be a mean: an F1 score of batches is not the F1 score of the whole.
   * Default: the sums divided by the number of samples.
   * @param sums over all samples, of `build`'s shape without the rows
   * @returns one number, shape [], a list of them, [classes], or a table, [rows, columns]
   */
  readonly finish?: (sums: Value, samples: Value) => Value;
  /** Default: numbers of any kind. */
  readonly form?: MetricForm;
}

/** A metric that can be trained on: small is good, and it has a gradient. */
export interface Loss extends Metric {
  readonly role: "loss";
  readonly reading: Reading;
  /** A class index that counts for nothing, neither in the loss nor in the metrics of the run. */
  readonly ignoreIndex?: number;
  /**
   * What each sample weighs, [rows], where samples do not count alike: the mean is then Σ loss / Σ weight, over the whole global batch,
   * and so is that of the gradients.
   */
  readonly weight?: (prediction: Value, labels: Labels) => Value;
  /** What to report beside the loss where the run file names no metrics. */
  readonly defaultMetrics: (labels: LabelDescription) => readonly Metric[];
}

/** The mean over all dimensions but the first: [rows, …] becomes [rows]. */
export const meanPerSample = (x: Value): Value =>
  x.shape.length === 1
    ? x
    : math.mean(
        x,
        x.shape.slice(1).map((_, i) => i + 1),
      );

/** The sum over all dimensions but the first: [rows, …] becomes [rows]. */
export const sumPerSample = (x: Value): Value =>
  x.shape.length === 1
    ? x
    : math.sum(
        x,
        x.shape.slice(1).map((_, i) => i + 1),
      );

/** 1 for each label that counts, 0 for those to ignore; of the labels' shape. */
export const counted = ({ value, ignoreIndex }: Labels): Value =>
  ignoreIndex === undefined ? math.equal(value, value) : math.subtract(math.constant(value, 1), math.equal(value, ignoreIndex));

/** Several sums of one sample side by side: [rows, …] each becomes [rows, parts, …]. */
export const stacked = (parts: readonly Value[]): Value =>
  math.concatenate(
    parts.map((part) => math.reshape(part, [-1, 1, ...part.shape.slice(1)])),
    1,
  );

/** One of the sums that `stacked` put side by side, once they are summed over the samples. */
export const partOf = (sums: Value, i: number): Value => math.reshape(math.slice(sums, 0, i, i + 1), sums.shape.slice(1));

/** The first sum divided by the second, which may count nothing: then all is 0. */
export const ratioOfSums = (sums: Value): Value => shareOf(partOf(sums, 0), partOf(sums, 1));

/** a / b where b counts something, else 0. */
export const shareOf = (a: Value, b: Value): Value => {
  const some = math.greater(b, 0);
  return math.select(some, math.divide(a, math.select(some, b, math.constant(b, 1))), math.constant(b, 0));
};

export const misfit = (kind: string, message: string, remedy: string): TabgradError =>
  new TabgradError("MODEL_INVALID", `${kind}: ${message}`, remedy);

/** A sample's shape in words. */
export function sampleShape(shape: Shape): string {
  const sample = shape.slice(1);
  return sample.length === 0 ? "one number" : formatShape(sample);
}

/**
 * The labels as numbers that the prediction is to come close to, of the prediction's shape: values as they are; class indices one-hot
 * encoded, or 0 and 1 where there are two classes and one output. A last dimension of 1 is no difference.
 * @throws TabgradError MODEL_INVALID
 */
export function targets(kind: string, prediction: Value, { value, classes }: Labels): Value {
  const width = prediction.shape[prediction.shape.length - 1];
  const oneHot = classes !== undefined && prediction.shape.length === value.shape.length + 1 && width === classes;
  const target = oneHot ? math.oneHot(value, classes) : value;
  // Compared as they are and never broadcast: [rows] against [rows, 1] would otherwise become [rows, rows].
  if (sameButForOne(target.shape, prediction.shape) && (classes === undefined || oneHot || classes === 2)) {
    return target.shape.length === prediction.shape.length ? target : math.reshape(target, [-1, ...prediction.shape.slice(1)]);
  }
  const output = `the model's output is ${sampleShape(prediction.shape)} for each sample`;
  if (classes === undefined) {
    const remedy = `End the model with a layer that gives ${sampleShape(value.shape)}, or correct the label columns of the data.`;
    throw misfit(kind, `${output}, but the label is ${sampleShape(value.shape)}`, remedy);
  }
  const sizes = classes === 2 ? "dense(1) or dense(2)" : `dense(${classes})`;
  const remedy = prediction.shape.length > value.shape.length + 1 ? oneVector(sizes) : `End the model with ${sizes}.`;
  throw misfit(kind, `${output}, but the labels are of ${classes} classes`, remedy);
}

/** The remedy where a last layer has worked on each position of a sample. */
export const oneVector = (last: string): string =>
  `Put flatten() or globalAveragePool() before ${last} as the last layer, so that it takes a sample as one vector.`;

function sameButForOne(a: Shape, b: Shape): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  const padded = short.length === long.length - 1 ? [...short, 1] : short;
  return padded.length === long.length && long.every((size, axis) => size === padded[axis]);
}

/** The model's answer in the labels' terms: logits become probabilities. */
export function readAs(prediction: Value, reading: Reading): Value {
  switch (reading) {
    case "classLogits":
      return math.softmax(prediction);
    case "binaryLogits":
      return math.sigmoid(prediction);
    case "values":
      return prediction;
    default:
      return reading satisfies never;
  }
}
