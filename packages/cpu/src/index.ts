// @tabgrad/cpu: the engine without its runtime, for any host. `@tabgrad/cpu/node` brings the native one.
export { createCpuEngine, type CpuEngineOptions } from "./engine.ts";
export {
  decodeModel,
  encodeModel,
  exportModel,
  externalise,
  lowerGraph,
  type DecodedAttribute,
  type DecodedGraph,
  type DecodedModel,
  type DecodedNode,
  type DecodedTensor,
  type DecodedValueInfo,
  type ExportOptions,
  type ExternalModel,
  type OnnxModel,
} from "./onnx/index.ts";
export type { OrtModule, ResultDelivery } from "./runtime.ts";
