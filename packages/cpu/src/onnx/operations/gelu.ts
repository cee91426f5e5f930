// The Gaussian error linear unit, as passes over the whole tensor, which are what it costs: eleven, where the rules of its parts make fifteen.
// ONNX Runtime takes what way forward and way back have in common for one.
import type { OnnxBuilder } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

export const gelu: Lowering<"gelu"> = ({ inputs: [x], onnx }) => onnx.node("Mul", [x, cumulative(x, onnx)]);

/** u · (Φ(x) + x · φ(x)), the factor 1 / √2π of φ being in its exponent. */
export const geluGradient: Lowering<"geluGradient"> = ({ inputs: [x, upstream], onnx }) => {
  const z = overRoot(x, onnx);
  const exponent = onnx.node("Sub", [onnx.constant([-Math.log(2 * Math.PI) / 2]), onnx.node("Mul", [z, z])]);
  const slope = onnx.node("Add", [cumulative(x, onnx), onnx.node("Mul", [x, onnx.node("Exp", [exponent])])]);
  return onnx.node("Mul", [upstream, slope]);
};

/** Φ(x) = ½ (1 + erf(x / √2)) */
const cumulative = (x: string, onnx: OnnxBuilder): string =>
  onnx.node("Mul", [onnx.node("Add", [onnx.node("Erf", [overRoot(x, onnx)]), onnx.constant([1])]), onnx.constant([0.5])]);

const overRoot = (x: string, onnx: OnnxBuilder): string => onnx.node("Mul", [x, onnx.constant([Math.SQRT1_2])]);
