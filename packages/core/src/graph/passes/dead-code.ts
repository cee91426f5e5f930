// Drops what no output needs. Parameters stay even if unused: they define the layout of the flat vector.
import type { Graph, Node } from "../graph.ts";

export function eliminateDeadCode(graph: Graph): Graph {
  const alive = new Set<number>(Object.values(graph.outputs));
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index];
    if (node.operation === "parameter") alive.add(index);
    if (alive.has(index)) node.inputs.forEach((input) => alive.add(input));
  }
  const renumbered = new Map<number, number>();
  const nodes: Node[] = [];
  graph.nodes.forEach((node, index) => {
    if (!alive.has(index)) return;
    renumbered.set(index, nodes.length);
    nodes.push({ ...node, inputs: node.inputs.map((input) => renumbered.get(input)!) });
  });
  const outputs = Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, renumbered.get(node)!]));
  return { nodes, outputs, rows: graph.rows };
}
