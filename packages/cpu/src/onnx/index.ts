// Graphs as ONNX models: knows the format, and nothing of who runs it.
export {
  decodeModel,
  type DecodedAttribute,
  type DecodedGraph,
  type DecodedModel,
  type DecodedNode,
  type DecodedTensor,
  type DecodedValueInfo,
} from "./decode.ts";
export { encodeModel } from "./encode.ts";
export { exportModel, externalise, type ExportOptions, type ExternalModel } from "./export.ts";
export { checkOperations, lowerGraph } from "./lower.ts";
export type { OnnxModel } from "./model.ts";
export { inputTensor, parameterTensor, uniformTensor } from "./operations/source.ts";
