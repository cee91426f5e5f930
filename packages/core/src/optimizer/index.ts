// Optimizers: what a run file says about them, their update rules as graphs, and the vectors they work on.
export { adagrad, adagradSpecSchema, type AdagradOptions, type AdagradSpec } from "./adagrad.ts";
export { adam, adamSpecSchema, type AdamOptions, type AdamSpec } from "./adam.ts";
export { adamW, adamWSpecSchema, type AdamWOptions, type AdamWSpec } from "./adam-w.ts";
export { averageWeightsSchema, type AverageWeights } from "./average.ts";
export { clipScale, clipSchema, type Clip } from "./clip.ts";
export { frozenNames, parameterGroupSchema, vectorParts, type ParameterGroup, type VectorPart } from "./groups.ts";
export { lion, lionSpecSchema, type LionOptions, type LionSpec } from "./lion.ts";
export {
  createOptimizer,
  type Optimizer,
  type OptimizerOptions,
  type StepOptions,
  type StepResult,
  type VectorRange,
} from "./optimizer.ts";
export { rmsProp, rmsPropSpecSchema, type RmsPropOptions, type RmsPropSpec } from "./rms-prop.ts";
export { updateGraph, updateNames, type UpdateInputs, type UpdateResults, type UpdateRule } from "./rule.ts";
export {
  constantRate,
  cosineDecay,
  linearDecay,
  oneCycle,
  rateFactors,
  reduceOnPlateau,
  scheduleSchema,
  stepDecay,
  type Direction,
  type ScheduleSettings,
  type ScheduleSpec,
} from "./schedule.ts";
export { sgd, sgdSpecSchema, type SgdOptions, type SgdSpec } from "./sgd.ts";
export { optimizerSpecSchema, updateRule, type OptimizerSettings, type OptimizerSpec } from "./spec.ts";
