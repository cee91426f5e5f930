// The maximum of relu(x) over windows is relu of the maximum, which is a fraction of the elements, on the way back as well. Exactly the
// same: relu neither rounds nor reorders what stays positive, and where nothing does no gradient passes.
import type { Graph } from "../graph.ts";
import * as math from "../math.ts";
import type { Rewrite } from "./rewrite.ts";

/** For a forward graph before it is differentiated, so that its gradient is that of the cheaper form. */
export function rectifyLater({ nodes, outputs }: Graph): Rewrite {
  const readers = nodes.map(() => 0);
  for (const node of nodes) node.inputs.forEach((input) => readers[input]++);
  for (const node of Object.values(outputs)) readers[node]++;
  return (node, [pooled], builder) => {
    if (node.operation !== "maxPool2d" || nodes[node.inputs[0]].operation !== "relu" || readers[node.inputs[0]] !== 1)
      return undefined;
    const [x] = builder.nodes[pooled.node].inputs;
    return math.relu(builder.emit("maxPool2d", [builder.valueOf(x)], node.attributes));
  };
}
