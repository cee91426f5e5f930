// npx tsx --conditions=@tabgrad/source examples/perceptron/perceptron.ts
//
// The perceptron, the smallest neural network there is: one neuron (Rosenblatt 1958, https://doi.org/10.1037/h0042519).
//
// It has an input for each thing it is told, and a weight for each input: how much that input speaks for "yes" (a positive weight) or
// for "no" (a negative one). It adds up inputs times weights and a bias, which is its inclination when all inputs are 0, and answers 1
// if the sum is above 0, else 0.
//
//     inputs 12 and 4, weights 0.5 and −1, bias 1:     12 · 0.5 + 4 · (−1) + 1 = 3, which is above 0, so the answer is 1
//
// In tabgrad the sum is a `dense` layer of one unit, and the answer a `step` after it. The command takes a second: a perceptron learns
// "and" and "or", still gives 4 wrong answers in its hundredth round of "xor", and two layers have all of that right.
import { dense, evaluate, predictionGraph, sequential, step, withRows, type Layer } from "tabgrad";

export const weightedSum = dense(1);
export const perceptron = sequential(dense(1), step());

/** Weights first, then the bias. */
export const weights = [0.5, -1, 1];

/** What a model answers to each of some inputs. `parameters` are its weights and biases, layer after layer. */
export function answers(model: Layer, inputs: readonly (readonly number[])[], parameters: readonly number[]): number[] {
  const graph = withRows(predictionGraph(model, [inputs[0].length]), inputs.length);
  return [...evaluate(graph, { features: inputs.flat() }, parameters).prediction.data];
}

// A perceptron can learn. Show it an example; if its answer is wrong, move every weight a little towards the right one:
//
//     weight ← weight + (label − answer) · input           bias ← bias + (label − answer)
//
// If any weights are right for all examples, this finds some after finitely many mistakes (Novikoff 1962). Gradient descent cannot do
// it: the step's slope is 0 wherever it has one. That is why later networks have smooth activations such as `sigmoid`.

export interface Example {
  readonly inputs: readonly number[];
  readonly label: number;
}

/** Learns from the examples in turn until all answers are right, or `rounds` are over. */
export function learn(examples: readonly Example[], rounds: number): { parameters: number[]; mistakes: number } {
  let parameters = new Array<number>(examples[0].inputs.length + 1).fill(0);
  let mistakes = 0;
  for (let round = 0; round < rounds; round++) {
    mistakes = 0;
    for (const { inputs, label } of examples) {
      const error = label - answers(perceptron, [inputs], parameters)[0];
      if (error !== 0) mistakes++;
      parameters = parameters.map((value, i) => value + error * (i < inputs.length ? inputs[i] : 1));
    }
    if (mistakes === 0) break;
  }
  return { parameters, mistakes };
}

const cases = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const labelled = (rule: (a: number, b: number) => number): Example[] =>
  cases.map((inputs) => ({ inputs, label: rule(inputs[0], inputs[1]) }));

export const and = labelled((a, b) => a & b);
export const or = labelled((a, b) => a | b);

// One perceptron draws one straight line, and no straight line separates "exactly one of the two" from the rest (Minsky & Papert
// 1969). Two layers can: the first asks "or?" and "and?", the second answers "or, but not and".
export const xor = labelled((a, b) => a ^ b);
export const twoLayers = sequential(dense(2), step(), dense(1), step());
export const xorParameters = [
  ...[1, 1, 1, 1], // weights of the first layer: both units add up the inputs …
  ...[-0.5, -1.5], // … and ask whether that is more than ½ (or), more than 1½ (and)
  ...[1, -1], // weights of the second layer: or, but not and
  ...[-0.5],
];

function main(): void {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const [sum] = answers(weightedSum, [[12, 4]], weights);
  const [answer] = answers(perceptron, [[12, 4]], weights);
  print(`inputs 12 and 4, weights 0.5 and -1, bias 1: the sum is ${sum}, the answer ${answer}`);
  for (const [name, examples] of Object.entries({ and, or, xor })) {
    const { parameters, mistakes } = learn(examples, 100);
    const [a, b, bias] = parameters;
    print(
      `learning "${name}": ${mistakes === 0 ? `weights ${a} and ${b}, bias ${bias}` : `still ${mistakes} mistakes in round 100`}`,
    );
  }
  print(`"xor" with two layers: ${answers(twoLayers, cases, xorParameters).join(" ")}`);
}

if (process.argv[1] === import.meta.filename) main();
