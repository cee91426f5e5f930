// The gradient of a weight that every position of a sequence shares is a sum of products, Σ aᵢᵀ·bᵢ over the batch. Taken as written
// it would store every product; the rows of all a and all b, one below the other, give the sum in one product.
import { eliminateDeadCode, GraphBuilder, math, sameShape, type Graph, type Node, type Value } from "@tabgrad/core";

/** The same graph with each such sum as one product. */
export function mergeProductSums(graph: Graph): Graph {
  const readers = graph.nodes.map(() => 0);
  graph.nodes.forEach((node) => node.inputs.forEach((input) => readers[input]++));
  const builder = new GraphBuilder(graph.rows);
  const values: Value[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => values[input]);
    const emit = (): Value =>
      (readers[node.inputs[0]] === 1 ? productSum(graph, node, values) : undefined) ??
      builder.emit(node.operation, inputs, node.attributes);
    values.push(node.label ? builder.scope(node.label, emit) : emit());
  }
  const outputs = Object.entries(graph.outputs).map(([name, node]) => [name, values[node]] as const);
  return eliminateDeadCode(builder.graph(Object.fromEntries(outputs)));
}

function productSum(graph: Graph, node: Node, values: readonly Value[]): Value | undefined {
  if (node.operation !== "sum") return undefined;
  const product = graph.nodes[node.inputs[0]];
  if (product.operation !== "matmul" || !product.attributes.transposeA || product.attributes.transposeB) return undefined;
  const [a, b] = product.inputs.map((input) => values[input]);
  const batch = a.shape.slice(0, -2);
  const overBatch = node.attributes.axes.length === batch.length && node.attributes.axes.every((axis, i) => axis === i);
  if (batch.length === 0 || !overBatch || !sameShape(batch, b.shape.slice(0, -2))) return undefined;
  const stacked = (value: Value): Value => math.reshape(value, [-1, value.shape[value.shape.length - 1]]);
  return math.reshape(math.matmul(stacked(a), stacked(b), { transposeA: true }), node.shape);
}
