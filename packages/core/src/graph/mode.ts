// The two readings of a forward graph: in training, and otherwise. It is settled which one before a graph is differentiated or optimised.
import { statisticPrefix, type Graph } from "./graph.ts";
import { eliminateDeadCode } from "./passes/dead-code.ts";
import { rewrite } from "./passes/rewrite.ts";

/**
 * The graph without `ifTraining`: what each of them stands for in this mode, and nothing of the other one, which may hold for fewer
 * numbers of rows. Statistics are followed in training only.
 */
export function inMode(forward: Graph, mode: "training" | "evaluation"): Graph {
  if (!forward.nodes.some(({ operation }) => operation === "ifTraining")) return forward;
  const wanted = Object.entries(forward.outputs).filter(([name]) => mode === "training" || !name.startsWith(statisticPrefix));
  const settled = rewrite({ ...forward, outputs: Object.fromEntries(wanted) }, (node, inputs) =>
    node.operation === "ifTraining" ? inputs[mode === "training" ? 0 : 1] : undefined,
  );
  return eliminateDeadCode(settled);
}
