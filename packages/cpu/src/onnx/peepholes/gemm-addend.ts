// add(matmul(a, b), c) as one Gemm: a bias on the way forward, the gradient of earlier batches on the way back.
import { sameShape, type Node } from "@tabgrad/core";
import type { GraphView, Match, Peephole } from "../lowering.ts";
import { gemm } from "../operations/matmul.ts";

export const gemmAddend: Peephole = (node, view) => {
  if (node.operation !== "add") return undefined;
  const [first, second] = node.inputs;
  return fuse(node, first, second, view) ?? fuse(node, second, first, view);
};

function fuse(node: Node, product: number, addend: number, { graph, isReadOnce }: GraphView): Match | undefined {
  const matmul = graph.nodes[product];
  if (matmul.operation !== "matmul" || !isReadOnce(product)) return undefined;
  const shapes = [...matmul.inputs, product, addend].map((index) => graph.nodes[index].shape);
  // The addend may be repeated to the product's shape, but not the other way round.
  if (shapes.some((shape) => shape.length > 2) || !sameShape(node.shape, matmul.shape)) return undefined;
  const { attributes } = matmul;
  return {
    operands: [...matmul.inputs, addend],
    lower: (operands, onnx) => gemm(operands, attributes, onnx),
  };
}
