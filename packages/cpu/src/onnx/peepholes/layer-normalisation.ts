// normalise(x) · w + b as one LayerNormalization, which has both at hand: where nothing is differentiated, as in evaluation and in exported
// models. Training reads what stands between.
import type { Graph } from "@tabgrad/core";
import { layerNormalization } from "../operations/normalisation.ts";
import type { GraphView, Match, Peephole } from "../lowering.ts";

export const layerNormalisation: Peephole = (node, view) => {
  if (node.operation === "multiply") return fuse(node.inputs, undefined, view);
  if (node.operation !== "add") return undefined;
  const [first, second] = node.inputs;
  return shifted(first, second, view) ?? shifted(second, first, view);
};

function shifted(product: number, bias: number, view: GraphView): Match | undefined {
  const { operation, inputs } = view.graph.nodes[product];
  return operation === "multiply" && view.isReadOnce(product) ? fuse(inputs, bias, view) : undefined;
}

function fuse([first, second]: readonly number[], bias: number | undefined, view: GraphView): Match | undefined {
  return scaled(first, second, bias, view) ?? scaled(second, first, bias, view);
}

function scaled(normal: number, weight: number, bias: number | undefined, { graph, isReadOnce }: GraphView): Match | undefined {
  const node = graph.nodes[normal];
  if (node.operation !== "normalise" || !node.attributes.centred || !isReadOnce(normal)) return undefined;
  const factors = bias === undefined ? [weight] : [weight, bias];
  const length = node.shape[node.shape.length - 1];
  if (!factors.every((factor) => isLine(graph, factor, length))) return undefined;
  return {
    operands: [...node.inputs, ...factors],
    lower: ([x, ...rest], onnx) => layerNormalization(x, rest, node.attributes, 1, onnx)[0],
  };
}

/** One number for each element of a line, the same for all lines. */
const isLine = (graph: Graph, node: number, length: number): boolean => {
  const { shape } = graph.nodes[node];
  return shape.length === 1 && shape[0] === length;
};
