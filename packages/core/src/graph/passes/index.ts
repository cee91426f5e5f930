// The passes every graph goes through before an engine sees it.
import type { Graph } from "../graph.ts";
import { mergeCommonSubexpressions } from "./common-subexpressions.ts";
import { foldConstants } from "./constant-folding.ts";
import { eliminateDeadCode } from "./dead-code.ts";
import { joinPads } from "./join-pads.ts";

export { rectifyLater } from "./rectify-later.ts";
export { rewriteInto } from "./rewrite.ts";
export { eliminateDeadCode, foldConstants, joinPads, mergeCommonSubexpressions };

/** Constants first, since they make more subexpressions equal; dead code last, since all others leave some. */
export const optimise = (graph: Graph): Graph => eliminateDeadCode(mergeCommonSubexpressions(joinPads(foldConstants(graph))));
