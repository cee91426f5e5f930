// Metrics of what is taken for what. They are no means over samples: counts are summed over all samples, and the score is made of them
// once.
import * as math from "../graph/math.ts";
import { elementCount } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { counted, misfit, partOf, readAs, shareOf, stacked, targets, type Labels, type Metric, type Reading } from "./loss.ts";
import { optionsOf } from "./options.ts";
import { checkNumber, show } from "./role.ts";

export interface DetectionOptions {
  /** For one output that says yes or no: from which probability on it is a yes. Default: 0.5. */
  readonly threshold?: number;
  /**
   * What becomes of the scores of several classes, as scikit-learn has it. "macro": their mean, in which rare classes count as much as
   * others; classes that no label and no answer is of are left out. "weighted": their mean, each as often as labels are of it. "micro": the
   * score of all counts together. "none": they stay a list, one for each class. The metric is then called "macroF1", "weightedF1",
   * "microF1" and "classF1", so that several of them may stand side by side. Default: "macro"; for a yes or no, the score of the yeses
   * alone, where the others are of both classes, no and yes.
   */
  readonly average?: Average;
}

const averages = ["macro", "weighted", "micro", "none"] as const;
type Average = (typeof averages)[number];

/**
 * Of what the model says is of a class, the share that is: TP / (TP + FP); 0 where it says so of nothing. For a yes or no, of the yeses.
 * Counted over all samples, labels that the loss ignores left out. Kent, Berry, Luehrs & Perry 1955, https://doi.org/10.1002/asi.5090060209
 * @throws TabgradError MODEL_INVALID where an option is wrong, or labels and model do not choose among classes
 */
export const precision = (options?: DetectionOptions): Metric =>
  detection("precision", options, ([hits, said]) => shareOf(hits, said));

/**
 * Of what is of a class, the share that the model says so of: TP / (TP + FN); 0 where nothing is. Otherwise as `precision`.
 * @throws TabgradError MODEL_INVALID as `precision`
 */
export const recall = (options?: DetectionOptions): Metric =>
  detection("recall", options, ([hits, , there]) => shareOf(hits, there));

/**
 * The harmonic mean of precision and recall, for each class: 2 TP / (2 TP + FP + FN). Otherwise as `precision`.
 * van Rijsbergen 1979, "Information Retrieval", chapter 7, http://www.dcs.gla.ac.uk/Keith/Chapter.7/Ch.7.html
 * @throws TabgradError MODEL_INVALID as `precision`
 */
export const f1 = (options?: DetectionOptions): Metric =>
  detection("f1", options, ([hits, said, there]) => shareOf(math.multiply(hits, 2), math.add(said, there)));

/**
 * How often each class (row) was taken for each class (column), over all samples: a table, which is reported of evaluations. At most 64
 * classes. For a yes or no, no is class 0.
 * @throws TabgradError MODEL_INVALID as `precision`
 */
export function confusionMatrix(options?: Pick<DetectionOptions, "threshold">): Metric {
  const { threshold = 0.5 } = optionsOf("confusionMatrix", options, { threshold: checkNumber });
  return {
    role: "metric",
    kind: "confusionMatrix",
    form: "confusion",
    build(prediction, labels, reading) {
      const { said, truth } = answers("confusionMatrix", prediction, labels, reading, threshold);
      const [predicted, actual] = said.shape[2] > 1 ? [said, truth] : [said, truth].map(asTwoClasses);
      return math.matmul(actual, predicted, { transposeA: true });
    },
    finish: (sums) => sums,
  };
}

function checkAverage(kind: string, option: string, value: unknown): void {
  if (averages.some((average) => average === value)) return;
  const expected = averages.map((average) => `"${average}"`).join(", ");
  throw misfit(kind, `${option} is ${show(value)}; expected ${expected}`, "Leave it out for the mean over the classes.");
}

/** @param score from the counts of each class [classes], or of all together []: hits, times said, times there */
function detection(kind: string, options: DetectionOptions | undefined, score: (counts: readonly Value[]) => Value): Metric {
  const { threshold = 0.5, average } = optionsOf(kind, options, { threshold: checkNumber, average: checkAverage });
  return {
    role: "metric",
    kind: average === undefined ? kind : `${average === "none" ? "class" : average}${kind[0].toUpperCase()}${kind.slice(1)}`,
    form: average === "none" ? "classShares" : "share",
    build(prediction, labels, reading) {
      const found = answers(kind, prediction, labels, reading, threshold);
      const both = [found.said, found.truth];
      const [said, truth] = average !== undefined && found.said.shape[2] === 1 ? both.map(asTwoClasses) : both;
      return stacked([math.multiply(said, truth), said, truth].map((each) => math.sum(each, [1])));
    },
    finish(sums) {
      const counts = [0, 1, 2].map((i) => partOf(sums, i));
      return averaged(average ?? "macro", counts, score);
    },
  };
}

/** @param counts of each class: hits, times said, times there */
function averaged(average: Average, counts: readonly Value[], score: (counts: readonly Value[]) => Value): Value {
  if (average === "micro") return score(counts.map((count) => math.sum(count)));
  const scores = score(counts);
  if (average === "none") return scores;
  const [, said, there] = counts;
  const weights = average === "weighted" ? there : math.greater(math.add(said, there), 0);
  return shareOf(math.sum(math.multiply(scores, weights)), math.sum(weights));
}

/** What was said and what is true, [rows, labels of a sample, classes], as one-hot codes; of a yes or no, with one class: the yes. */
function answers(
  kind: string,
  prediction: Value,
  labels: Labels,
  reading: Reading,
  threshold: number,
): { readonly said: Value; readonly truth: Value } {
  const width = prediction.shape.length > 1 ? prediction.shape[prediction.shape.length - 1] : 1;
  if (reading === "values" && labels.classes === undefined) {
    const remedy = "Use meanAbsoluteError(), meanSquaredError() or rSquared() for values.";
    throw misfit(kind, "the labels are values, which are of no class", remedy);
  }
  if (reading === "binaryLogits" || width === 1) {
    const yes = math.greater(readAs(prediction, reading), threshold);
    const truth = math.greater(targets(kind, prediction, labels), 0.5);
    const flat = (x: Value): Value => math.reshape(x, [-1, elementCount(x.shape.slice(1)), 1]);
    return { said: flat(yes), truth: flat(truth) };
  }
  const right = labels.classes === undefined ? math.argmax(targets(kind, prediction, labels)) : labels.value;
  const positions = elementCount(right.shape.slice(1));
  const mask = math.reshape(counted(labels), [-1, positions, 1]);
  const code = (classes: Value): Value => {
    const flat = math.reshape(math.oneHot(classes, width), [-1, positions, width]);
    return labels.ignoreIndex === undefined ? flat : math.multiply(flat, mask);
  };
  return { said: code(math.argmax(prediction)), truth: code(right) };
}

const asTwoClasses = (yes: Value): Value => math.concatenate([math.subtract(math.constant(yes, 1), yes), yes], 2);
