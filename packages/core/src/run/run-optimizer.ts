// The optimizer that a run asks for: its rule, its groups of parameters, and how it clips.
import { parameterElements, parameterSlots } from "../graph/graph.ts";
import { vectorParts } from "../optimizer/groups.ts";
import { createOptimizer, type Optimizer } from "../optimizer/optimizer.ts";
import type { ResolvedRun } from "./resolve.ts";

/** @throws TabgradError MODEL_TOO_LARGE as `createOptimizer` */
export function runOptimizer({ graph, description: { optimizer, parameterGroups, clip, averageWeights } }: ResolvedRun): Optimizer {
  const parts = vectorParts(optimizer, parameterGroups, parameterSlots(graph));
  return createOptimizer(optimizer, parameterElements(graph), {
    parts,
    ...(clip && { clip }),
    ...(averageWeights && { average: averageWeights }),
  });
}
