// Elementwise operations of one tensor.
import { float } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

type Unary = "negate" | "exp" | "log" | "sqrt" | "abs" | "sign" | "relu" | "tanh" | "erf" | "sin" | "cos";

const unary =
  (type: string): Lowering<Unary> =>
  ({ inputs, onnx }) =>
    onnx.node(type, inputs);

export const negate = unary("Neg");
export const exp = unary("Exp");
export const log = unary("Log");
export const sqrt = unary("Sqrt");
export const abs = unary("Abs");
export const sign = unary("Sign");
export const relu = unary("Relu");
export const tanh = unary("Tanh");
export const erf = unary("Erf");
export const sin = unary("Sin");
export const cos = unary("Cos");

export const step: Lowering<"step"> = ({ inputs: [x], onnx }) => onnx.asFloat(onnx.node("Greater", [x, onnx.constant([0])]));

export const leakyRelu: Lowering<"leakyRelu"> = ({ node, inputs, onnx }) =>
  onnx.node("LeakyRelu", inputs, { alpha: float(node.attributes.slope) });

/**
 * 1 / (1 + e⁻ˣ). Where e⁻ˣ overflows, 0 is the right answer. ONNX Runtime's own Sigmoid is a polynomial that is good to 6e-8 absolutely, but
 * off by 17 % at x = −15, and it is where probabilities are small that a logarithm looks.
 */
export const sigmoid: Lowering<"sigmoid"> = ({ inputs: [x], onnx }) =>
  onnx.node("Reciprocal", [onnx.node("Add", [onnx.node("Exp", [onnx.node("Neg", [x])]), onnx.constant([1])])]);

/**
 * max(x, 0) + ln(1 + u) with u = e^−|x|. ONNX Runtime's own Softplus takes one element at a time, four times as long.
 * 1 + u loses u's last digits, and all of them below 6e-8. With w = 1 + u as rounded, ln(1 + u) = ln w + ln(1 + (u − (w − 1)) / w), and
 * that quotient is small enough to be its own logarithm.
 */
export const softplus: Lowering<"softplus"> = ({ inputs: [x], onnx }) => {
  const one = onnx.constant([1]);
  const u = onnx.node("Exp", [onnx.node("Neg", [onnx.node("Abs", [x])])]);
  const w = onnx.node("Add", [u, one]);
  const lost = onnx.node("Sub", [u, onnx.node("Sub", [w, one])]);
  const tail = onnx.node("Add", [onnx.node("Log", [w]), onnx.node("Div", [lost, w])]);
  return onnx.node("Add", [onnx.node("Relu", [x]), tail]);
};
