// The metrics: what a person wants to know that the loss does not say.
import * as math from "../graph/math.ts";
import { elementCount } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import {
  counted,
  meanPerSample,
  misfit,
  partOf,
  ratioOfSums,
  readAs,
  shareOf,
  stacked,
  sumPerSample,
  targets,
  type Labels,
  type Metric,
  type Reading,
} from "./loss.ts";
import { checkNothing, optionsOf } from "./options.ts";
import { checkNumber, checkSize } from "./role.ts";

export interface AccuracyOptions {
  /** For one output that says yes or no: from which probability (or value) on it is a yes. Default: 0.5. */
  readonly threshold?: number;
}

/**
 * The share of right answers: 1 where argmaxⱼ pⱼ = y, else 0; with several positions in a sample, the mean over them. A model whose
 * output is a yes or no (`binaryCrossEntropy`, or one output for two classes) is right where (p > threshold) = y. Equal outputs count
 * as the first of them. What the loss ignores does not count here either. Goodfellow, Bengio & Courville 2016, §5.1.2, https://www.deeplearningbook.org
 *
 * Labels: class indices, one-hot codes or probabilities (their greatest is the right answer), or 0 and 1 for a yes or no.
 * @throws TabgradError MODEL_INVALID where the labels are values that name no class
 */
export function accuracy(options?: AccuracyOptions): Metric {
  const { threshold = 0.5 } = optionsOf("accuracy", options, { threshold: checkNumber });
  return {
    role: "metric",
    kind: "accuracy",
    form: "share",
    build(prediction, labels, reading) {
      const width = prediction.shape.length > 1 ? prediction.shape[prediction.shape.length - 1] : 1;
      const oneOfMany = reading === "classLogits" || (reading === "values" && labels.classes !== undefined && width > 1);
      if (oneOfMany) return shareOfLabels(math.equal(math.argmax(prediction), rightClass("accuracy", prediction, labels)), labels);
      if (reading === "values" && labels.classes === undefined) {
        const remedy = "Use meanAbsoluteError() or meanSquaredError() for values.";
        throw misfit("accuracy", "the labels are values, of which none is simply right or wrong", remedy);
      }
      const yes = math.greater(readAs(prediction, reading), threshold);
      return meanPerSample(math.equal(yes, math.greater(targets("accuracy", prediction, labels), 0.5)));
    },
    finish: meanOrRatio,
  };
}

/** The mean of what is 0 or 1 for each label; with labels to ignore, how many of the others there are, too. */
const shareOfLabels = (right: Value, labels: Labels): Value => {
  if (labels.ignoreIndex === undefined) return meanPerSample(right);
  const mask = counted(labels);
  return stacked([sumPerSample(math.multiply(right, mask)), sumPerSample(mask)]);
};

const meanOrRatio = (sums: Value, samples: Value): Value =>
  sums.shape.length === 0 ? math.divide(sums, samples) : ratioOfSums(sums);

/** The index of the right class of each label. */
function rightClass(kind: string, prediction: Value, labels: Labels): Value {
  // Without a check of its own, since a loss has compared the same two shapes before.
  return labels.classes === undefined ? math.argmax(targets(kind, prediction, labels)) : labels.value;
}

/**
 * The share of answers whose right class is among the k that the model gives most to: fewer than k classes have more than it. Reported
 * as "top5Accuracy" for a k of 5. Russakovsky et al. 2015, §4.1, https://arxiv.org/abs/1409.0575
 * @throws TabgradError MODEL_INVALID where the model does not choose among classes
 */
export function topKAccuracy(options?: { readonly k?: number }): Metric {
  const { k = 5 } = optionsOf("topKAccuracy", options, {
    k: (kind, name, value) => checkSize(kind, name, value, "topKAccuracy({ k: 5 })"),
  });
  const kind = `top${k}Accuracy`;
  return {
    role: "metric",
    kind,
    form: "share",
    build(prediction, labels, reading) {
      needClasses(kind, prediction, reading);
      const classes = prediction.shape[prediction.shape.length - 1];
      const truth = math.oneHot(rightClass(kind, prediction, labels), classes);
      const last = [prediction.shape.length - 1];
      const own = math.sum(math.multiply(prediction, truth), last, true);
      const ahead = math.sum(math.greater(prediction, own), last);
      return shareOfLabels(math.greater(math.constant(ahead, k), ahead), labels);
    },
    finish: meanOrRatio,
  };
}

/**
 * e to the mean of −ln softmax(z)_y over all labels: among how many equally likely classes the model would be as uncertain. It is that
 * of all labels together, not the mean of the samples' own; smoothing and weights of the loss have no part in it.
 * Jelinek, Mercer, Bahl & Baker 1977, https://doi.org/10.1121/1.2016299
 * @throws TabgradError MODEL_INVALID where the model does not choose among classes by logits, or the labels name none
 */
export function perplexity(...nothing: []): Metric {
  checkNothing("perplexity", nothing);
  return {
    role: "metric",
    kind: "perplexity",
    build(prediction, labels, reading) {
      if (reading !== "classLogits" || labels.classes === undefined) {
        const remedy = "Use it beside crossEntropy(), with labels that name a class.";
        throw misfit("perplexity", "the model gives no probabilities of the classes that the labels name", remedy);
      }
      const truth = math.oneHot(labels.value, labels.classes);
      const each = math.negate(math.sum(math.multiply(truth, math.logSoftmax(prediction)), [prediction.shape.length - 1]));
      const mask = counted(labels);
      return stacked([sumPerSample(math.multiply(each, mask)), sumPerSample(mask)]);
    },
    // Of a model that has diverged, a number all the same.
    finish: (sums) => math.exp(math.minimum(ratioOfSums(sums), 700)),
  };
}

/**
 * The share of the labels' variance that the model explains: 1 − Σ (y − p)² / Σ (y − ȳ)² over all samples, ȳ being the labels' mean;
 * with several values in a sample, the mean over them. Below 0 it is worse than to say ȳ always. From Σ y and Σ y² in float32, so that
 * labels far from 0 beside how much they differ cost it digits. Labels as for `meanSquaredError`.
 * Wright 1921, https://naldc.nal.usda.gov/catalog/IND43966364
 */
export function rSquared(...nothing: []): Metric {
  checkNothing("rSquared", nothing);
  return {
    role: "metric",
    kind: "rSquared",
    build(prediction, labels, reading) {
      const y = targets("rSquared", prediction, labels);
      const flat = (x: Value): Value => math.reshape(x, [-1, Math.max(1, elementCount(x.shape.slice(1)))]);
      return stacked([flat(math.square(math.subtract(readAs(prediction, reading), y))), flat(y), flat(math.square(y))]);
    },
    finish(sums, samples) {
      const [unexplained, total, squares] = [0, 1, 2].map((i) => partOf(sums, i));
      const variance = math.subtract(squares, math.divide(math.square(total), samples));
      return math.mean(math.subtract(math.constant(samples, 1), shareOf(unexplained, variance)));
    },
  };
}

/** @throws TabgradError MODEL_INVALID where a yes or no, or values, are no choice among classes */
export function needClasses(kind: string, prediction: Value, reading: Reading): void {
  if (reading === "classLogits" && prediction.shape.length > 1) return;
  throw misfit(kind, "the model does not choose among classes", "Use it beside crossEntropy() or categoricalCrossEntropy().");
}
