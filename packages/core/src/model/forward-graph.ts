// From the parts of a run file to the graph that is trained: features in, normalisation, model, loss and metrics for each sample out.
import { TabgradError } from "../errors.ts";
import {
  featuresField,
  labelShape,
  labelsField,
  type DatasetDescription,
  type FeatureDescription,
  type LabelDescription,
} from "../data/description.ts";
import { gradients } from "../graph/autodiff.ts";
import { GraphBuilder, replay, withRows } from "../graph/builder.ts";
import { graphInputs, parameterSlots, sampleSums, statisticPrefix, type Graph } from "../graph/graph.ts";
import * as math from "../graph/math.ts";
import { formatShape, sameShape, type Shape } from "../graph/shape.ts";
import { lossWeightOutput, predictionOutput, weightsInput } from "../graph/training.ts";
import type { Value } from "../graph/value.ts";
import { bounds } from "../protocol/bounds.ts";
import { buildLayer, type Layer, type Surroundings } from "./layer.ts";
import { ratioOfSums, stacked, type Labels, type Loss, type Metric, type MetricForm, type Reading } from "./loss.ts";
import { centreCrop } from "./preparation.ts";
import { reportGraph } from "./report.ts";
import { flatten } from "./reshaping.ts";

/** What a model must know of its data. */
export type DataShape = Pick<DatasetDescription, "features" | "labels">;

export interface ForwardOptions {
  readonly model: Layer;
  readonly loss: Loss;
  /** Default: the loss's own. */
  readonly metrics?: readonly Metric[];
  readonly data: DataShape;
  /** What the model is built for, where that is the middle of the images that the data has. Default: the shape of the features. */
  readonly sampleShape?: Shape;
  /** Rows of a microbatch, for layers that look at one as a whole. Default: all rows of a batch are one. */
  readonly microbatchSize?: number;
}

// Two microbatches, or rows, so that one is not mistaken for a dimension of 1, which would broadcast.
const buildRows = (microbatchSize = 1): number => 2 * microbatchSize;

/** What `forwardGraph` makes, and how its sums become a report. */
export interface RunGraphs {
  readonly forward: Graph;
  readonly report: Graph;
  /** By the name of the metric, of those that have one. */
  readonly forms: Readonly<Record<string, MetricForm>>;
}

/**
 * The forward graph of a run: inputs `featuresField` and `labelsField`, outputs "loss" ([rows]), "metric:NAME" ([rows, …]) and
 * "prediction" ([rows, …]), and "statistic:NAME" ([rows, …]) for each running statistic. It holds for any number of rows; in training, if
 * it tells microbatches apart, for whole microbatches.
 * @throws TabgradError MODEL_INVALID where layers, loss, metrics and data do not fit together, naming the layer
 */
export const forwardGraph = (options: ForwardOptions): Graph => runGraphs(options).forward;

/** The forward graph, and the report's. @throws TabgradError as `forwardGraph` */
export function runGraphs({ model, loss, metrics, data, sampleShape, microbatchSize }: ForwardOptions): RunGraphs {
  const builder = new GraphBuilder(buildRows(microbatchSize));
  const statistics = new Map<string, Value[]>();
  const surroundings = { ...(microbatchSize && { microbatchSize }), statistics };
  const prediction = buildPrediction(builder, model, data.features, sampleShape, surroundings);
  checkEnding(builder, prediction, loss);
  const labels = labelsInput(builder, data.labels, loss);
  const outputs: Record<string, Value> = { loss: builder.scope(loss.kind, () => loss.build(prediction, labels, loss.reading)) };
  const named = new Map<string, Metric>();
  for (const metric of (metrics ?? loss.defaultMetrics(data.labels)).map(asMetric)) {
    const name = `metric:${metric.kind}`;
    if (named.has(name)) throw invalid(`The metric ${metric.kind} is named twice.`, "Name it once.");
    named.set(name, metric);
    outputs[name] = builder.scope(metric.kind, () => metric.build(prediction, labels, loss.reading));
  }
  const { weight } = loss;
  if (weight) outputs[lossWeightOutput] = builder.scope(loss.kind, () => weight(prediction, labels));
  for (const [name, parts] of statistics) {
    outputs[statisticPrefix + name] = math.multiply(
      parts.reduce((sum, part) => math.add(sum, part)),
      1 / parts.length,
    );
  }
  const graph = builder.graph({ ...outputs, [predictionOutput]: prediction });
  checkParameters(graph);
  checkSums(graph);
  const forward = checkRows(graph, microbatchSize);
  const forms = [...named.values()].flatMap(({ kind, form }) => (form ? [[kind, form] as const] : []));
  return { forward, report: reportGraph(forward, named), forms: Object.fromEntries(forms) };
}

/** A loss beside another one: where its samples do not count alike, it takes their weights with it. */
function asMetric(metric: Metric | Loss): Metric {
  const weight = "weight" in metric ? metric.weight : undefined;
  if (!weight) return metric;
  return {
    ...metric,
    build: (prediction, labels, reading) => stacked([metric.build(prediction, labels, reading), weight(prediction, labels)]),
    finish: ratioOfSums,
  };
}

function checkSums(graph: Graph): void {
  const sums = sampleSums(graph).slice(1);
  const total = sums.reduce((sum, { elements }) => sum + elements, 0);
  if (total <= bounds.metricSums) return;
  const [largest] = sums.toSorted((a, b) => b.elements - a.elements);
  throw invalid(
    `The metrics have ${total} sums, of which at most ${bounds.metricSums} can travel; ${largest.name.slice("metric:".length)} has ${largest.elements}.`,
    "Leave it out, or use a metric that does not count each class by itself.",
  );
}

/**
 * The graph of a model alone: input `featuresField`, output "prediction". For a model that is asked but not trained.
 * @param features the shape of a sample, or how the dataset describes it
 * @throws TabgradError MODEL_INVALID naming the layer that does not fit
 */
export function predictionGraph(model: Layer, features: Shape | FeatureDescription): Graph {
  const builder = new GraphBuilder(buildRows());
  const description = "scale" in features ? features : { shape: features, scale: 1, shift: 0 };
  return checkRows(builder.graph({ [predictionOutput]: buildPrediction(builder, model, description) }));
}

function buildPrediction(
  builder: GraphBuilder,
  model: Layer,
  features: FeatureDescription,
  shape: Shape = features.shape,
  surroundings: Surroundings = {},
): Value {
  const input = builder.scope(featuresField, () => normalised(builder, features));
  const prepare = (layer: Layer, x: Value): Value => buildLayer(builder, layer, x, featuresField);
  const [height, width] = shape.slice(-2);
  const sample = sameShape(shape, features.shape) ? input : prepare(centreCrop(height, width), input);
  const start = model.takesVector && shape.length !== 1 ? prepare(flatten(), sample) : sample;
  return buildLayer(builder, model, start, "", surroundings);
}

/** x · scale + shift; nothing where that changes nothing. */
function normalised(builder: GraphBuilder, { shape, scale, shift }: FeatureDescription): Value {
  const x = builder.emit("input", [], { name: featuresField, shape, batched: true });
  const factor = (value: number | readonly number[]): Value => math.constant(x, value, typeof value === "number" ? [] : shape);
  const scaled = scale === 1 ? x : math.multiply(x, factor(scale));
  return shift === 0 ? scaled : math.add(scaled, factor(shift));
}

function labelsInput(builder: GraphBuilder, labels: LabelDescription, { ignoreIndex }: Loss): Labels {
  const shape = labelShape(labels);
  const value = builder.scope(labelsField, () => builder.emit("input", [], { name: labelsField, shape, batched: true }));
  if (labels.kind === "values") return { value };
  return { value, classes: labels.count, ...(ignoreIndex !== undefined && { ignoreIndex }) };
}

/** A loss from logits brings its own softmax or sigmoid; a second one before it flattens the gradients, and nobody notices. */
function checkEnding(builder: GraphBuilder, prediction: Value, loss: Loss): void {
  let node = builder.nodes[prediction.node];
  while (node.operation === "reshape") node = builder.nodes[node.inputs[0]];
  const twice: Partial<Record<Reading, string>> = { classLogits: "softmax", binaryLogits: "sigmoid" };
  if (loss.reading === "values" || (node.operation !== "softmax" && node.operation !== "sigmoid")) return;
  throw invalid(
    `${loss.kind} expects logits and applies ${twice[loss.reading]} itself, but the model ends with ${node.label}.`,
    `Remove the ${node.operation} at the end of the model.`,
  );
}

function checkParameters(graph: Graph): void {
  const slots = parameterSlots(graph);
  if (slots.every(({ frozen }) => frozen))
    throw invalid("The model has no parameters, so there is nothing to train.", "Add a layer that has some, such as dense(10).");
  const twice = slots.find((slot, i) => slots.findIndex((other) => other.name === slot.name) !== i);
  if (twice) throw invalid(`Two parameters are called "${twice.name}".`, "Give each parameter of a layer its own name.");

  const trained = slots.filter(({ momentum, frozen }) => momentum === undefined && !frozen);
  const builder = new GraphBuilder(graph.rows);
  const values = replay(graph, builder);
  const parts = gradients(
    builder,
    math.sum(values[graph.outputs.loss]),
    trained.map((slot) => values[slot.node]),
  );
  const stuck = trained.filter((_, i) => {
    const part = builder.nodes[parts[i].node];
    return part.operation === "constant" && part.attributes.values.every((value) => value === 0);
  });
  if (stuck.length === 0) return;
  const wall = firstWall(graph, new Set(stuck.map((slot) => slot.node)));
  throw invalid(
    `The parameters ${stuck.map((slot) => slot.name).join(", ")} cannot learn: their gradient is always 0.`,
    wall ? `No gradient passes ${wall}; use sigmoid(), tanh() or relu() instead.` : "Let the output of their layer reach the loss.",
  );
}

/** Operations that are constant almost everywhere. */
const flat: ReadonlySet<string> = new Set(["step", "sign", "argmax", "equal", "greater", "oneHot"]);

/** The label of the first node after these parameters that lets no gradient through. */
function firstWall(graph: Graph, parameters: ReadonlySet<number>): string | undefined {
  const after = new Set(parameters);
  for (const [index, node] of graph.nodes.entries()) {
    if (!node.inputs.some((input) => after.has(input))) continue;
    if (flat.has(node.operation)) return node.label;
    after.add(index);
  }
  return undefined;
}

/** The graph for one row, or one microbatch if it tells them apart, after a look at whether it is the same for other numbers of rows. */
function checkRows(graph: Graph, microbatchSize = 1): Graph {
  const unit = graphInputs(graph).some(({ name }) => name === weightsInput) ? microbatchSize : 1;
  try {
    const [one, other] = [unit, graph.rows + unit].map((rows) => withRows(graph, rows));
    for (const [name, node] of Object.entries(graph.outputs)) {
      const [, ...sample] = graph.nodes[node].shape;
      for (const { nodes, rows } of [graph, one, other]) {
        if (sameShape(nodes[node].shape, [rows, ...sample])) continue;
        const [found, expected] = [nodes[node].shape, [rows, ...sample]].map(formatShape);
        throw new Error(`"${name}" has shape ${found} where it should have ${expected}`);
      }
    }
    return one;
  } catch (error) {
    throw new TabgradError(
      "MODEL_INVALID",
      `The model works for one number of samples only: ${(error as Error).message}`,
      "Write shapes in your own layers with -1 for the first dimension, which counts the samples of a microbatch.",
      { cause: error },
    );
  }
}

const invalid = (message: string, remedy: string): TabgradError => new TabgradError("MODEL_INVALID", message, remedy);
