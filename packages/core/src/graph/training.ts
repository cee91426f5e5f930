// From a model's forward graph to what an engine runs: sums over the rows, and in training the gradient of the sum of losses.
import { TabgradError } from "../errors.ts";
import { gradients } from "./autodiff.ts";
import { GraphBuilder, replay } from "./builder.ts";
import { metricNames, parameterSlots, type Graph } from "./graph.ts";
import { multiply, sum } from "./math.ts";
import { optimise } from "./passes/index.ts";
import { formatShape, sameShape } from "./shape.ts";
import type { Value } from "./value.ts";

/** The input that masks padding: shape [rows], 1 for a sample and 0 for padding. */
export const weightsInput = "weights";

/** Prefix of a training graph's gradient outputs; the parameter's name follows. */
export const gradientPrefix = "gradient:";

/**
 * The graph of one evaluation run: outputs "loss" and each "metric:NAME" are sums over the rows that count (shape []).
 * @param forward a graph with the per-sample outputs "loss" and "metric:NAME", each of shape [rows]
 */
export function evaluationGraph(forward: Graph, rows: number): Graph {
  const { builder, outputs } = summed(forward, rows);
  return optimise(builder.graph(outputs));
}

/** As `evaluationGraph`, and for each parameter an output "gradient:NAME": d (sum of losses) / d parameter, of its shape. */
export function trainingGraph(forward: Graph, rows: number): Graph {
  const { builder, outputs, values } = summed(forward, rows);
  const slots = parameterSlots(forward);
  const parts = gradients(
    builder,
    outputs.loss,
    slots.map((slot) => values[slot.node]),
  );
  slots.forEach((slot, i) => (outputs[gradientPrefix + slot.name] = parts[i]));
  return optimise(builder.graph(outputs));
}

function summed(forward: Graph, rows: number): { builder: GraphBuilder; outputs: Record<string, Value>; values: Value[] } {
  const builder = new GraphBuilder(rows);
  const values = replay(forward, builder);
  const weights = builder.emit("input", [], { name: weightsInput, shape: [], batched: true });
  const outputs: Record<string, Value> = {};
  for (const name of ["loss", ...metricNames(forward).map((metric) => `metric:${metric}`)]) {
    const perSample = values[forward.outputs[name]];
    if (!perSample || !sameShape(perSample.shape, [rows])) {
      const found = perSample ? `of shape ${formatShape(perSample.shape)}` : "missing";
      throw new TabgradError(
        "GRAPH_INVALID",
        `The output "${name}" is ${found}; it must have one number for each sample.`,
        "Reduce it over every axis but the first.",
      );
    }
    outputs[name] = builder.scope(`sum of ${name}`, () => sum(multiply(perSample, weights)));
  }
  return { builder, outputs, values };
}
