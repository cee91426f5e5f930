// Convolution and its gradients. ONNX has the images' gradient as ConvTranspose, and the filters' gradient as a Conv in which channels
// and images, and strides and dilations, change places.
import { convolutionGeometry, type ConvolutionAttributes } from "@tabgrad/core";
import type { Attributes, OnnxBuilder } from "../builder.ts";
import type { Lowering } from "../lowering.ts";

const attributesOf = ({ strides, padding, dilations, groups }: ConvolutionAttributes): Attributes => ({
  strides,
  pads: padding,
  dilations,
  group: groups,
});

/** @param inputs images, filters, and a bias [channels] if there is one */
export const convolve = (inputs: readonly string[], attributes: ConvolutionAttributes, onnx: OnnxBuilder): string =>
  onnx.node("Conv", inputs, attributesOf(attributes));

export const conv2d: Lowering<"conv2d"> = ({ node, inputs, onnx }) => convolve(inputs, node.attributes, onnx);

export const conv2dInputGradient: Lowering<"conv2dInputGradient"> = ({ node, inputs, shapes: [, filters], onnx }) => {
  const { kernel, size, output, strides, padding, dilations } = convolutionGeometry(node.shape, filters, node.attributes);
  // Below and to the right may be cells that no window reached, fewer than a stride.
  const rest = ([0, 1] as const).map((axis) => {
    const covered = (output[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1;
    return size[axis] + padding[axis] + padding[axis + 2] - covered;
  });
  return onnx.node("ConvTranspose", inputs, { ...attributesOf(node.attributes), output_padding: rest });
};

export const conv2dFilterGradient: Lowering<"conv2dFilterGradient"> = ({ node, inputs: [x, upstream], shapes, onnx }) => {
  const { rows, groups, inputs, size, kernel, padding, strides, dilations, output } = convolutionGeometry(
    shapes[0],
    node.shape,
    node.attributes,
  );
  const images = groupsAsChannels(x, { rows, groups, inputs, size }, onnx);
  const filters = onnx.node("Transpose", [upstream], { perm: [1, 0, 2, 3] });
  const attributes = { strides: dilations, dilations: strides, pads: padding, group: groups };
  const all = onnx.node("Conv", [images, filters], attributes);
  // Where the last windows do not end at the edge there is room for taps that the filters do not have.
  const found = ([0, 1] as const).map((axis) => {
    const reach = (output[axis] - 1) * strides[axis] + 1;
    return Math.floor((size[axis] + padding[axis] + padding[axis + 2] - reach) / dilations[axis]) + 1;
  });
  const fits = found.every((count, axis) => count === kernel[axis]);
  const taps = fits ? all : onnx.node("Slice", [all, onnx.integers([0, 0]), onnx.integers(kernel), onnx.integers([2, 3])]);
  return onnx.node("Transpose", [taps], { perm: [1, 0, 2, 3] });
};

/** [rows, groups · inputs, H, W] as [inputs, groups · rows, H, W]. */
function groupsAsChannels(
  x: string,
  { rows, groups, inputs, size }: { rows: number; groups: number; inputs: number; size: readonly [number, number] },
  onnx: OnnxBuilder,
): string {
  if (groups === 1) return onnx.node("Transpose", [x], { perm: [1, 0, 2, 3] });
  const apart = onnx.node("Reshape", [x, onnx.integers([rows, groups, inputs, ...size])]);
  const turned = onnx.node("Transpose", [apart], { perm: [2, 1, 0, 3, 4] });
  return onnx.node("Reshape", [turned, onnx.integers([inputs, groups * rows, ...size])]);
}
