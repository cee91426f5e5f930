// Computes the same thing once: two nodes of the same operation, attributes and inputs become one.
import type { Graph } from "../graph.ts";
import type { Value } from "../value.ts";
import { rewrite } from "./rewrite.ts";

export function mergeCommonSubexpressions(graph: Graph): Graph {
  const seen = new Map<string, Value>();
  return rewrite(graph, (node, inputs, builder) => {
    // Two parameters of the same shape are still two parameters.
    if (node.operation === "parameter") return undefined;
    const key = JSON.stringify([node.operation, inputs.map((input) => input.node), node.attributes], (_, value: unknown) =>
      typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
        ? `number ${Object.is(value, -0) ? "-0" : value}`
        : value,
    );
    const before = seen.get(key);
    if (before) return before;
    const value = builder.emit(node.operation, inputs, node.attributes);
    seen.set(key, value);
    return value;
  });
}
