// The part of the ONNX model format that graphs are lowered to, as plain data. Names and meanings are the standard's:
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 (there: ModelProto, GraphProto, NodeProto and so on).

export interface OnnxModel {
  readonly graph: OnnxGraph;
  /** The version of the standard's operator set that the nodes keep to. */
  readonly opset: number;
  /** What a file says of itself; a session has no use for it. */
  readonly about?: OnnxAbout;
}

export interface OnnxAbout {
  /** Of the software that made it. */
  readonly producerVersion: string;
  /** For people. */
  readonly documentation: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface OnnxGraph {
  readonly name: string;
  /** In topological order. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

export interface OnnxNode {
  readonly type: string;
  /** Names of tensors; "" leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** For people: the layer that the node came from. */
  readonly documentation: string;
}

export type OnnxAttribute =
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "tensor"; readonly value: OnnxTensor };

export type OnnxTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where the values lie if not in the model itself. */
  readonly external?: OnnxExternalData;
} & ({ readonly type: "float"; readonly data: Float32Array } | { readonly type: "int64"; readonly data: BigInt64Array });

/** A part of a file beside the model. */
export interface OnnxExternalData {
  /** The file's name, without a folder. */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: OnnxElementType;
  /** A string names a dimension that is known only when the model runs. */
  readonly shape: readonly (number | string)[];
}

export type OnnxElementType = "float" | "int64";
