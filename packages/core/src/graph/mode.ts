// The two readings of a forward graph: in training, and otherwise. It is settled which one before a graph is differentiated or optimised.
import type { Graph } from "./graph.ts";
import { rewrite } from "./passes/rewrite.ts";

/** The graph without `ifTraining`: what each of them stands for in this mode. */
export function inMode(forward: Graph, mode: "training" | "evaluation"): Graph {
  if (!forward.nodes.some(({ operation }) => operation === "ifTraining")) return forward;
  return rewrite(forward, (node, inputs) => (node.operation === "ifTraining" ? inputs[mode === "training" ? 0 : 1] : undefined));
}
