// The one way a pass changes a graph: emit the nodes again, in order, some of them as something else.
import { GraphBuilder } from "../builder.ts";
import type { Graph, Node } from "../graph.ts";
import type { Value } from "../value.ts";

/** Returns the value that stands for the node, or undefined to keep the node as it is. `inputs` are the node's, already rewritten. */
export type Rewrite = (node: Node, inputs: readonly Value[], builder: GraphBuilder, index: number) => Value | undefined;

export function rewrite(graph: Graph, rule: Rewrite): Graph {
  const builder = new GraphBuilder(graph.rows);
  const values = rewriteInto(graph, builder, rule);
  return builder.graph(Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, values[node]])));
}

/** Emits every node of `graph` into `builder`, which may be for another number of rows; returns the new values by old index. */
export function rewriteInto(graph: Graph, builder: GraphBuilder, rule: Rewrite): Value[] {
  const values: Value[] = [];
  graph.nodes.forEach((node, index) => {
    const inputs = node.inputs.map((input) => values[input]);
    const build = (): Value => rule(node, inputs, builder, index) ?? builder.emit(node.operation, inputs, node.attributes);
    values.push(node.label ? builder.scope(node.label, build) : build());
  });
  return values;
}
