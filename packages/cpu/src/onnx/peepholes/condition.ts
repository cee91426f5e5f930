// select(a > b, x, y) without the way through float32: the comparison's own booleans choose.
import type { Peephole } from "../lowering.ts";

export const condition: Peephole = (node, { graph }) => {
  if (node.operation !== "select") return undefined;
  const [test, then, otherwise] = node.inputs;
  const { operation, inputs } = graph.nodes[test];
  if (operation !== "step" && operation !== "greater" && operation !== "equal") return undefined;
  return {
    operands: [...inputs, then, otherwise],
    lower(operands, onnx) {
      const [x, y] = operands.slice(-2);
      const compared = operation === "step" ? [operands[0], onnx.constant([0])] : operands.slice(0, 2);
      return onnx.node("Where", [onnx.node(operation === "equal" ? "Equal" : "Greater", compared), x, y]);
    },
  };
};
