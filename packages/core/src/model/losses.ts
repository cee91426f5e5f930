// The losses. Each is one number for each sample; a step averages them over its samples.
import * as math from "../graph/math.ts";
import { elementCount, formatShape, sameShape, type Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import {
  counted,
  meanPerSample,
  misfit,
  oneVector,
  readAs,
  sampleShape,
  sumPerSample,
  targets,
  type Labels,
  type Loss,
  type Reading,
} from "./loss.ts";
import { accuracy } from "./metrics.ts";
import { checkNothing, optionsOf } from "./options.ts";
import { checkPositive, show } from "./role.ts";

/**
 * L = (1/n) Σᵢ (pᵢ − yᵢ)², over the n values of a sample. Bishop 2006, §1.1 and §3.1.1, without the factor ½.
 *
 * Labels: values of the prediction's shape (a last dimension of 1 may be missing). Class indices are taken as one-hot codes where the
 * model has an output for each class, and as 0 and 1 where there are two classes and one output.
 * As a metric beside a loss from logits, p are the probabilities (the Brier score).
 */
export const meanSquaredError = (...nothing: []): Loss => ({
  ...withNothing("meanSquaredError", nothing),
  reading: "values",
  defaultMetrics: (labels) => (labels.kind === "classes" ? [accuracy()] : [meanAbsoluteError()]),
  build: (prediction, labels, reading) =>
    meanPerSample(math.square(math.subtract(readAs(prediction, reading), targets("meanSquaredError", prediction, labels)))),
});

/**
 * L = (1/n) Σᵢ |pᵢ − yᵢ|, over the n values of a sample: outliers pull less at it than at a square.
 * Willmott & Matsuura 2005, https://doi.org/10.3354/cr030079
 * Labels as for `meanSquaredError`; as a metric beside a loss from logits, p are the probabilities.
 */
export const meanAbsoluteError = (...nothing: []): Loss => ({
  ...withNothing("meanAbsoluteError", nothing),
  reading: "values",
  defaultMetrics: (labels) => (labels.kind === "classes" ? [accuracy()] : [meanSquaredError()]),
  build: (prediction, labels, reading) =>
    meanPerSample(math.abs(math.subtract(readAs(prediction, reading), targets("meanAbsoluteError", prediction, labels)))),
});

/**
 * L = e² / 2 where |e| ≤ δ, else δ (|e| − δ / 2), with e = p − y; the mean over the values of a sample: a square near the truth, a line
 * far from it. Default δ: 1. Huber 1964, https://doi.org/10.1214/aoms/1177703732
 * Labels as for `meanSquaredError`.
 * @throws TabgradError MODEL_INVALID where delta is not above 0
 */
export function huber(options?: { readonly delta?: number }): Loss {
  const { delta = 1 } = optionsOf("huber", options, { delta: checkPositive });
  return {
    role: "loss",
    kind: "huber",
    reading: "values",
    defaultMetrics: (labels) => (labels.kind === "classes" ? [accuracy()] : [meanAbsoluteError()]),
    build(prediction, labels, reading) {
      const error = math.abs(math.subtract(readAs(prediction, reading), targets("huber", prediction, labels)));
      // With m = min(|e|, δ) both cases are m (|e| − m / 2).
      const near = math.minimum(error, delta);
      return meanPerSample(math.multiply(near, math.subtract(error, math.multiply(near, 0.5))));
    },
  };
}

export interface CrossEntropyOptions {
  /**
   * How much of the truth is given to all classes alike: with ε, the right class has 1 − ε + ε / C and every other ε / C. Default: 0.
   * Szegedy et al. 2016, §7, https://arxiv.org/abs/1512.00567
   */
  readonly labelSmoothing?: number;
  /** What each class weighs, one number for each, at least 0: rare classes may count for more. Default: all alike. */
  readonly classWeights?: readonly number[];
  /** A class index that counts for nothing, in the metrics of the run either, such as that of padding. Default: none. */
  readonly ignoreIndex?: number;
}

/**
 * L = −ln softmax(z)_y = ln Σⱼ e^zⱼ − z_y, for logits z and the index y of the right class; the mean over positions where a sample has
 * several. Computed as max z + ln Σⱼ e^(zⱼ − max z) − z_y, which overflows for no z.
 * Goodfellow, Bengio & Courville 2016, §6.2.2.3, https://www.deeplearningbook.org
 *
 * Prediction: logits [rows, …, classes], without a softmax. Labels: class indices [rows, …].
 *
 * With `classWeights` w or an `ignoreIndex`, positions do not count alike, and the mean of a step is Σ w_y L / Σ w_y over all positions
 * of its global batch, as PyTorch takes it over the batch of one machine: not a mean of the samples' means, nor of the workers'. With
 * `labelSmoothing`, too, each class's part of L has the weight of that class.
 * @throws TabgradError MODEL_INVALID where an option is wrong or the labels do not fit
 */
export function crossEntropy(options?: CrossEntropyOptions): Loss {
  const {
    labelSmoothing = 0,
    classWeights,
    ignoreIndex,
  } = optionsOf("crossEntropy", options, {
    labelSmoothing: checkSmoothing,
    classWeights: checkClassWeights,
    ignoreIndex: checkIndex,
  });
  const weighs = classWeights !== undefined || ignoreIndex !== undefined;
  return {
    role: "loss",
    kind: "crossEntropy",
    reading: "classLogits",
    ...(ignoreIndex !== undefined && { ignoreIndex }),
    defaultMetrics: () => [accuracy()],
    build(prediction, labels, reading) {
      needLogits("crossEntropy", reading, "classLogits");
      const classes = checkClasses(prediction, labels);
      if (classWeights && classWeights.length !== classes) {
        const message = `there are ${classWeights.length} classWeights and ${classes} classes`;
        throw misfit("crossEntropy", message, "Give one weight for each class.");
      }
      const truth = smoothed(math.oneHot(labels.value, classes), classes, labelSmoothing);
      const parts = math.multiply(truth, math.logSoftmax(prediction));
      const weighed = classWeights ? math.multiply(parts, math.constant(parts, classWeights, [classes])) : parts;
      const each = math.negate(math.sum(weighed, [prediction.shape.length - 1]));
      // A one-hot code of what is ignored may be zeros, but a smoothed one is not.
      return weighs ? sumPerSample(math.multiply(each, counted({ ...labels, ignoreIndex }))) : meanPerSample(each);
    },
    ...(weighs && {
      weight({ shape }, labels) {
        const mask = counted({ ...labels, ignoreIndex });
        if (!classWeights) return sumPerSample(mask);
        const classes = shape[shape.length - 1];
        const own = math.multiply(math.oneHot(labels.value, classes), math.constant(labels.value, classWeights, [classes]));
        return sumPerSample(math.multiply(math.sum(own, [own.shape.length - 1]), mask));
      },
    }),
  };
}

/** @returns how many there are */
function checkClasses({ shape }: Value, { value, classes }: Labels): number {
  if (classes === undefined) {
    const remedy = "Use categoricalCrossEntropy() for probabilities of classes, meanSquaredError() for other values.";
    throw misfit(
      "crossEntropy",
      `expected labels that name a class; these are values (${sampleShape(value.shape)} for each sample)`,
      remedy,
    );
  }
  if (classes === 2 && shape[shape.length - 1] === 1) {
    const remedy = "End the model with dense(2), or use binaryCrossEntropy().";
    throw misfit("crossEntropy", "the model has one output for two classes; expected one for each class", remedy);
  }
  if (shape.length < 2 || shape[shape.length - 1] !== classes || !sameShape(shape.slice(0, -1), value.shape)) {
    const positions = value.shape.slice(1);
    const expected = formatShape([...positions, classes]);
    const labelled =
      positions.length > 0
        ? `the labels name one of ${classes} classes at each of ${formatShape(positions)} positions`
        : `there are ${classes} classes`;
    const message = `the model's output is ${sampleShape(shape)} for each sample, but ${labelled}; expected ${expected}`;
    throw misfit("crossEntropy", message, lastLayer(shape, positions, classes));
  }
  return classes;
}

/** What to do about an output that does not fit the labels. */
function lastLayer(output: Shape, positions: Shape, classes: number): string {
  const last = `dense(${classes})`;
  if (positions.length > 0 && elementCount(positions) === 1) {
    return `For one class a sample, give labels without the dimension of 1: labels[:, 0] in NumPy. For a sequence, keep its position up to ${last}.`;
  }
  if (positions.length > 0) return `Keep a vector for each position, without flatten(), up to ${last} as the last layer.`;
  return output.length > 2 ? oneVector(last) : `End the model with ${last}, or state the data's classes.`;
}

/** (1 − ε) q + ε / C: some of the truth for every class. */
const smoothed = (truth: Value, classes: number, smoothing: number): Value =>
  smoothing === 0 ? truth : math.add(math.multiply(truth, 1 - smoothing), smoothing / classes);

function checkIndex(kind: string, option: string, value: unknown): void {
  if (Number.isSafeInteger(value)) return;
  const remedy = "Give the class index that stands for no class, such as -100.";
  throw misfit(kind, `${option} is ${show(value)}; expected a whole number`, remedy);
}

function checkSmoothing(kind: string, option: string, value: unknown): void {
  if (typeof value === "number" && value >= 0 && value < 1) return;
  throw misfit(
    kind,
    `${option} is ${show(value)}; expected a number from 0 to below 1`,
    "Write, for example, labelSmoothing: 0.1.",
  );
}

function checkClassWeights(kind: string, option: string, weights: unknown): void {
  const numbers = Array.isArray(weights) && weights.every((weight) => Number.isFinite(weight) && (weight as number) >= 0);
  if (numbers && weights.some((weight) => weight > 0)) return;
  const message = `${option} is ${show(weights)}; expected a number for each class, at least 0 and not all 0`;
  throw misfit(kind, message, "Write, for example, classWeights: [1, 5].");
}

/**
 * L = −Σⱼ yⱼ ln softmax(z)ⱼ, for logits z and probabilities y that add up to 1; the mean over positions where a sample has several.
 * Computed from ln softmax(z)ⱼ = zⱼ − max z − ln Σₖ e^(zₖ − max z), which overflows for no z.
 * Goodfellow, Bengio & Courville 2016, §3.13 (equation 3.51) and §6.2.2.3, https://www.deeplearningbook.org
 *
 * Prediction: logits [rows, …, classes], without a softmax. Labels: probabilities or one-hot codes of the same shape, or class indices
 * [rows, …], which are one-hot encoded. `labelSmoothing` as for `crossEntropy`.
 * @throws TabgradError MODEL_INVALID where an option is wrong or the labels do not fit
 */
export const categoricalCrossEntropy = (options?: Pick<CrossEntropyOptions, "labelSmoothing">): Loss => {
  const { labelSmoothing = 0 } = optionsOf("categoricalCrossEntropy", options, { labelSmoothing: checkSmoothing });
  return {
    role: "loss",
    kind: "categoricalCrossEntropy",
    reading: "classLogits",
    defaultMetrics: () => [accuracy()],
    build(prediction, labels, reading) {
      needLogits("categoricalCrossEntropy", reading, "classLogits");
      const width = prediction.shape.length < 2 ? 1 : prediction.shape[prediction.shape.length - 1];
      if (width === 1) {
        const remedy = "End the model with a unit for each class, or use binaryCrossEntropy().";
        throw misfit("categoricalCrossEntropy", "the model has one output; expected one for each class, at least two", remedy);
      }
      const truth = targets("categoricalCrossEntropy", prediction, labels);
      return againstLogits(prediction, smoothed(truth, width, labelSmoothing));
    },
  };
};

export interface BinaryCrossEntropyOptions {
  /** What a yes weighs against a no: above 1, it is worse to miss one than to see one where there is none. Default: 1. */
  readonly positiveWeight?: number;
}

/**
 * L = −p y ln σ(z) − (1 − y) ln(1 − σ(z)), for a logit z and a label y of 0 or 1 (or a probability), with p = `positiveWeight`; the mean
 * over the values of a sample. Computed as ln(1 + e^z) − z·y, or with a weight as (1 − y) z + (1 + (p − 1) y) ln(1 + e^−z), where
 * ln(1 + e^z) is max(z, 0) + ln(1 + e^−|z|), which overflows for no z. The weight is no share of a mean: as in PyTorch, the mean is over
 * all values. Bishop 2006, §4.3.2 (equation 4.90).
 *
 * Prediction: logits, without a sigmoid. Labels: values of the same shape (a last dimension of 1 may be missing), or indices of two
 * classes, which are 0 and 1 where the model has one output, and one-hot encoded where it has two.
 * @throws TabgradError MODEL_INVALID where an option is wrong or the labels do not fit
 */
export function binaryCrossEntropy(options?: BinaryCrossEntropyOptions): Loss {
  const { positiveWeight = 1 } = optionsOf("binaryCrossEntropy", options, { positiveWeight: checkPositive });
  return {
    role: "loss",
    kind: "binaryCrossEntropy",
    reading: "binaryLogits",
    defaultMetrics: () => [accuracy()],
    build(prediction, labels, reading) {
      needLogits("binaryCrossEntropy", reading, "binaryLogits");
      if (labels.classes !== undefined && labels.classes !== 2) {
        const remedy = `Use crossEntropy(), with dense(${labels.classes}) as the last layer.`;
        throw misfit("binaryCrossEntropy", `expected labels of two classes; there are ${labels.classes}`, remedy);
      }
      const target = targets("binaryCrossEntropy", prediction, labels);
      if (positiveWeight === 1) return meanPerSample(math.subtract(math.softplus(prediction), math.multiply(prediction, target)));
      const no = math.multiply(math.subtract(math.constant(target, 1), target), prediction);
      const weight = math.add(math.multiply(target, positiveWeight - 1), 1);
      return meanPerSample(math.add(no, math.multiply(weight, math.softplus(math.negate(prediction)))));
    },
  };
}

/** Role and kind of a loss that has no options. */
function withNothing<Kind extends string>(kind: Kind, given: readonly []): { readonly role: "loss"; readonly kind: Kind } {
  checkNothing(kind, given);
  return { role: "loss", kind };
}

const againstLogits = (logits: Value, probabilities: Labels["value"]): Value =>
  meanPerSample(math.negate(math.sum(math.multiply(probabilities, math.logSoftmax(logits)), [logits.shape.length - 1])));

/** As a metric, a loss may meet an output that another loss takes for something else. */
function needLogits(kind: string, reading: Reading, needed: Reading): void {
  if (reading === needed) return;
  throw misfit(
    kind,
    "the loss of this run takes the model's output for something else than this metric does",
    `Leave ${kind} out of the metrics.`,
  );
}
