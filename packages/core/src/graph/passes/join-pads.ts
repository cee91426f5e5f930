// Puts together what was cut: a sum of paddings that lie end to end, as the gradients of slices do, is a concatenation. The same function
// but for the sign of a zero, to which no zero is added then.
import type { GraphBuilder } from "../builder.ts";
import type { Graph } from "../graph.ts";
import { sameShape } from "../shape.ts";
import type { Value } from "../value.ts";
import { rewrite } from "./rewrite.ts";

export function joinPads(graph: Graph): Graph {
  return rewrite(graph, ({ operation }, [a, b], builder) =>
    operation === "add" ? (joined(a, b, builder) ?? joined(b, a, builder)) : undefined,
  );
}

/** Both in one, if the second begins where the first ends. */
function joined(first: Value, second: Value, builder: GraphBuilder): Value | undefined {
  const [start, end] = [builder.nodes[first.node], builder.nodes[second.node]];
  if (start.operation !== "pad" || end.operation !== "pad" || !sameShape(start.shape, end.shape)) return undefined;
  const { axis, before } = start.attributes;
  const [left, right] = [start.inputs[0], end.inputs[0]].map((input) => builder.valueOf(input));
  if (end.attributes.axis !== axis || before + left.shape[axis] !== end.attributes.before) return undefined;
  const both = builder.emit("concatenate", [...partsOf(left, axis, builder), ...partsOf(right, axis, builder)], { axis });
  const { after } = end.attributes;
  return before === 0 && after === 0 ? both : builder.emit("pad", [both], { axis, before, after });
}

function partsOf(value: Value, axis: number, builder: GraphBuilder): Value[] {
  const node = builder.nodes[value.node];
  const isConcatenation = node.operation === "concatenate" && node.attributes.axis === axis;
  return isConcatenation ? node.inputs.map((input) => builder.valueOf(input)) : [value];
}
