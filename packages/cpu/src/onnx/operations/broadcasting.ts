// Elementwise operations of two and three tensors. ONNX broadcasts as NumPy does, and so does the graph.
import type { Lowering } from "../lowering.ts";

type Binary = "add" | "subtract" | "multiply" | "divide" | "power" | "maximum" | "minimum";

const binary =
  (type: string): Lowering<Binary> =>
  ({ inputs, onnx }) =>
    onnx.node(type, inputs);

export const add = binary("Add");
export const subtract = binary("Sub");
export const multiply = binary("Mul");
export const divide = binary("Div");
export const power = binary("Pow");
export const maximum = binary("Max");
export const minimum = binary("Min");

export const equal: Lowering<"equal"> = ({ inputs, onnx }) => onnx.asFloat(onnx.node("Equal", inputs));
export const greater: Lowering<"greater"> = ({ inputs, onnx }) => onnx.asFloat(onnx.node("Greater", inputs));

export const select: Lowering<"select"> = ({ inputs: [condition, then, otherwise], onnx }) =>
  onnx.node("Where", [onnx.asBoolean(condition), then, otherwise]);
