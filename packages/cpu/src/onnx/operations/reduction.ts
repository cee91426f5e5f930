// Operations that look along axes.
import type { Lowering } from "../lowering.ts";

const reduction =
  (type: string): Lowering<"sum" | "max"> =>
  ({ node, inputs: [x], onnx }) => {
    const { axes, keepDimensions } = node.attributes;
    // Without axes ONNX would reduce over all of them; here it means over none.
    if (axes.length === 0) return x;
    return onnx.node(type, [x, onnx.integers(axes)], { keepdims: keepDimensions ? 1 : 0 });
  };

export const sum = reduction("ReduceSum");
export const max = reduction("ReduceMax");

export const argmax: Lowering<"argmax"> = ({ node, inputs, onnx }) =>
  onnx.asFloat(onnx.node("ArgMax", inputs, { axis: node.attributes.axis, keepdims: 0 }));

export const softmax: Lowering<"softmax"> = ({ node, inputs, onnx }) =>
  onnx.node("Softmax", inputs, { axis: node.attributes.axis });

export const logSoftmax: Lowering<"logSoftmax"> = ({ node, inputs, onnx }) =>
  onnx.node("LogSoftmax", inputs, { axis: node.attributes.axis });
