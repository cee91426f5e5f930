// Max pooling of windows that do not overlap as the maximum of slices: all first cells of windows, all second ones, and so on. Where the
// maximum was is then found by comparing, too. ONNX Runtime's MaxPool takes five times as long when it is asked where, and loses NaN.
import { poolingGeometry, type PoolingAttributes, type PoolingGeometry, type Shape } from "@tabgrad/core";
import type { OnnxBuilder } from "../builder.ts";
import type { Peephole } from "../lowering.ts";
import { unpool } from "../operations/pooling.ts";

/** Cells of a window beyond which there would be too many slices. */
const mostCells = 9;
/** Indices within a plane are float32 for a while, which counts so far. */
const largestPlane = 2 ** 24;

export const maxPoolByParts: Peephole = (node, { graph }) => {
  if (node.operation !== "maxPool2d" && node.operation !== "maxPool2dGradient") return undefined;
  const { attributes, inputs } = node;
  const { shape } = graph.nodes[inputs[0]];
  if (!isSideBySide(attributes)) return undefined;
  const geometry = poolingGeometry(shape, attributes);
  if (geometry.size[0] * geometry.size[1] > largestPlane) return undefined;
  if (node.operation === "maxPool2d") return { operands: inputs, lower: ([x], onnx) => partsOf(x, geometry, onnx).largest };
  return {
    operands: inputs,
    lower: ([x, upstream], onnx) => unpool(upstream, indicesOf(x, shape, geometry, onnx), shape, onnx),
  };
};

const isSideBySide = ({ kernel, strides, padding }: PoolingAttributes): boolean =>
  kernel.every((size, axis) => size <= strides[axis]) &&
  padding.every((margin) => margin === 0) &&
  kernel[0] * kernel[1] <= mostCells;

/** The cells at each place of all windows, in row-major order of the places, and the largest of them. */
function partsOf(
  x: string,
  { kernel, strides, output }: PoolingGeometry,
  onnx: OnnxBuilder,
): { readonly parts: readonly string[]; readonly largest: string } {
  const parts = cellsOf(kernel).map((first) => {
    const ends = first.map((start, axis) => start + (output[axis] - 1) * strides[axis] + 1);
    const operands = [first, ends, [2, 3], strides].map((values) => onnx.integers(values));
    // The forward and the backward pass share the slices.
    return onnx.severalOutputs("Slice", [x, ...operands], {}, 1)[0];
  });
  return { parts, largest: onnx.severalOutputs("Max", parts, {}, 1)[0] };
}

const cellsOf = (kernel: readonly [number, number]): [number, number][] =>
  Array.from({ length: kernel[0] * kernel[1] }, (_, i) => [Math.floor(i / kernel[1]), i % kernel[1]]);

/** For each window the index of its largest cell, the first of equals, among all elements of x. */
function indicesOf(x: string, [rows, channels]: Shape, geometry: PoolingGeometry, onnx: OnnxBuilder): string {
  const { kernel, strides, size, output } = geometry;
  const { parts, largest } = partsOf(x, geometry, onnx);
  const offsets = cellsOf(kernel).map(([p, q]) => p * size[1] + q);
  // smaller₀ · (d₁ + smaller₁ · (d₂ + …)), d being the way from one cell to the next: counting stops at the first that is not smaller.
  // A window with a NaN has none that is. Where picks slowly, and whole numbers are slow.
  let offset = onnx.constant([0]);
  for (let cell = parts.length - 2; cell >= 0; cell--) {
    const further = onnx.node("Add", [offset, onnx.constant([offsets[cell + 1] - offsets[cell]])]);
    offset = onnx.node("Mul", [onnx.asFloat(onnx.node("Less", [parts[cell], largest])), further]);
  }
  const starts = cellsOf(output).map(([i, j]) => i * strides[0] * size[1] + j * strides[1]);
  const inPlane = onnx.node("Add", [offset, onnx.constant(starts, [1, 1, ...output])]);
  const planes = Array.from({ length: rows * channels }, (_, plane) => plane * size[0] * size[1]);
  return onnx.node("Add", [onnx.asInteger(inPlane), onnx.integers(planes, [rows, channels, 1, 1])]);
}
