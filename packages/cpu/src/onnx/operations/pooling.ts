// Pooling and its gradients. ONNX knows where a maximum was found: as an index into all elements of the tensor.
import { elementCount, poolingGeometry, type OperationAttributes, type PoolingAttributes, type Shape } from "@tabgrad/core";
import type { Attributes, OnnxBuilder } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

const attributesOf = ({ kernel, strides, padding }: PoolingAttributes): Attributes => ({
  kernel_shape: kernel,
  strides,
  pads: padding,
});

/**
 * ONNX Runtime's MaxPool overlooks a NaN unless it comes first, and a NaN must not vanish. The mean of a window with a NaN is one, too;
 * so it is if the window holds both infinities, which then gives NaN instead of infinity. A window of −∞ alone gives the lowest number.
 */
export const maxPool2d: Lowering<"maxPool2d"> = ({ node: { attributes }, inputs: [x], onnx }) => {
  const [largest] = onnx.severalOutputs("MaxPool", [x], attributesOf(attributes), 1);
  if (!onnx.keepsNaN) return largest;
  const mean = onnx.node("AveragePool", [x], attributesOf(attributes));
  return onnx.node("Where", [onnx.node("IsNaN", [mean]), mean, largest]);
};

const indicesOf = (x: string, attributes: PoolingAttributes, onnx: OnnxBuilder): string =>
  onnx.severalOutputs("MaxPool", [x], attributesOf(attributes), 2)[1];

export const maxPool2dGradient: Lowering<"maxPool2dGradient"> = ({ node, inputs: [x, upstream], onnx }) => {
  const { attributes, shape } = node;
  const indices = indicesOf(x, attributes, onnx);
  const overlapping = attributes.kernel.some((size, axis) => size > attributes.strides[axis]);
  if (!overlapping) return unpool(upstream, indices, shape, onnx);
  // Where windows share cells, their values have to be added up.
  const zeros = onnx.node("Expand", [onnx.constant([0]), onnx.integers([elementCount(shape)])]);
  const [places, values] = [indices, upstream].map((tensor) => onnx.node("Reshape", [tensor, onnx.integers([-1])]));
  const total = onnx.node("ScatterElements", [zeros, places, values], { axis: 0, reduction: { kind: "string", value: "add" } });
  return onnx.node("Reshape", [total, onnx.integers(shape)]);
};

/** Puts each value at its index among the elements of `shape`, and 0 elsewhere; no index comes twice. */
export const unpool = (values: string, indices: string, shape: Shape, onnx: OnnxBuilder): string =>
  // A window would only tell it a shape, which it is given.
  onnx.node("MaxUnpool", [values, indices, onnx.integers(shape)], { kernel_shape: [1, 1], strides: [1, 1] });

export const maxPool2dGather: Lowering<"maxPool2dGather"> = ({ node, inputs: [x, values], onnx }) => {
  const flat = [values, indicesOf(x, node.attributes, onnx)].map((tensor) => onnx.node("Reshape", [tensor, onnx.integers([-1])]));
  return onnx.node("Reshape", [onnx.node("GatherElements", flat, { axis: 0 }), onnx.integers(node.shape)]);
};

export const averagePool2d: Lowering<"averagePool2d"> = ({ node: { attributes }, inputs, onnx }) =>
  onnx.node("AveragePool", inputs, { ...attributesOf(attributes), count_include_pad: attributes.countPadding ? 1 : 0 });

/** Every cell gets its share of each window that it is in: a transposed convolution of every plane by itself with ones. */
export const averagePool2dGradient: Lowering<"averagePool2dGradient"> = ({ node, inputs: [upstream], onnx }) => {
  const { attributes, shape } = node;
  const { planes, size, output, kernel, strides, padding } = poolingGeometry(shape, attributes);
  const shares = onnx.node("Mul", [upstream, onnx.constant(shareOf(shape, attributes), [1, 1, ...output])]);
  const images = onnx.node("Reshape", [shares, onnx.integers([planes, 1, ...output])]);
  const ones = onnx.constant(
    Array.from({ length: kernel[0] * kernel[1] }, () => 1),
    [1, 1, ...kernel],
  );
  const rest = ([0, 1] as const).map(
    (axis) => size[axis] + padding[axis] + padding[axis + 2] - (output[axis] - 1) * strides[axis] - kernel[axis],
  );
  const cells = onnx.node("ConvTranspose", [images, ones], { strides, pads: padding, output_padding: rest });
  return onnx.node("Reshape", [cells, onnx.integers(shape)]);
};

/** What one cell gets of each window, one divided by the cells that count. */
function shareOf(shape: Shape, attributes: OperationAttributes["averagePool2d"]): number[] {
  const { size, output, kernel, strides, padding } = poolingGeometry(shape, attributes);
  const counts = ([0, 1] as const).map((axis) =>
    Array.from({ length: output[axis] }, (_, i) => {
      if (attributes.countPadding) return kernel[axis];
      const start = i * strides[axis] - padding[axis];
      return Math.min(size[axis], start + kernel[axis]) - Math.max(0, start);
    }),
  );
  return counts[0].flatMap((height) => counts[1].map((width) => 1 / (height * width)));
}
