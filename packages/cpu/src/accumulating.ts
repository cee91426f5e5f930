// The training graph of a second batch: gradients begin at the sums so far, so that no pass over the whole vector adds them afterwards.
import { gradientPrefix, GraphBuilder, math, replay, type Graph } from "@tabgrad/core";

/** Prefix of the inputs that hold the sums so far; the parameter's name follows. */
export const beforePrefix = "before:";

/** As the training graph, with each output "gradient:NAME" increased by an input "before:NAME" of its shape. */
export function accumulatingGraph(training: Graph): Graph {
  const builder = new GraphBuilder(training.rows);
  const values = replay(training, builder);
  const outputs = Object.entries(training.outputs).map(([name, node]) => {
    const value = values[node];
    if (!name.startsWith(gradientPrefix)) return [name, value] as const;
    const before = builder.emit("input", [], {
      name: beforePrefix + name.slice(gradientPrefix.length),
      shape: value.shape,
      batched: false,
    });
    return [name, builder.scope("sum over batches", () => math.add(value, before))] as const;
  });
  return builder.graph(Object.fromEntries(outputs));
}
