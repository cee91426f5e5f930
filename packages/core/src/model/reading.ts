// What the model's output means. The graph tells: a loss from logits puts a softmax or a sigmoid of its own behind the prediction.
import type { OperationName } from "../graph/attributes.ts";
import type { Graph } from "../graph/graph.ts";
import { predictionOutput } from "../graph/training.ts";
import type { Reading } from "./loss.ts";

const readings: Partial<Record<OperationName, Reading>> = {
  softmax: "classLogits",
  logSoftmax: "classLogits",
  sigmoid: "binaryLogits",
  softplus: "binaryLogits",
};

/** What the run's loss and metrics take the prediction for. */
export function readingOf({ nodes, outputs }: Graph): Reading {
  const prediction = outputs[predictionOutput];
  const after = nodes.filter(({ inputs }) => inputs.includes(prediction));
  return after.map(({ operation }) => readings[operation]).find((reading) => reading !== undefined) ?? "values";
}

/** e^zⱼ / Σ e^zₖ, without overflow. */
export function softmaxOf(logits: ArrayLike<number>): Float64Array {
  const powers = Float64Array.from(logits);
  const greatest = powers.reduce((most, value) => Math.max(most, value), -Infinity);
  let sum = 0;
  for (let i = 0; i < powers.length; i++) sum += powers[i] = Math.exp(powers[i] - greatest);
  return powers.map((power) => power / sum);
}

export const sigmoidOf = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** One sample's output in the labels' terms: logits become probabilities, values stay as they are. */
export function readOutput(output: ArrayLike<number>, reading: Reading): Float64Array {
  switch (reading) {
    case "classLogits":
      return softmaxOf(output);
    case "binaryLogits":
      return Float64Array.from(output, sigmoidOf);
    case "values":
      return Float64Array.from(output);
    default:
      return reading satisfies never;
  }
}

/**
 * How much the model speaks for each class, from one sample's output. A single output is a yes or no: it speaks for class 1, and what
 * is left for class 0.
 */
export function classScores(output: ArrayLike<number>, reading: Reading): Float64Array {
  const scores = readOutput(output, reading);
  return scores.length === 1 ? Float64Array.of(1 - scores[0], scores[0]) : scores;
}

/** Whether the scores are probabilities, and may be shown as percentages. */
export const areProbabilities = (reading: Reading): boolean => reading !== "values";

/** The index of the greatest; the first of equal ones, as accuracy counts them. */
export function indexOfGreatest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
