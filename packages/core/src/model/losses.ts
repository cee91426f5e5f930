// The losses. Each is one number for each sample; a step averages them over its samples.
import * as math from "../graph/math.ts";
import { formatShape, sameShape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { meanPerSample, misfit, oneVector, sampleShape, targets, type Labels, type Loss, type Reading } from "./loss.ts";
import { accuracy, meanAbsoluteError, readAs } from "./metrics.ts";

/**
 * L = (1/n) Σᵢ (pᵢ − yᵢ)², over the n values of a sample. Bishop 2006, §1.1 and §3.1.1, without the factor ½.
 *
 * Labels: values of the prediction's shape (a last dimension of 1 may be missing). Class indices are taken as one-hot codes where the
 * model has an output for each class, and as 0 and 1 where there are two classes and one output.
 * As a metric beside a loss from logits, p are the probabilities (the Brier score).
 */
export const meanSquaredError = (): Loss => ({
  role: "loss",
  kind: "meanSquaredError",
  reading: "values",
  defaultMetrics: (labels) => (labels.kind === "classes" ? [accuracy()] : [meanAbsoluteError()]),
  build: (prediction, labels, reading) =>
    meanPerSample(math.square(math.subtract(readAs(prediction, reading), targets("meanSquaredError", prediction, labels)))),
});

/**
 * L = −ln softmax(z)_y = ln Σⱼ e^zⱼ − z_y, for logits z and the index y of the right class; the mean over positions where a sample has
 * several. Computed as max z + ln Σⱼ e^(zⱼ − max z) − z_y, which overflows for no z.
 * Goodfellow, Bengio & Courville 2016, §6.2.2.3, https://www.deeplearningbook.org
 *
 * Prediction: logits [rows, …, classes], without a softmax. Labels: class indices [rows, …].
 */
export const crossEntropy = (): Loss => ({
  role: "loss",
  kind: "crossEntropy",
  reading: "classLogits",
  defaultMetrics: () => [accuracy()],
  build(prediction, { value, classes }, reading) {
    needLogits("crossEntropy", reading, "classLogits");
    if (classes === undefined) {
      const remedy = "Use categoricalCrossEntropy() for probabilities of classes, meanSquaredError() for other values.";
      throw misfit(
        "crossEntropy",
        `expected labels that name a class; these are values (${sampleShape(value.shape)} for each sample)`,
        remedy,
      );
    }
    const { shape } = prediction;
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
      const remedy =
        positions.length > 0
          ? `Keep a vector for each position, without flatten(), up to dense(${classes}) as the last layer.`
          : shape.length > 2
            ? oneVector(`dense(${classes})`)
            : `End the model with dense(${classes}), or state the data's classes.`;
      throw misfit("crossEntropy", message, remedy);
    }
    return againstLogits(prediction, math.oneHot(value, classes));
  },
});

/**
 * L = −Σⱼ yⱼ ln softmax(z)ⱼ, for logits z and probabilities y that add up to 1; the mean over positions where a sample has several.
 * Computed from ln softmax(z)ⱼ = zⱼ − max z − ln Σₖ e^(zₖ − max z), which overflows for no z.
 * Goodfellow, Bengio & Courville 2016, §3.13 (equation 3.51) and §6.2.2.3, https://www.deeplearningbook.org
 *
 * Prediction: logits [rows, …, classes], without a softmax. Labels: probabilities or one-hot codes of the same shape, or class indices
 * [rows, …], which are one-hot encoded.
 */
export const categoricalCrossEntropy = (): Loss => ({
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
    return againstLogits(prediction, targets("categoricalCrossEntropy", prediction, labels));
  },
});

/**
 * L = −y ln σ(z) − (1 − y) ln(1 − σ(z)) = ln(1 + e^z) − z·y, for a logit z and a label y of 0 or 1 (or a probability); the mean over
 * the values of a sample. ln(1 + e^z) is computed as max(z, 0) + ln(1 + e^−|z|), which overflows for no z.
 * Bishop 2006, §4.3.2 (equation 4.90).
 *
 * Prediction: logits, without a sigmoid. Labels: values of the same shape (a last dimension of 1 may be missing), or indices of two
 * classes, which are 0 and 1 where the model has one output, and one-hot encoded where it has two.
 */
export const binaryCrossEntropy = (): Loss => ({
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
    return meanPerSample(math.subtract(math.softplus(prediction), math.multiply(prediction, target)));
  },
});

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
