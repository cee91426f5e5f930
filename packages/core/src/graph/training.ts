// From a model's forward graph to what an engine runs: sums over the rows, in training the gradient of the sum of losses, or what the
// model says of each row.
import { TabgradError } from "../errors.ts";
import { gradients } from "./autodiff.ts";
import { GraphBuilder } from "./builder.ts";
import { graphInputs, parameterSlots, sampleSums, statisticPrefix, type Graph } from "./graph.ts";
import { constant, multiply, reshape, subtract, sum } from "./math.ts";
import { inMode } from "./mode.ts";
import { optimise, rectifyLater, rewriteInto } from "./passes/index.ts";
import { formatShape, sameShape } from "./shape.ts";
import type { Value } from "./value.ts";

/**
 * The input that masks padding: shape [rows], 1 for a sample and 0 for padding. A forward graph that has it itself tells microbatches
 * apart: each is as many rows as `Graph.rows`, from a multiple of that on.
 */
export const weightsInput = "weights";

/**
 * The input with the samples' random keys, for `uniform`: shape [rows, 4], two words of 32 bits for each sample, each as its upper and
 * its lower 16 bits. A graph that has it is fed it in training only; what it decides must be behind `ifTraining`.
 */
export const keysInput = "keys";

/** The output with what the model says, before any softmax or sigmoid of the loss: [rows, …]. Not needed in training. */
export const predictionOutput = "prediction";

/** The metric output that a loss sums up whose samples do not count alike; it is not reported itself. */
export const lossWeightOutput = "metric:lossWeight";

/** Prefix of a training graph's gradient outputs; the parameter's name follows. */
export const gradientPrefix = "gradient:";

/**
 * The graph of one evaluation run: outputs "loss" and each "metric:NAME" are sums over the rows that count.
 * @param forward a graph with the per-sample outputs "loss" ([rows]) and "metric:NAME" ([rows, …])
 */
export function evaluationGraph(forward: Graph, rows: number): Graph {
  const { builder, outputs } = summed(inMode(forward, "evaluation"), rows);
  return optimise(builder.graph(outputs));
}

/**
 * As `evaluationGraph`, and for each parameter an output "gradient:NAME": d (sum of losses) / d parameter, of its shape. Frozen ones have
 * none, and nothing is computed for them. That of a running statistic is the sum over the samples of how far it is from what it
 * follows, so that a step of gradient descent moves it towards the mean; samples count as they do in the loss.
 */
export function trainingGraph(forward: Graph, rows: number): Graph {
  const training = inMode(forward, "training");
  const { builder, outputs, values, weights } = summed(training, rows);
  const slots = parameterSlots(training).filter((slot) => !slot.frozen);
  const trained = slots.filter((slot) => slot.momentum === undefined);
  const parts = gradients(
    builder,
    outputs.loss,
    trained.map((slot) => values[slot.node]),
  );
  const lossWeight = training.outputs[lossWeightOutput];
  const counted = lossWeight === undefined ? weights : multiply(weights, values[lossWeight]);
  const distance = (statistic: Value, perSample: Value): Value =>
    sum(multiply(subtract(statistic, perSample), reshape(counted, [-1, ...statistic.shape.map(() => 1)])), [0]);
  const partOf = new Map(trained.map((slot, i) => [slot, parts[i]]));
  for (const slot of slots) {
    const source = training.outputs[statisticPrefix + slot.name];
    const part = source === undefined ? partOf.get(slot) : distance(values[slot.node], values[source]);
    outputs[gradientPrefix + slot.name] = part ?? constant(values[slot.node], 0, slot.shape);
  }
  return optimise(builder.graph(outputs));
}

/**
 * The graph of one prediction: the output "prediction" alone, [rows, …], and no inputs but those that it depends on.
 * @throws TabgradError GRAPH_INVALID where the forward graph has no such output
 */
export function inferenceGraph(forward: Graph, rows: number): Graph {
  const output = forward.outputs[predictionOutput];
  if (output === undefined) {
    throw new TabgradError(
      "GRAPH_INVALID",
      `The graph has no output "${predictionOutput}", so it cannot be asked for predictions.`,
      "Make the graph with forwardGraph or predictionGraph, which name it.",
    );
  }
  const alone = inMode({ ...forward, outputs: { [predictionOutput]: output } }, "evaluation");
  const builder = new GraphBuilder(rows);
  const values = rewriteInto(alone, builder, rectifyLater(alone));
  const graph = optimise(builder.graph({ [predictionOutput]: values[alone.outputs[predictionOutput]] }));
  const { shape } = graph.nodes[graph.outputs[predictionOutput]];
  if (shape[0] === rows) return graph;
  throw new TabgradError(
    "GRAPH_INVALID",
    `The output "${predictionOutput}" has shape ${formatShape(shape)} for ${rows} rows.`,
    "Let its first dimension count the samples.",
  );
}

/** Whether the graph has a loss. One without can only be asked for predictions. */
export const hasLoss = (forward: Graph): boolean => Object.hasOwn(forward.outputs, "loss");

/** @throws TabgradError GRAPH_INVALID where the graph can neither be trained nor evaluated */
export function checkLoss(forward: Graph): void {
  if (hasLoss(forward)) return;
  throw new TabgradError(
    "GRAPH_INVALID",
    'The graph has no output "loss", so it can neither be trained nor evaluated.',
    "Use the graph that forwardGraph makes of model, loss and data; predictionGraph's is for predictions only.",
  );
}

interface Summed {
  readonly builder: GraphBuilder;
  readonly outputs: Record<string, Value>;
  /** By the nodes of the forward graph. */
  readonly values: readonly Value[];
  readonly weights: Value;
}

function summed(forward: Graph, rows: number): Summed {
  checkLoss(forward);
  const builder = new GraphBuilder(rows);
  const values = rewriteInto(forward, builder, rectifyLater(forward));
  const own = graphInputs(forward).find(({ name }) => name === weightsInput);
  const weights = own ? values[own.node] : builder.emit("input", [], { name: weightsInput, shape: [], batched: true });
  const outputs: Record<string, Value> = {};
  for (const { name, shape } of sampleSums(forward)) {
    const perSample = values[forward.outputs[name]];
    const expected = name === "loss" ? [rows] : [rows, ...shape];
    if (!sameShape(perSample.shape, expected)) {
      const numbers = name === "loss" ? "one number" : "the same numbers";
      throw new TabgradError(
        "GRAPH_INVALID",
        `The output "${name}" is of shape ${formatShape(perSample.shape)}; it must have ${numbers} for each sample.`,
        "Reduce it over every axis but the first.",
      );
    }
    const counted = shape.length === 0 ? weights : reshape(weights, [-1, ...shape.map(() => 1)]);
    outputs[name] = builder.scope(`sum of ${name}`, () => sum(multiply(perSample, counted), [0]));
  }
  return { builder, outputs, values, weights };
}
