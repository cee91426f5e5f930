// The run file: what a person writes, how it is checked, and what becomes of it.
export { defaultMicrobatchSize } from "./microbatch-size.ts";
export { criterionOf, type Goal, type Criterion, type StopEarly } from "./goal.ts";
export { applyOverrides } from "./overrides.ts";
export { resolveRun, restoreRun, runDescriptionVersion, type ResolvedRun, type RunDescription } from "./resolve.ts";
export { runOptimizer } from "./run-optimizer.ts";
export { defineRun, type CheckpointInterval, type InitialiseOptions, type Interval, type RunFile } from "./run-file.ts";
export { checkRun, type Duration, type RunSettings } from "./settings.ts";
