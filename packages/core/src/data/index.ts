// Data: how samples are stored in shards, which of them a step takes, and how they become what an engine is fed.
export { BatchPool, type BatchPoolOptions, type ShardLookup } from "./batch.ts";
export {
  type DatasetDescription,
  type FeatureDescription,
  featuresField,
  type LabelDescription,
  labelShape,
  labelsField,
  type Split,
} from "./description.ts";
export { elementTypes, toFloat32 } from "./element-types.ts";
export { EvaluationPlan } from "./evaluation-plan.ts";
export {
  type Field,
  fieldAlignment,
  fieldElements,
  type FieldStorage,
  type FieldValues,
  sampleBytes,
  type ShardInfo,
  type ShardLayout,
  shardLayout,
  storageBytes,
} from "./layout.ts";
export { groupMicrobatches, type Microbatch, microbatchSamples, microbatchShards, type Slice } from "./microbatch.ts";
export { EpochPlan, type EpochPlanOptions, type PlannedStep } from "./plan.ts";
export { packShard, type ShardView, viewShard } from "./shard.ts";
export * from "./spec/index.ts";
export * from "./transforms/index.ts";
export type { TextDescription } from "./text.ts";
export { piecesOf, Tokenizer, UnknownCharacterError } from "./tokenizer.ts";
