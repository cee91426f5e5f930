// Matrix multiplication. Gemm takes transposes as flags, but has two dimensions only; MatMul has any number of them, without flags.
import type { Shape } from "@tabgrad/core";
import type { OnnxBuilder } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

export const matmul: Lowering<"matmul"> = ({ node, inputs: [a, b], shapes, onnx }) => {
  const { transposeA, transposeB } = node.attributes;
  if (shapes.every((shape) => shape.length === 2)) return onnx.node("Gemm", [a, b], gemmFlags(node.attributes));
  const left = transposeA ? swapLastAxes(a, shapes[0], onnx) : a;
  const right = transposeB ? swapLastAxes(b, shapes[1], onnx) : b;
  return onnx.node("MatMul", [left, right]);
};

export const gemmFlags = ({ transposeA, transposeB }: { transposeA: boolean; transposeB: boolean }): Record<string, number> => ({
  ...(transposeA ? { transA: 1 } : {}),
  ...(transposeB ? { transB: 1 } : {}),
});

/** ONNX Runtime takes the transposed operand straight into its own MatMul, so that this is no copy there. */
function swapLastAxes(x: string, { length: rank }: Shape, onnx: OnnxBuilder): string {
  const leading = Array.from({ length: rank - 2 }, (_, axis) => axis);
  return onnx.node("Transpose", [x], { perm: [...leading, rank - 1, rank - 2] });
}
