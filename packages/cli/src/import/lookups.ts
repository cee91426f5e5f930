// Look-ups of rows by an index that counts for nothing where it is none, as `embedding` is exported: several nodes, which are one
// operation here. They are made one again before a graph is translated.
import type { DecodedGraph, DecodedNode } from "@tabgrad/cpu";

/** The graph with one Gather, of the table and the values as they are, in place of each of them. */
export function withPlainLookups(graph: DecodedGraph): DecodedGraph {
  const sources = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const nodes = graph.nodes.map((node) => {
    const inputs = node.type === "Gather" ? checkedLookup(node, sources) : undefined;
    return inputs ? { ...node, inputs } : node;
  });
  return { ...graph, nodes };
}

/** The table, and the values that are rounded to its rows: Pad adds a row of zeros for whatever Where finds to be no index. */
function checkedLookup(gather: DecodedNode, sources: ReadonlyMap<string, DecodedNode>): string[] | undefined {
  const from = (tensor: string, type: string): DecodedNode | undefined => {
    const node = sources.get(tensor);
    return node?.type === type ? node : undefined;
  };
  const padded = from(gather.inputs[0], "Pad");
  const rounded = from(gather.inputs[1], "Cast");
  const chosen = rounded && from(rounded.inputs[0], "Where");
  const compared = chosen && from(chosen.inputs[0], "Equal");
  const nearest = compared && from(compared.inputs[1], "Clip");
  const whole = nearest && from(nearest.inputs[0], "Floor");
  if (!padded || !whole) return undefined;
  const [values] = whole.inputs;
  return chosen.inputs[1] === values && compared.inputs[0] === values ? [padded.inputs[0], values] : undefined;
}
