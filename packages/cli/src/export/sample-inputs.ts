// Inputs to compare two renderings of a model with: like the data that it learned from, as far as the graph tells.
import { elementCount, featuresField, graphInputs, keyed, type FeatureDescription, type Graph, type Node } from "@tabgrad/core";

/** Rows of inputs that no data was needed for, row-major. The same for the same seed. */
export function sampleInputs(graph: Graph, features: FeatureDescription, rows: number, seed: number): Float32Array<ArrayBuffer> {
  const elements = elementCount(features.shape);
  const values = new Float32Array(rows * elements);
  const indices = indexRange(graph);
  if (indices !== undefined) {
    keyed(seed, "initialise", 0).fillUniform(values, 0, indices);
    return values.map(Math.floor);
  }
  // Of mean 0 and deviation 1 behind the normalisation, which is what most models see.
  keyed(seed, "initialise", 0).fillNormal(values, 0, 1);
  const at = (of: number | readonly number[], i: number): number => (typeof of === "number" ? of : of[i % elements]);
  return values.map((value, i) => (value - at(features.shift, i)) / at(features.scale, i));
}

/** How many there are to choose from, where the features are indices (tokens); undefined where they are values. */
function indexRange(graph: Graph): number | undefined {
  const input = graphInputs(graph).find(({ name }) => name === featuresField)?.node;
  for (const { operation, inputs, attributes } of graph.nodes) {
    if (operation === "oneHot" && sourceOf(graph, inputs[0]) === input) return attributes.depth;
    if (operation === "gather" && sourceOf(graph, inputs[1]) === input) return graph.nodes[inputs[0]].shape[0];
  }
  return undefined;
}

const movements: ReadonlySet<string> = new Set(["reshape", "transpose", "broadcastTo", "slice"] satisfies (
  Node["operation"] | "slice"
)[]);

/** The node whose values these are, moved about. */
function sourceOf(graph: Graph, node: number): number {
  let at = node;
  while (movements.has(graph.nodes[at].operation)) at = graph.nodes[at].inputs[0];
  return at;
}
