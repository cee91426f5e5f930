// Reads an ONNX model of whoever wrote it, by field number and without reflection: the inverse of encode.ts, for all of the format that
// a trained network needs. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
import { elementTypes, TabgradError, toFloat32 } from "@tabgrad/core";
import protobuf from "protobufjs/minimal.js";

type Reader = protobuf.Reader;

export interface DecodedModel {
  readonly producer: string;
  /** Of the standard's own operators. */
  readonly opset: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: DecodedGraph;
}

export interface DecodedGraph {
  readonly nodes: readonly DecodedNode[];
  readonly initializers: readonly DecodedTensor[];
  readonly inputs: readonly DecodedValueInfo[];
  readonly outputs: readonly DecodedValueInfo[];
}

export interface DecodedNode {
  readonly name: string;
  readonly type: string;
  /** Empty for the standard's own operators. */
  readonly domain: string;
  /** Names of tensors; "" leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, DecodedAttribute>>;
}

export type DecodedAttribute = number | string | readonly number[] | readonly string[] | DecodedTensor;

export interface DecodedTensor {
  readonly name: string;
  /** As `elementTypes` of the core package calls it: "F32", "I64" and so on. */
  readonly type: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export interface DecodedValueInfo {
  readonly name: string;
  /** As that of a tensor; undefined for what is no tensor. */
  readonly type: string | undefined;
  /** A string names a dimension that only a run knows; undefined where not even the number of dimensions is known. */
  readonly shape: readonly (number | string)[] | undefined;
}

export interface DecodeOptions {
  /** What messages call the model: its path. */
  readonly name: string;
  /** Reads a part of a file beside the model. */
  readonly external: (location: string, offset: number, length: number | undefined) => Uint8Array;
}

/** TensorProto.DataType */
const dataTypes: Readonly<Record<number, string>> = {
  1: "F32",
  2: "U8",
  3: "I8",
  4: "U16",
  5: "I16",
  6: "I32",
  7: "I64",
  9: "BOOL",
  10: "F16",
  11: "F64",
  12: "U32",
  13: "U64",
  16: "BF16",
};

/** @throws TabgradError ONNX_INVALID where it is no ONNX model, or a damaged one */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions): DecodedModel {
  const model = { producer: "", opset: 0, metadata: {} as Record<string, string>, graph: undefined as DecodedGraph | undefined };
  try {
    message(protobuf.Reader.create(bytes), bytes.length, {
      2: (reader) => (model.producer = reader.string()), // ModelProto.producer_name
      7: (reader) => (model.graph = inner(reader, readGraph, options)), // ModelProto.graph
      8: (reader) => {
        const { domain, version } = inner(reader, readOpset); // ModelProto.opset_import
        if (domain === "" || domain === "ai.onnx") model.opset = version;
      },
      14: (reader) => Object.assign(model.metadata, Object.fromEntries([inner(reader, readEntry)])), // ModelProto.metadata_props
    });
  } catch (error) {
    if (error instanceof TabgradError) throw error;
    throw invalid(options.name, `it is no ONNX model, or a damaged one: ${(error as Error).message}`, error);
  }
  const { graph, ...rest } = model;
  if (!graph || graph.nodes.length === 0 || rest.opset === 0) throw invalid(options.name, "it holds no graph");
  return { ...rest, graph };
}

function readGraph(reader: Reader, end: number, options: DecodeOptions): DecodedGraph {
  const nodes: DecodedNode[] = [];
  const initializers: DecodedTensor[] = [];
  const inputs: DecodedValueInfo[] = [];
  const outputs: DecodedValueInfo[] = [];
  message(reader, end, {
    1: () => nodes.push(inner(reader, readNode, options)), // GraphProto.node
    5: () => initializers.push(inner(reader, readTensor, options)), // GraphProto.initializer
    11: () => inputs.push(inner(reader, readValueInfo)), // GraphProto.input
    12: () => outputs.push(inner(reader, readValueInfo)), // GraphProto.output
  });
  return { nodes, initializers, inputs, outputs };
}

function readNode(reader: Reader, end: number, options: DecodeOptions): DecodedNode {
  const node = { name: "", type: "", domain: "", inputs: [] as string[], outputs: [] as string[] };
  const attributes: Record<string, DecodedAttribute> = {};
  message(reader, end, {
    1: () => node.inputs.push(reader.string()), // NodeProto.input
    2: () => node.outputs.push(reader.string()), // NodeProto.output
    3: () => (node.name = reader.string()), // NodeProto.name
    4: () => (node.type = reader.string()), // NodeProto.op_type
    5: () => {
      const { name, value } = inner(reader, readAttribute, options); // NodeProto.attribute
      if (value !== undefined) attributes[name] = value;
    },
    7: () => (node.domain = reader.string()), // NodeProto.domain
  });
  if (node.domain === "ai.onnx") node.domain = "";
  return { ...node, attributes };
}

function readAttribute(reader: Reader, end: number, options: DecodeOptions) {
  let name = "";
  let value: DecodedAttribute | undefined;
  const numbers: number[] = [];
  const strings: string[] = [];
  message(reader, end, {
    1: () => (name = reader.string()), // AttributeProto.name
    2: () => (value = reader.float()), // AttributeProto.f
    3: () => (value = int64(reader)), // AttributeProto.i
    4: () => (value = reader.string()), // AttributeProto.s
    5: () => (value = inner(reader, readTensor, options)), // AttributeProto.t
    6: () => {
      reader.skip(reader.uint32());
      value = ""; // AttributeProto.g: a branch or a loop
    },
    7: (_, wire) => repeated(reader, wire, () => numbers.push(reader.float())), // AttributeProto.floats
    8: (_, wire) => repeated(reader, wire, () => numbers.push(int64(reader))), // AttributeProto.ints
    9: () => strings.push(reader.string()), // AttributeProto.strings
    20: () => {
      // AttributeProto.type: FLOATS, INTS, STRINGS. An empty list has nothing but its type.
      const type = reader.int32();
      if (type === 6 || type === 7) value ??= numbers;
      else if (type === 8) value ??= strings;
    },
  });
  return { name, value: value ?? (numbers.length > 0 ? numbers : strings.length > 0 ? strings : undefined) };
}

function readTensor(reader: Reader, end: number, { name: file, external }: DecodeOptions): DecodedTensor {
  const shape: number[] = [];
  const values: number[] = [];
  let [name, code, isExternal] = ["", 0, false];
  let raw: Uint8Array | undefined;
  const place: Record<string, string> = {};
  message(reader, end, {
    1: (_, wire) => repeated(reader, wire, () => shape.push(int64(reader))), // TensorProto.dims
    2: () => (code = reader.int32()), // TensorProto.data_type
    4: (_, wire) => repeated(reader, wire, () => values.push(reader.float())), // TensorProto.float_data
    5: (_, wire) => repeated(reader, wire, () => values.push(reader.int32())), // TensorProto.int32_data
    7: (_, wire) => repeated(reader, wire, () => values.push(int64(reader))), // TensorProto.int64_data
    8: () => (name = reader.string()), // TensorProto.name
    9: () => (raw = reader.bytes()), // TensorProto.raw_data
    10: (_, wire) => repeated(reader, wire, () => values.push(reader.double())), // TensorProto.double_data
    11: (_, wire) => repeated(reader, wire, () => values.push(toNumber(reader.uint64()))), // TensorProto.uint64_data
    13: () => Object.assign(place, Object.fromEntries([inner(reader, readEntry)])), // TensorProto.external_data
    14: () => (isExternal = reader.int32() === 1), // TensorProto.data_location
  });
  const type = dataTypes[code];
  if (type === undefined) throw invalid(file, `the tensor ${name} is of type ${code} of the format, which is no number`);
  if (isExternal)
    raw = external(place.location, Number(place.offset ?? 0), place.length === undefined ? undefined : Number(place.length));
  const elements = shape.reduce((product, size) => product * size, 1);
  const data = raw ? fromBytes(raw, type) : fromValues(values, type);
  if (data.length !== elements) throw invalid(file, `the tensor ${name} has ${data.length} values where its shape has ${elements}`);
  return { name, type, shape, data };
}

/** Whole numbers keep all digits that a float64 has: as shapes and indices they have to. */
function fromBytes(bytes: Uint8Array, type: string): DecodedTensor["data"] {
  if (type.includes("F")) return toFloat32(bytes, type);
  const { bytes: size, read } = elementTypes[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / size }, (_, i) => read(view, i * size));
}

function fromValues(values: readonly number[], type: string): DecodedTensor["data"] {
  // The format keeps bits of 16-bit floats in its list of whole numbers.
  if (type === "F16" || type === "BF16") return toFloat32(new Uint8Array(Uint16Array.from(values).buffer), type);
  return type.includes("F") ? Float32Array.from(values) : Float64Array.from(values);
}

function readValueInfo(reader: Reader, end: number): DecodedValueInfo {
  const info: { name: string; type: string | undefined; shape: (number | string)[] | undefined } = {
    name: "",
    type: undefined,
    shape: undefined,
  };
  const tensorType: Handlers = {
    1: () => (info.type = dataTypes[reader.int32()]), // TypeProto.Tensor.elem_type
    2: () => {
      info.shape = []; // TypeProto.Tensor.shape
      nested(reader, { 1: () => info.shape!.push(inner(reader, readDimension)) });
    },
  };
  message(reader, end, {
    1: () => (info.name = reader.string()), // ValueInfoProto.name
    2: () => nested(reader, { 1: () => nested(reader, tensorType) }), // ValueInfoProto.type, TypeProto.tensor_type
  });
  return info;
}

function readDimension(reader: Reader, end: number): number | string {
  let dimension: number | string = "";
  message(reader, end, {
    1: () => (dimension = int64(reader)), // TensorShapeProto.Dimension.dim_value
    2: () => (dimension = reader.string()), // TensorShapeProto.Dimension.dim_param
  });
  return dimension;
}

function readOpset(reader: Reader, end: number) {
  let [domain, version] = ["", 0];
  message(reader, end, { 1: () => (domain = reader.string()), 2: () => (version = int64(reader)) });
  return { domain, version };
}

/** StringStringEntryProto */
function readEntry(reader: Reader, end: number): [string, string] {
  let [key, value] = ["", ""];
  message(reader, end, { 1: () => (key = reader.string()), 2: () => (value = reader.string()) });
  return [key, value];
}

/** What to do with a field, by its number; the others are passed over. */
type Handlers = Readonly<Record<number, (reader: Reader, wire: number) => unknown>>;

function message(reader: Reader, end: number, handlers: Handlers): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const handle = handlers[tag >>> 3];
    if (handle) handle(reader, tag & 7);
    else reader.skipType(tag & 7);
  }
}

/** A message within a message. */
function inner<T, O>(reader: Reader, read: (reader: Reader, end: number, options: O) => T, options?: O): T {
  const length = reader.uint32();
  return read(reader, reader.pos + length, options as O);
}

const nested = (reader: Reader, handlers: Handlers): void => inner(reader, (_, end) => message(reader, end, handlers));

/** A repeated number: packed into one field, or a field each. */
function repeated(reader: Reader, wire: number, one: () => void): void {
  if (wire !== 2) {
    one();
    return;
  }
  const length = reader.uint32();
  for (const end = reader.pos + length; reader.pos < end;) one();
}

/** Where the package "long" is installed, 64-bit numbers come as its objects. */
const toNumber = (value: { toString(): string }): number => Number(value.toString());

const int64 = (reader: Reader): number => toNumber(reader.int64());

const invalid = (name: string, what: string, cause?: unknown): TabgradError =>
  new TabgradError(
    "ONNX_INVALID",
    `${name} cannot be imported: ${what}`,
    "Name a whole ONNX model, such as torch.onnx.export writes.",
    {
      cause,
    },
  );
