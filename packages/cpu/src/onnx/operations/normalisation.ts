// Normalisation along the last dimension. ONNX Runtime's LayerNormalization goes through each line by itself, twice, and so takes a third
// of what subtractions, squares, means and quotients of whole tensors do; the gradient reads what it found out about each line.
import type { OperationAttributes, Shape } from "@tabgrad/core";
import { float, type OnnxBuilder } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

export const normalise: Lowering<"normalise"> = ({ node, inputs: [x], shapes: [shape], onnx }) =>
  node.attributes.centred
    ? layerNormalization(x, [onesFor(shape, onnx)], node.attributes, 1, onnx)[0]
    : onnx.node("Mul", [x, inverseRoot(x, node.attributes, onnx)]);

/** r · (u − mean u − y · mean(u · y)), the mean of u only where it was centred. */
export const normaliseGradient: Lowering<"normaliseGradient"> = ({ node, inputs: [x, upstream], shapes: [shape], onnx }) => {
  const { attributes } = node;
  const [y, r] = attributes.centred ? centred(x, shape, attributes, onnx) : uncentred(x, attributes, onnx);
  const along = onnx.node("Mul", [y, meanOf(onnx.node("Mul", [upstream, y]), onnx)]);
  const rest = attributes.centred ? onnx.node("Sub", [upstream, meanOf(upstream, onnx)]) : upstream;
  return onnx.node("Mul", [onnx.node("Sub", [rest, along]), r]);
};

/** y, and 1 / √(variance + ε) of each line. */
function centred(x: string, shape: Shape, attributes: OperationAttributes["normalise"], onnx: OnnxBuilder): [y: string, r: string] {
  const [y, , r] = layerNormalization(x, [onesFor(shape, onnx)], attributes, 3, onnx);
  return [y, r];
}

function uncentred(x: string, attributes: OperationAttributes["normalise"], onnx: OnnxBuilder): [y: string, r: string] {
  const r = inverseRoot(x, attributes, onnx);
  return [onnx.node("Mul", [x, r]), r];
}

/**
 * The result, and of each line the mean and 1 / √(variance + ε): the first so many of them.
 * @param factors what the result is multiplied with, and what is added to it if anything is, for each element of a line
 */
export function layerNormalization(
  x: string,
  factors: readonly string[],
  { epsilon }: OperationAttributes["normalise"],
  outputs: 1 | 3,
  onnx: OnnxBuilder,
): readonly string[] {
  return onnx.severalOutputs("LayerNormalization", [x, ...factors], { axis: -1, epsilon: float(epsilon) }, outputs);
}

/** LayerNormalization does not go without a factor. */
function onesFor(shape: Shape, onnx: OnnxBuilder): string {
  const length = shape[shape.length - 1];
  return onnx.constant(
    Array.from({ length }, () => 1),
    [length],
  );
}

/** 1 / √(mean x² + ε) of each line. */
function inverseRoot(x: string, { epsilon }: OperationAttributes["normalise"], onnx: OnnxBuilder): string {
  const square = meanOf(onnx.node("Mul", [x, x]), onnx);
  return onnx.node("Reciprocal", [onnx.node("Sqrt", [onnx.node("Add", [square, onnx.constant([epsilon])])])]);
}

const meanOf = (x: string, onnx: OnnxBuilder): string => onnx.node("ReduceMean", [x, onnx.integers([-1])], { keepdims: 1 });
