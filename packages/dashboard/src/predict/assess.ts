// From what the model said of the samples to what is shown: who was right, how badly the others were wrong, what is taken for what.
import { indexOfGreatest, classScores, readOutput, type Reading } from "@tabgrad/core";

/** Samples of one true class that the model gave one class to. */
export interface ClassPair {
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
}

/** All arrays are by sample. */
export interface ClassAssessment {
  readonly kind: "classes";
  readonly count: number;
  readonly truth: Float32Array;
  readonly predicted: Float32Array;
  /** The model's score for the predicted class. */
  readonly score: Float32Array;
  readonly right: number;
  /** The samples, the worst first: by the loss of the true class. */
  readonly order: readonly number[];
  /** Those that occur, the most frequent first. */
  readonly pairs: readonly ClassPair[];
}

export interface ValueAssessment {
  readonly kind: "values";
  readonly count: number;
  /** Values a sample. */
  readonly width: number;
  readonly truth: Float32Array;
  readonly predicted: Float32Array;
  /** The samples, the worst first: by squared error. */
  readonly order: readonly number[];
}

export type Assessment = ClassAssessment | ValueAssessment;

export interface Assessed {
  readonly labelKind: Assessment["kind"];
  readonly reading: Reading;
  readonly count: number;
  /** At least `count` samples of each. */
  readonly outputs: Float32Array;
  readonly outputWidth: number;
  readonly labels: Float32Array;
}

export const assess = (what: Assessed): Assessment => (what.labelKind === "classes" ? assessClasses(what) : assessValues(what));

const outputOf = ({ outputs, outputWidth }: Assessed, sample: number): Float32Array =>
  outputs.subarray(sample * outputWidth, (sample + 1) * outputWidth);

/** Beyond any loss that a float32 probability can have, so that infinite losses keep an order. */
const leastProbability = 1e-300;

function assessClasses(what: Assessed): ClassAssessment {
  const { count, reading } = what;
  const truth = what.labels.slice(0, count);
  const predicted = new Float32Array(count);
  const score = new Float32Array(count);
  const loss = new Float64Array(count);
  let right = 0;
  for (let sample = 0; sample < count; sample++) {
    const scores = classScores(outputOf(what, sample), reading);
    const best = indexOfGreatest(scores);
    predicted[sample] = best;
    score[sample] = scores[best];
    if (best === truth[sample]) right++;
    loss[sample] = classLoss(scores, truth[sample], reading);
  }
  return { kind: "classes", count, truth, predicted, score, right, order: worstFirst(loss), pairs: pairsOf(truth, predicted) };
}

/** −ln p of the true class; where the scores are plain values, how far the true class is behind the greatest. */
function classLoss(scores: Float64Array, truth: number, reading: Reading): number {
  if (reading === "values") return scores[indexOfGreatest(scores)] - scores[truth];
  return -Math.log(Math.max(scores[truth], leastProbability));
}

function pairsOf(truth: Float32Array, predicted: Float32Array): ClassPair[] {
  const counts = new Map<string, { truth: number; predicted: number; count: number }>();
  truth.forEach((own, sample) => {
    const key = `${own} ${predicted[sample]}`;
    const pair = counts.get(key);
    if (pair) pair.count++;
    else counts.set(key, { truth: own, predicted: predicted[sample], count: 1 });
  });
  return [...counts.values()].sort((a, b) => b.count - a.count || a.truth - b.truth || a.predicted - b.predicted);
}

function assessValues(what: Assessed): ValueAssessment {
  const { count, outputWidth: width, reading } = what;
  const truth = what.labels.slice(0, count * width);
  const predicted = new Float32Array(count * width);
  const loss = new Float64Array(count);
  for (let sample = 0; sample < count; sample++) {
    predicted.set(readOutput(outputOf(what, sample), reading), sample * width);
    for (let i = sample * width; i < (sample + 1) * width; i++) loss[sample] += (predicted[i] - truth[i]) ** 2;
  }
  return { kind: "values", count, width, truth, predicted, order: worstFirst(loss) };
}

/** NaN, of a model that has diverged, is worst of all. */
function worstFirst(loss: Float64Array): number[] {
  const value = (sample: number): number => (Number.isNaN(loss[sample]) ? Infinity : loss[sample]);
  return Array.from(loss, (_, sample) => sample).sort((a, b) => (value(a) === value(b) ? a - b : value(b) - value(a)));
}

/** Mean absolute error, and the share of the labels' variance that the model explains (R²; below 0: worse than their mean). */
export function fitOf({ width, truth, predicted }: ValueAssessment, which: number): { error: number; explained: number } {
  const own = truth.filter((_, i) => i % width === which);
  const said = predicted.filter((_, i) => i % width === which);
  const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
  const error = own.reduce((sum, value, i) => sum + Math.abs(said[i] - value), 0) / own.length;
  const unexplained = own.reduce((sum, value, i) => sum + (said[i] - value) ** 2, 0);
  const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { error, explained: 1 - unexplained / variance };
}
