// Writes an ONNX model as protobuf bytes, by field number and without reflection, so that it runs under a page policy without `eval`.
// Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
import protobuf from "protobufjs/minimal.js";
import type { OnnxAttribute, OnnxElementType, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "./model.ts";

type Writer = protobuf.Writer;

/** Version 9 of the format came with operator set 20; every later ONNX Runtime reads it. */
const irVersion = 9;

/** TensorProto.DataType */
const elementTypes = { float: 1, int64: 7 } as const satisfies Record<OnnxElementType, number>;

/** AttributeProto.AttributeType */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const satisfies Record<OnnxAttribute["kind"], number>;

// A field's tag is its number and its wire type: 0 a varint, 2 something with a length, 5 four bytes.
const varint = (field: number): number => field << 3;
const delimited = (field: number): number => (field << 3) | 2;
const fixed32 = (field: number): number => (field << 3) | 5;

/** The bytes of a ModelProto: what a `.onnx` file holds. */
export function encodeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const writer = protobuf.Writer.create();
  writer.uint32(varint(1)).int64(irVersion); // ModelProto.ir_version
  writer.uint32(delimited(2)).string("tabgrad"); // ModelProto.producer_name
  if (model.about) {
    writer.uint32(delimited(3)).string(model.about.producerVersion); // ModelProto.producer_version
    writer.uint32(delimited(6)).string(model.about.documentation); // ModelProto.doc_string
  }
  message(writer, 7, () => writeGraph(writer, model.graph)); // ModelProto.graph
  // ModelProto.opset_import; OperatorSetIdProto.domain is left out, which names the standard's own operators.
  message(writer, 8, () => writer.uint32(varint(2)).int64(model.opset)); // OperatorSetIdProto.version
  writeEntries(writer, 14, model.about?.metadata ?? {}); // ModelProto.metadata_props
  return new Uint8Array(writer.finish());
}

/** A repeated StringStringEntryProto. */
function writeEntries(writer: Writer, field: number, entries: Readonly<Record<string, string | number>>): void {
  for (const [key, value] of Object.entries(entries)) {
    // StringStringEntryProto.key and .value
    message(writer, field, () => writer.uint32(delimited(1)).string(key).uint32(delimited(2)).string(String(value)));
  }
}

function writeGraph(writer: Writer, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node)); // GraphProto.node
  writer.uint32(delimited(2)).string(graph.name); // GraphProto.name
  for (const tensor of graph.initializers) message(writer, 5, () => writeTensor(writer, tensor)); // GraphProto.initializer
  for (const input of graph.inputs) message(writer, 11, () => writeValueInfo(writer, input)); // GraphProto.input
  for (const output of graph.outputs) message(writer, 12, () => writeValueInfo(writer, output)); // GraphProto.output
}

function writeNode(writer: Writer, node: OnnxNode): void {
  for (const input of node.inputs) writer.uint32(delimited(1)).string(input); // NodeProto.input
  for (const output of node.outputs) writer.uint32(delimited(2)).string(output); // NodeProto.output
  writer.uint32(delimited(3)).string(node.outputs[0]); // NodeProto.name
  writer.uint32(delimited(4)).string(node.type); // NodeProto.op_type
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message(writer, 5, () => writeAttribute(writer, name, attribute)); // NodeProto.attribute
  }
  if (node.documentation) writer.uint32(delimited(6)).string(node.documentation); // NodeProto.doc_string
}

function writeAttribute(writer: Writer, name: string, attribute: OnnxAttribute): void {
  writer.uint32(delimited(1)).string(name); // AttributeProto.name
  switch (attribute.kind) {
    case "float":
      writer.uint32(fixed32(2)).float(attribute.value); // AttributeProto.f
      break;
    case "int":
      writer.uint32(varint(3)).int64(attribute.value); // AttributeProto.i
      break;
    case "string":
      writer.uint32(delimited(4)).string(attribute.value); // AttributeProto.s
      break;
    case "tensor":
      message(writer, 5, () => writeTensor(writer, attribute.value)); // AttributeProto.t
      break;
    case "ints":
      for (const value of attribute.value) writer.uint32(varint(8)).int64(value); // AttributeProto.ints
      break;
    default:
      attribute satisfies never;
  }
  writer.uint32(varint(20)).int32(attributeTypes[attribute.kind]); // AttributeProto.type
}

function writeTensor(writer: Writer, tensor: OnnxTensor): void {
  for (const dimension of tensor.shape) writer.uint32(varint(1)).int64(dimension); // TensorProto.dims
  writer.uint32(varint(2)).int32(elementTypes[tensor.type]); // TensorProto.data_type
  if (tensor.name) writer.uint32(delimited(8)).string(tensor.name); // TensorProto.name
  if (!tensor.external) {
    writer.uint32(delimited(9)).bytes(littleEndian(tensor)); // TensorProto.raw_data
    return;
  }
  writeEntries(writer, 13, { ...tensor.external }); // TensorProto.external_data
  writer.uint32(varint(14)).int32(1); // TensorProto.data_location: EXTERNAL
}

function writeValueInfo(writer: Writer, { name, type, shape }: OnnxValueInfo): void {
  writer.uint32(delimited(1)).string(name); // ValueInfoProto.name
  // ValueInfoProto.type, and in it TypeProto.tensor_type
  message(writer, 2, () =>
    message(writer, 1, () => {
      writer.uint32(varint(1)).int32(elementTypes[type]); // TypeProto.Tensor.elem_type
      message(writer, 2, () => shape.forEach((dimension) => message(writer, 1, () => writeDimension(writer, dimension)))); // TypeProto.Tensor.shape
    }),
  );
}

function writeDimension(writer: Writer, dimension: number | string): void {
  if (typeof dimension === "number")
    writer.uint32(varint(1)).int64(dimension); // TensorShapeProto.Dimension.dim_value
  else writer.uint32(delimited(2)).string(dimension); // TensorShapeProto.Dimension.dim_param
}

function message(writer: Writer, field: number, write: () => void): void {
  writer.uint32(delimited(field)).fork();
  write();
  writer.ldelim();
}

/** raw_data is little-endian whatever the machine is. */
export function littleEndian({ type, data }: OnnxTensor): Uint8Array {
  const bytes = new Uint8Array(data.byteLength);
  const view = new DataView(bytes.buffer);
  if (type === "float") data.forEach((value, i) => view.setFloat32(4 * i, value, true));
  else data.forEach((value, i) => view.setBigInt64(8 * i, value, true));
  return bytes;
}
