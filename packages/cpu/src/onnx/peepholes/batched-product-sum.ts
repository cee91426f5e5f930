// The sum over a batch of products aᵀ·b (the gradient of weights that every position of a sequence shares) as one product over all
// positions, instead of a product for each sample and a sum over them: Σᵢ aᵢᵀ·bᵢ = [a₁; a₂; …]ᵀ · [b₁; b₂; …].
import { elementCount, sameShape } from "@tabgrad/core";
import type { Peephole } from "../lowering.ts";
import { product } from "../operations/matmul.ts";

export const batchedProductSum: Peephole = (node, { graph, isReadOnce }) => {
  if (node.operation !== "sum") return undefined;
  const [operand] = node.inputs;
  const matmul = graph.nodes[operand];
  if (matmul.operation !== "matmul" || !isReadOnce(operand)) return undefined;
  const { transposeA, transposeB } = matmul.attributes;
  const [a, b] = matmul.inputs.map((input) => graph.nodes[input].shape);
  const batch = matmul.shape.length - 2;
  const overBatch = batch > 0 && node.attributes.axes.length === batch && node.attributes.axes.every((axis, i) => axis === i);
  // What one side repeats over the batch cannot be laid end to end.
  if (!transposeA || transposeB || !overBatch || !sameShape(a.slice(0, batch), b.slice(0, batch))) return undefined;
  return {
    operands: matmul.inputs,
    lower(operands, onnx) {
      const columns = [a, b].map((shape) => shape[batch + 1]);
      const ends = operands.map((tensor, i) => onnx.node("Reshape", [tensor, onnx.integers([-1, columns[i]])]));
      const rows = elementCount(a) / columns[0];
      const total = product(
        ends,
        [
          [rows, columns[0]],
          [rows, columns[1]],
        ],
        matmul.attributes,
        onnx,
      );
      return node.shape.length === 2 ? total : onnx.node("Reshape", [total, onnx.integers(node.shape)]);
    },
  };
};
