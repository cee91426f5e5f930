// Operations that look along axes.
import type { OperationAttributes } from "@tabgrad/core";
import type { OnnxBuilder } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

export const sum: Lowering<"sum"> = ({ node, inputs: [x], onnx }) => reduce("ReduceSum", x, node.attributes, onnx);

/** ONNX Runtime's ReduceMax overlooks a NaN unless it comes first, and a NaN must not vanish: it is how divergence is noticed. */
export const max: Lowering<"max"> = ({ node, inputs: [x], onnx }) => {
  const largest = reduce("ReduceMax", x, node.attributes, onnx);
  if (!onnx.keepsNaN) return largest;
  const isNaN = onnx.asFloat(onnx.node("IsNaN", [x]));
  const anyNaN = onnx.asBoolean(reduce("ReduceMax", isNaN, node.attributes, onnx));
  return onnx.node("Where", [anyNaN, onnx.constant([NaN]), largest]);
};

function reduce(type: string, x: string, { axes, keepDimensions }: OperationAttributes["sum"], onnx: OnnxBuilder): string {
  // Without axes ONNX would reduce over all of them; here it means over none.
  if (axes.length === 0) return x;
  return onnx.node(type, [x, onnx.integers(axes)], { keepdims: keepDimensions ? 1 : 0 });
}

export const argmax: Lowering<"argmax"> = ({ node, inputs, onnx }) =>
  onnx.asFloat(onnx.node("ArgMax", inputs, { axis: node.attributes.axis, keepdims: 0 }));

export const softmax: Lowering<"softmax"> = ({ node, inputs, onnx }) =>
  onnx.node("Softmax", inputs, { axis: node.attributes.axis });

export const logSoftmax: Lowering<"logSoftmax"> = ({ node, inputs, onnx }) =>
  onnx.node("LogSoftmax", inputs, { axis: node.attributes.axis });
