// What an optimizer is: named state vectors, and an update rule written as a small elementwise graph. The same graph is compiled for
// the fast path and evaluated in float64 by the tests.
import { GraphBuilder, math, type Graph, type Value } from "../graph/index.ts";
import type { Clip } from "./clip.ts";

/** What an update rule reads. Vectors are elementwise: parameter i sees gradient i and state i. */
export interface UpdateInputs<State extends string> {
  /** θ, vector. */
  readonly parameters: Value;
  /** g, vector: the mean of the samples' gradients. */
  readonly gradient: Value;
  /** Vectors, initially zero. */
  readonly state: Readonly<Record<State, Value>>;
  /** η, scalar: the setting, or what a schedule makes of it. */
  readonly learningRate: Value;
  /** t, scalar: 1 in the first step of the run. */
  readonly step: Value;
}

/** The new values of what the rule changes. */
export interface UpdateResults<State extends string> {
  readonly parameters: Value;
  readonly state: Readonly<Record<State, Value>>;
}

/** An optimizer with its settings. */
export interface UpdateRule<State extends string = string> {
  /** Names of the state vectors. */
  readonly state: readonly State[];
  /** Uses elementwise operations on vectors (`vectorOperations`), any operation on scalars: these are computed in float64. */
  update(inputs: UpdateInputs<State>): UpdateResults<State>;
}

/** Names of the vectors and scalars of an update graph, beside the state vectors. */
export const updateNames = {
  parameters: "parameters",
  /** The sum over the samples of their gradients. */
  gradients: "gradients",
  samples: "samples",
  learningRate: "learningRate",
  step: "step",
  /** What the mean gradient is multiplied with to clip its norm. */
  scale: "scale",
  /** The moving average of the parameters, vector, and how much of it stays in this step, scalar. */
  average: "average",
  averageDecay: "averageDecay",
  clippedValues: "clippedValues",
  squaredGradientNorm: "squaredGradientNorm",
  squaredParameterNorm: "squaredParameterNorm",
} as const;

export interface UpdateGraphOptions {
  readonly clip?: Clip;
  /** Whether an average of the parameters is kept. */
  readonly averages?: boolean;
}

/**
 * The graph of one step. Inputs: the vectors "parameters", "gradients" (sums) and the rule's state; the scalars "samples",
 * "learningRate" and "step", with clipping by norm "scale", too. Outputs: the new "parameters" and state; the sums
 * "squaredGradientNorm" (of the mean gradient, before clipping and weight decay) and "squaredParameterNorm" (of the new parameters),
 * with an average the vector "average" and the scalar "averageDecay" are inputs, and the new average is an output; with clipping by
 * value "clippedValues" (how many values of the gradient were clipped), too.
 */
export function updateGraph(rule: UpdateRule, { clip, averages = false }: UpdateGraphOptions = {}): Graph {
  const builder = new GraphBuilder(1);
  const input = (name: string, batched: boolean): Value => builder.emit("input", [], { name, shape: [], batched });
  const parameters = input(updateNames.parameters, true);
  const gradients = input(updateNames.gradients, true);
  const state = Object.fromEntries(rule.state.map((name) => [name, input(name, true)]));
  const samples = input(updateNames.samples, false);
  const learningRate = input(updateNames.learningRate, false);
  const step = input(updateNames.step, false);

  // The division by the number of samples (or by what they weigh together) happens here and nowhere else.
  const mean = math.multiply(gradients, math.divide(math.constant(samples, 1), samples));
  let gradient = mean;
  if (clip && "norm" in clip) gradient = math.multiply(gradients, math.divide(input(updateNames.scale, false), samples));
  if (clip && "value" in clip) gradient = math.maximum(math.minimum(mean, clip.value), -clip.value);
  const results = rule.update({ parameters, gradient, state, learningRate, step });
  return builder.graph({
    ...results.state,
    ...(averages && { [updateNames.average]: averaged(input, results.parameters) }),
    [updateNames.parameters]: results.parameters,
    [updateNames.squaredGradientNorm]: math.sum(math.square(mean)),
    ...(clip && "value" in clip && { [updateNames.clippedValues]: math.sum(math.greater(math.abs(mean), clip.value)) }),
    [updateNames.squaredParameterNorm]: math.sum(math.square(results.parameters)),
  });
}

function averaged(input: (name: string, batched: boolean) => Value, parameters: Value): Value {
  const decay = input(updateNames.averageDecay, false);
  const kept = math.multiply(input(updateNames.average, true), decay);
  return math.add(kept, math.multiply(parameters, math.subtract(math.constant(decay, 1), decay)));
}
