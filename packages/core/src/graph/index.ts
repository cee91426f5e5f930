// The graph: operations, shapes, autodiff, passes, and what engines make of it.
export type {
  ConvolutionAttributes,
  EngineOperation,
  Initialisation,
  OperationAttributes,
  OperationName,
  PoolingAttributes,
} from "./attributes.ts";
export { gradients } from "./autodiff.ts";
export { GraphBuilder, replay, withRows } from "./builder.ts";
export { evaluate } from "./evaluate.ts";
export {
  graphInputs,
  metricNames,
  parameterElements,
  parameterSlots,
  sampleSums,
  statisticPrefix,
  withFrozen,
  type Graph,
  type Node,
  type NodeFor,
  type ParameterSlot,
  type SampleSum,
} from "./graph.ts";
export { graphFromJson, graphToJson } from "./json.ts";
export * as math from "./math.ts";
export { inMode } from "./mode.ts";
export type { OperationDefinition, Tensor } from "./operation.ts";
export { definitionOf, operations } from "./operations/index.ts";
export { convolutionGeometry, type ConvolutionGeometry } from "./operations/convolution.ts";
export { fillUniform } from "./operations/training.ts";
export { matmulDimensions } from "./operations/matmul.ts";
export { poolingGeometry, type PoolingGeometry } from "./operations/pooling.ts";
export { eliminateDeadCode, foldConstants, joinPads, mergeCommonSubexpressions, optimise } from "./passes/index.ts";
export { broadcastShapes, broadcastStrides, elementCount, formatShape, sameShape, stridesOf, type Shape } from "./shape.ts";
export {
  checkLoss,
  evaluationGraph,
  gradientPrefix,
  hasLoss,
  inferenceGraph,
  keysInput,
  lossWeightOutput,
  predictionOutput,
  trainingGraph,
  weightsInput,
} from "./training.ts";
export type { Emitter, Value } from "./value.ts";
