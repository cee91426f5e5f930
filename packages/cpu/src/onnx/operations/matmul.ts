// Matrix multiplication. Gemm takes transposes as flags, but has two dimensions only; MatMul has any number of them, without flags.
import { matmulDimensions, type OperationAttributes, type Shape } from "@tabgrad/core";
import type { OnnxBuilder } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

export const matmul: Lowering<"matmul"> = ({ node, inputs: [a, b], shapes, onnx }) => {
  if (shapes.every((shape) => shape.length === 2)) return product([a, b], shapes, node.attributes, onnx);
  const left = node.attributes.transposeA ? swapLastAxes(a, shapes[0], onnx) : a;
  const right = node.attributes.transposeB ? swapLastAxes(b, shapes[1], onnx) : b;
  return onnx.node("MatMul", [left, right]);
};

/** The product of two matrices. Where aᵀ is a large copy and b a small one, as (bᵀ·a)ᵀ, which copies b and the result instead. */
export function product(
  [a, b]: readonly string[],
  shapes: readonly Shape[],
  flags: OperationAttributes["matmul"],
  onnx: OnnxBuilder,
): string {
  const { m, n, k } = matmulDimensions(shapes[0], shapes[1], flags);
  if (!flags.transposeA || flags.transposeB || k * n + m * n >= k * m) return gemm([a, b], flags, onnx);
  return onnx.node("Transpose", [gemm([b, a], flags, onnx)], { perm: [1, 0] });
}

/**
 * The product of two matrices, and a third added to it if there is one. The right side's flag is free, since ONNX Runtime packs that
 * matrix anyway. The left side it would transpose again for every block of columns, so that one copy beforehand is faster.
 */
export function gemm([a, ...others]: readonly string[], flags: OperationAttributes["matmul"], onnx: OnnxBuilder): string {
  const left = flags.transposeA ? onnx.node("Transpose", [a], { perm: [1, 0] }) : a;
  return onnx.node("Gemm", [left, ...others], flags.transposeB ? { transB: 1 } : {});
}

/** ONNX Runtime takes the transposed operand straight into its own MatMul, so that this is no copy there. */
function swapLastAxes(x: string, { length: rank }: Shape, onnx: OnnxBuilder): string {
  const leading = Array.from({ length: rank - 2 }, (_, axis) => axis);
  return onnx.node("Transpose", [x], { perm: [...leading, rank - 1, rank - 2] });
}
