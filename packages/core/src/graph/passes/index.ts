// The passes every graph goes through before an engine sees it.
import type { Graph } from "../graph.ts";
import { mergeCommonSubexpressions } from "./common-subexpressions.ts";
import { foldConstants } from "./constant-folding.ts";
import { eliminateDeadCode } from "./dead-code.ts";

export { eliminateDeadCode, foldConstants, mergeCommonSubexpressions };

/** Constants first, since they make more subexpressions equal; dead code last, since both leave some. */
export const optimise = (graph: Graph): Graph => eliminateDeadCode(mergeCommonSubexpressions(foldConstants(graph)));
