// Moves broadcastTo behind elementwise operations, which broadcast by themselves: less is computed, and most repetitions vanish.
import { GraphBuilder, sameShape, type Graph, type Node, type OperationName, type Value } from "@tabgrad/core";

const elementwise = new Set<OperationName>([
  ...([
    "negate",
    "exp",
    "log",
    "sqrt",
    "abs",
    "sign",
    "step",
    "relu",
    "leakyRelu",
    "sigmoid",
    "tanh",
    "softplus",
    "erf",
    "gelu",
    "sin",
    "cos",
  ] as const),
  ...(["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "equal", "greater", "select"] as const),
]);

/** The same function; the graph may hold nodes that nothing reads any more. */
export function sinkBroadcasts(graph: Graph): Graph {
  const builder = new GraphBuilder(graph.rows);
  const values: Value[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => values[input]);
    const emit = (): Value => sunk(node, inputs, builder) ?? builder.emit(node.operation, inputs, node.attributes);
    values.push(node.label ? builder.scope(node.label, emit) : emit());
  }
  return builder.graph(Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, values[node]])));
}

function sunk(node: Node, inputs: readonly Value[], builder: GraphBuilder): Value | undefined {
  if (!elementwise.has(node.operation)) return undefined;
  const narrowed = inputs.map((input) => narrow(input, builder));
  if (narrowed.every((value, i) => value === inputs[i])) return undefined;
  const result = builder.emit(node.operation, narrowed, node.attributes);
  return sameShape(result.shape, node.shape) ? result : builder.emit("broadcastTo", [result], { shape: node.shape });
}

/** What a repeated tensor repeats. */
function narrow(value: Value, builder: GraphBuilder): Value {
  const node = builder.nodes[value.node];
  if (node.operation === "broadcastTo") return builder.valueOf(node.inputs[0]);
  const fills = node.operation === "constant" && node.attributes.values.length === 1 && node.shape.length > 0;
  return fills ? builder.emit("constant", [], { shape: [], values: node.attributes.values }) : value;
}
