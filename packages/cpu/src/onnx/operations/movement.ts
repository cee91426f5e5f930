// Operations that move values without arithmetic.
import type { Lowering } from "../lowering.ts";

/** The attribute, not the inferred shape: its -1 keeps an exported model free in its number of rows. */
export const reshape: Lowering<"reshape"> = ({ node, inputs: [x], onnx }) =>
  onnx.node("Reshape", [x, onnx.integers(node.attributes.shape)]);

export const transpose: Lowering<"transpose"> = ({ node, inputs, onnx }) =>
  // ONNX reads an empty permutation as "reverse the axes", which a scalar does not have.
  node.attributes.permutation.length === 0 ? inputs[0] : onnx.node("Transpose", inputs, { perm: node.attributes.permutation });

export const broadcastTo: Lowering<"broadcastTo"> = ({ node, inputs: [x], onnx }) =>
  onnx.node("Expand", [x, onnx.integers(node.attributes.shape)]);

/** Compared, not indexed: ONNX's OneHot counts negative indices from the end, and here they give a row of zeros. */
export const oneHot: Lowering<"oneHot"> = ({ node, inputs: [indices], onnx }) => {
  const { depth } = node.attributes;
  const classes = onnx.constant(
    Array.from({ length: depth }, (_, i) => i),
    [depth],
  );
  return onnx.asFloat(onnx.node("Equal", [onnx.node("Unsqueeze", [indices, onnx.integers([-1])]), classes]));
};

export const slice: Lowering<"slice"> = ({ node, inputs: [x], onnx }) => {
  const { axis, start, stop } = node.attributes;
  return onnx.node("Slice", [x, onnx.integers([start]), onnx.integers([stop]), onnx.integers([axis])]);
};

export const pad: Lowering<"pad"> = ({ node, inputs: [x], onnx }) => {
  const { axis, before, after } = node.attributes;
  const at = (count: number): number[] => node.shape.map((_, i) => (i === axis ? count : 0));
  return onnx.node("Pad", [x, onnx.integers([...at(before), ...at(after)])]);
};

export const concatenate: Lowering<"concatenate"> = ({ node, inputs, onnx }) =>
  onnx.node("Concat", inputs, { axis: node.attributes.axis });
