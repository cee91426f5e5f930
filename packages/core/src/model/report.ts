// From sums over samples to what is reported: the loss, and what each metric makes of its sums. It is a graph, too, so that a run that
// is resumed, or continued by another program, has the rule as data; it is evaluated in float64, once, by whoever has all the sums.
import type { Sums } from "../engine/engine.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { evaluate } from "../graph/evaluate.ts";
import { sampleSums, type Graph } from "../graph/graph.ts";
import * as math from "../graph/math.ts";
import { lossWeightOutput } from "../graph/training.ts";
import type { Value } from "../graph/value.ts";
import type { Metric } from "./loss.ts";

const samplesInput = "samples";
const divisorOutput = "divisor";

/**
 * The graph of a run's report. Inputs: "samples", and each sum of the forward graph by its name. Outputs: "loss", the mean over samples,
 * or over what they weigh; "divisor", which that mean is taken with, and the mean of the gradients likewise; and "metric:NAME".
 * @param metrics by name; the sum of another metric output is divided by the number of samples
 */
export function reportGraph(forward: Graph, metrics: ReadonlyMap<string, Metric> = new Map()): Graph {
  const builder = new GraphBuilder(1);
  const input = (name: string, shape: readonly number[]): Value => builder.emit("input", [], { name, shape, batched: false });
  const samples = input(samplesInput, []);
  const sums = new Map(sampleSums(forward).map(({ name, shape }) => [name, input(name, shape)]));
  const weight = sums.get(lossWeightOutput);
  // Where nothing counts, all sums are 0.
  const divisor = weight ? math.select(math.greater(weight, 0), weight, math.constant(weight, 1)) : samples;
  const outputs: Record<string, Value> = { [divisorOutput]: divisor, loss: math.divide(sums.get("loss")!, divisor) };
  for (const [name, sum] of sums) {
    if (name === "loss" || name === lossWeightOutput) continue;
    const finish = metrics.get(name)?.finish ?? math.divide;
    outputs[name] = builder.scope(name, () => finish(sum, samples));
  }
  return builder.graph(outputs);
}

/** A list, as the scores of all classes, or rows, as a confusion matrix. */
export type Table = readonly number[] | readonly (readonly number[])[];

export const isList = (table: Table): table is readonly number[] => typeof table[0] === "number";

export interface Report {
  readonly loss: number;
  /** By the name of the metric. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Metrics that are more than one number. */
  readonly tables: Readonly<Record<string, Table>>;
  /** What sums of losses and gradients are divided by: the number of samples, or what they weigh together. */
  readonly divisor: number;
}

/** @param report a graph of `reportGraph`; @param sums over all samples, in the order of `sampleSums` */
export function finishReport(report: Graph, { samples, lossSum, metricSums }: Sums): Report {
  const values = [samples, lossSum, ...metricSums];
  let end = 0;
  const inputs: Record<string, number[]> = {};
  for (const node of report.nodes) {
    if (node.operation !== "input") continue;
    inputs[node.attributes.name] = values.slice(end, (end += node.shape.reduce((product, size) => product * size, 1)));
  }
  const metrics: Record<string, number> = {};
  const tables: Record<string, Table> = {};
  const { loss, [divisorOutput]: divisor, ...others } = evaluate(report, inputs);
  for (const [output, { shape, data }] of Object.entries(others)) {
    const name = output.slice("metric:".length);
    if (shape.length === 0) metrics[name] = data[0];
    else tables[name] = shape.length === 1 ? [...data] : rowsOf(data, shape[shape.length - 1]);
  }
  return { loss: loss.data[0], metrics, tables, divisor: divisor.data[0] };
}

/** The names of the metrics that are one number. */
export const reportedMetrics = ({ nodes, outputs }: Graph): string[] =>
  Object.entries(outputs).flatMap(([name, node]) =>
    name.startsWith("metric:") && nodes[node].shape.length === 0 ? [name.slice("metric:".length)] : [],
  );

/**
 * What `Report.divisor` will be, without the rest of the report: new parameters wait for it.
 * @param report a graph of `reportGraph`
 */
export function divisorRule(report: Graph): (sums: Sums) => number {
  const node = report.nodes[report.outputs[divisorOutput]];
  const isSamples = node.operation === "input" && node.attributes.name === samplesInput;
  return isSamples ? ({ samples }) => samples : (sums) => finishReport(report, sums).divisor;
}

const rowsOf = (data: Float64Array, width: number): number[][] =>
  Array.from({ length: data.length / width }, (_, row) => [...data.subarray(row * width, (row + 1) * width)]);
