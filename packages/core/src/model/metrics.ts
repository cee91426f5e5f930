// The metrics: what a person wants to know that the loss does not say. Each is one number for each sample, averaged over samples.
import * as math from "../graph/math.ts";
import type { Value } from "../graph/value.ts";
import { meanPerSample, misfit, targets, type Labels, type Metric, type Reading } from "./loss.ts";
import { checkNumber } from "./role.ts";

export interface AccuracyOptions {
  /** For one output that says yes or no: from which probability (or value) on it is a yes. Default: 0.5. */
  readonly threshold?: number;
}

/**
 * The share of right answers: 1 where argmaxⱼ pⱼ = y, else 0; with several positions in a sample, the mean over them. A model whose
 * output is a yes or no (`binaryCrossEntropy`, or one output for two classes) is right where (p > threshold) = y. Equal outputs count
 * as the first of them. Goodfellow, Bengio & Courville 2016, §5.1.2, https://www.deeplearningbook.org
 *
 * Labels: class indices, one-hot codes or probabilities (their greatest is the right answer), or 0 and 1 for a yes or no.
 * @throws TabgradError MODEL_INVALID where the labels are values that name no class
 */
export function accuracy({ threshold = 0.5 }: AccuracyOptions = {}): Metric {
  checkNumber("accuracy", "threshold", threshold);
  return {
    role: "metric",
    kind: "accuracy",
    build(prediction, labels, reading) {
      const width = prediction.shape.length > 1 ? prediction.shape[prediction.shape.length - 1] : 1;
      const oneOfMany = reading === "classLogits" || (reading === "values" && labels.classes !== undefined && width > 1);
      if (oneOfMany) return meanPerSample(math.equal(math.argmax(prediction), rightClass(prediction, labels)));
      if (reading === "values" && labels.classes === undefined) {
        const remedy = "Use meanAbsoluteError() or meanSquaredError() for values.";
        throw misfit("accuracy", "the labels are values, of which none is simply right or wrong", remedy);
      }
      const yes = math.greater(readAs(prediction, reading), threshold);
      return meanPerSample(math.equal(yes, math.greater(targets("accuracy", prediction, labels), 0.5)));
    },
  };
}

function rightClass(prediction: Value, labels: Labels): Value {
  // Without a check of its own, since a loss has compared the same two shapes before.
  return labels.classes === undefined ? math.argmax(targets("accuracy", prediction, labels)) : labels.value;
}

/**
 * (1/n) Σᵢ |pᵢ − yᵢ|, over the n values of a sample. Willmott & Matsuura 2005, https://doi.org/10.3354/cr030079
 * Labels as for `meanSquaredError`; beside a loss from logits, p are the probabilities.
 */
export const meanAbsoluteError = (): Metric => ({
  role: "metric",
  kind: "meanAbsoluteError",
  build: (prediction, labels, reading) =>
    meanPerSample(math.abs(math.subtract(readAs(prediction, reading), targets("meanAbsoluteError", prediction, labels)))),
});

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
