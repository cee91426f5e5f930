// A kernel binds only so many tensors: a concatenation of more parts becomes one of concatenations.
import { GraphBuilder, type Graph, type Value } from "@tabgrad/core";

/** The same graph with no more than `most` inputs to a concatenation; `most` is two or more. */
export function nestConcatenations(graph: Graph, most: number): Graph {
  if (!graph.nodes.some((node) => node.operation === "concatenate" && node.inputs.length > most)) return graph;
  const builder = new GraphBuilder(graph.rows);
  const values: Value[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => values[input]);
    const emit = (): Value =>
      node.operation === "concatenate"
        ? builder.emit("concatenate", nested(inputs, node.attributes.axis, most, builder), node.attributes)
        : builder.emit(node.operation, inputs, node.attributes);
    values.push(node.label ? builder.scope(node.label, emit) : emit());
  }
  return builder.graph(Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, values[node]])));
}

function nested(parts: readonly Value[], axis: number, most: number, builder: GraphBuilder): readonly Value[] {
  if (parts.length <= most) return parts;
  const joined: Value[] = [];
  for (let start = 0; start < parts.length; start += most)
    joined.push(builder.emit("concatenate", parts.slice(start, start + most), { axis }));
  return nested(joined, axis, most, builder);
}
