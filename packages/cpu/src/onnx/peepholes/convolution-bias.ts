// add(conv2d(x, w), bias) as one Conv, which adds the bias while it has its results at hand.
import { elementCount } from "@tabgrad/core";
import type { GraphView, Match, Peephole } from "../lowering.ts";
import { convolve } from "../operations/convolution.ts";

export const convolutionBias: Peephole = (node, view) => {
  if (node.operation !== "add") return undefined;
  const [first, second] = node.inputs;
  return fuse(first, second, view) ?? fuse(second, first, view);
};

function fuse(result: number, addend: number, { graph, isReadOnce }: GraphView): Match | undefined {
  const convolution = graph.nodes[result];
  if (convolution.operation !== "conv2d" || !isReadOnce(result)) return undefined;
  const { shape } = graph.nodes[addend];
  const [, channels] = convolution.shape;
  // One number for each channel, and the same for all images.
  const forChannels = shape.length === 3 || (shape.length === 4 && shape[0] === 1);
  if (!forChannels || shape[shape.length - 3] !== channels || elementCount(shape) !== channels) return undefined;
  return {
    operands: [...convolution.inputs, addend],
    lower: ([x, filters, bias], onnx) =>
      convolve([x, filters, onnx.node("Reshape", [bias, onnx.integers([channels])])], convolution.attributes, onnx),
  };
}
