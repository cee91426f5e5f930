// A model at a glance: its layers, what comes out of each, and how many parameters it has.
import type { Graph, Node } from "../graph/graph.ts";
import { eliminateDeadCode } from "../graph/passes/index.ts";
import { elementCount, formatShape, type Shape } from "../graph/shape.ts";
import { predictionOutput } from "../graph/training.ts";

export interface LayerSummary {
  /** "dense 2 (128 units)"; the first one is "features". */
  readonly layer: string;
  /** The shape of its output for one sample. */
  readonly shape: Shape;
  /** Values it can learn. */
  readonly parameters: number;
}

/** The layers that lead to the prediction, in order, the input first. */
export function layerSummaries(graph: Graph): LayerSummary[] {
  const output = graph.outputs[predictionOutput];
  const { nodes } = eliminateDeadCode({ ...graph, outputs: { [predictionOutput]: output } });
  const layers = new Map<string | number, { layer: string; shape: Shape; parameters: number }>();
  for (const [index, node] of nodes.entries()) {
    // What stands within a layer is part of it; what stands in none is an operation of a functional model.
    const within = node.label.split(" › ")[0];
    if (within === "" && node.operation === "constant") continue;
    const layer = within || index;
    const entry = layers.get(layer) ?? { layer: within || nameOf(node), shape: [], parameters: 0 };
    if (node.operation === "parameter") entry.parameters += elementCount(node.shape);
    else if (node.operation !== "constant") entry.shape = node.shape.slice(1);
    layers.set(layer, entry);
  }
  return [...layers.values()];
}

const nameOf = (node: Node): string => (node.operation === "parameter" ? node.attributes.name : node.operation);

/** `layerSummaries` as a table for a terminal: one line a layer, and the total. */
export function summary(graph: Graph): string {
  const layers = layerSummaries(graph);
  const count = (value: number): string => value.toLocaleString("en-US");
  const total = layers.reduce((sum, { parameters }) => sum + parameters, 0);
  const table = [
    ["layer", "output", "parameters"],
    ...layers.map(({ layer, shape, parameters }) => [layer, formatShape(shape), count(parameters)]),
    ["total", "", count(total)],
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map(
      ([layer, shape, parameters]) => `${layer.padEnd(widths[0])}  ${shape.padEnd(widths[1])}  ${parameters.padStart(widths[2])}`,
    )
    .join("\n");
}
