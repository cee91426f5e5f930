// Convolution of images, and its two gradients. The three are bilinear and closed under differentiation: each one's gradients are the
// other two. Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", https://arxiv.org/abs/1603.07285
import type { ConvolutionAttributes } from "../attributes.ts";
import * as math from "../math.ts";
import { defineOperation } from "../operation.ts";
import { formatShape, ShapeError, type Shape } from "../shape.ts";

/** The sizes of one convolution; pairs are height, width. */
export interface ConvolutionGeometry extends ConvolutionAttributes {
  /** Images. */
  readonly rows: number;
  /** Channels that one group reads, and those that it writes. */
  readonly inputs: number;
  readonly outputs: number;
  /** Of the images before, of the window, and of the images after. */
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly output: readonly [number, number];
}

/**
 * @param x images [N, C, H, W]
 * @param filters [O, C / groups, kH, kW]
 * @throws ShapeError
 */
export function convolutionGeometry(x: Shape, filters: Shape, attributes: ConvolutionAttributes): ConvolutionGeometry {
  const { groups, strides, padding, dilations } = attributes;
  if (x.length !== 4 || filters.length !== 4) {
    throw new ShapeError(
      `a convolution needs images [N, C, H, W] and filters [O, C / groups, kH, kW], not ${formatShape(x)} and ${formatShape(filters)}`,
    );
  }
  for (const [count, what] of [[x[1], "channels"] as const, [filters[0], "filters"] as const]) {
    if (count % groups !== 0) throw new ShapeError(`${count} ${what} cannot be dealt out to ${groups} groups`);
  }
  if (x[1] !== filters[1] * groups) {
    const parts = groups === 1 ? "" : ` in ${groups} groups`;
    throw new ShapeError(
      `filters ${formatShape(filters)}${parts} take ${filters[1] * groups} channels; the images ${formatShape(x)} have ${x[1]}`,
    );
  }
  const size = [x[2], x[3]] as const;
  const kernel = [filters[2], filters[3]] as const;
  const along = (axis: 0 | 1): number => {
    const [padded, reach] = [size[axis] + padding[axis] + padding[axis + 2], (kernel[axis] - 1) * dilations[axis] + 1];
    if (padded < reach) {
      throw new ShapeError(
        `a window that reaches over ${reach} cells does not fit into ${padded}, the padded ${axis === 0 ? "height" : "width"} of ${formatShape(x)}`,
      );
    }
    return Math.floor((padded - reach) / strides[axis]) + 1;
  };
  const output = [along(0), along(1)] as const;
  return { ...attributes, rows: x[0], inputs: filters[1], outputs: filters[0] / groups, size, kernel, output };
}

/** What an input gradient is the gradient of. */
function inputGradientGeometry(
  upstream: Shape,
  filters: Shape,
  attributes: ConvolutionAttributes & { size: readonly [number, number] },
): ConvolutionGeometry {
  const geometry = convolutionGeometry([upstream[0], filters[1] * attributes.groups, ...attributes.size], filters, attributes);
  return checkUpstream(upstream, geometry);
}

function filterGradientGeometry(
  x: Shape,
  upstream: Shape,
  attributes: ConvolutionAttributes & { kernel: readonly [number, number] },
): ConvolutionGeometry {
  const geometry = convolutionGeometry(x, [upstream[1], x[1] / attributes.groups, ...attributes.kernel], attributes);
  return checkUpstream(upstream, geometry);
}

function checkUpstream(upstream: Shape, geometry: ConvolutionGeometry): ConvolutionGeometry {
  const { rows, groups, outputs, output } = geometry;
  const expected = [rows, groups * outputs, ...output];
  if (upstream.length === 4 && expected.every((size, axis) => upstream[axis] === size)) return geometry;
  throw new ShapeError(`the gradient of images ${formatShape(expected)} has their shape, not ${formatShape(upstream)}`);
}

export const conv2d = defineOperation<"conv2d">({
  name: "conv2d",
  formula: "y[n,o,i,j] = Σ a[n, c, i·s+p·d−top, j·s+q·d−left] · b[o,c,p,q] over c, p, q; a is 0 outside (LeCun et al. 1989)",
  arity: 2,
  shape([x, filters], attributes) {
    const { rows, output } = convolutionGeometry(x, filters, attributes);
    return [rows, filters[0], ...output];
  },
  gradient: ({ inputs: [x, filters], attributes, upstream, needs }) => [
    needs[0] ? math.conv2dInputGradient(upstream, filters, lastTwo(x.shape), attributes) : undefined,
    needs[1] ? math.conv2dFilterGradient(x, upstream, lastTwo(filters.shape), attributes) : undefined,
  ],
  evaluate([x, filters], attributes, shape) {
    const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
    eachRow(convolutionGeometry(x.shape, filters.shape, attributes), ({ from, step, to, tap, length }) => {
      const weight = filters.data[tap];
      for (let i = 0, at = from; i < length; i++, at += step) result[to + i] += x.data[at] * weight;
    });
    return result;
  },
});

export const conv2dInputGradient = defineOperation<"conv2dInputGradient">({
  name: "conv2dInputGradient",
  formula: "y = d Σ a · conv2d(x, b) / dx for x of height and width `size`",
  arity: 2,
  shape([upstream, filters], attributes) {
    const { rows, groups, inputs, size } = inputGradientGeometry(upstream, filters, attributes);
    return [rows, groups * inputs, ...size];
  },
  gradient: ({ inputs: [upstream, filters], attributes: { size: _, ...attributes }, upstream: outer, needs }) => [
    needs[0] ? math.conv2d(outer, filters, attributes) : undefined,
    needs[1] ? math.conv2dFilterGradient(outer, upstream, lastTwo(filters.shape), attributes) : undefined,
  ],
  evaluate([upstream, filters], attributes, shape) {
    const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
    eachRow(inputGradientGeometry(upstream.shape, filters.shape, attributes), ({ from, step, to, tap, length }) => {
      const weight = filters.data[tap];
      for (let i = 0, at = from; i < length; i++, at += step) result[at] += upstream.data[to + i] * weight;
    });
    return result;
  },
});

export const conv2dFilterGradient = defineOperation<"conv2dFilterGradient">({
  name: "conv2dFilterGradient",
  formula: "y = d Σ b · conv2d(a, w) / dw for filters w of height and width `kernel`",
  arity: 2,
  shape([x, upstream], attributes) {
    const { groups, inputs, outputs, kernel } = filterGradientGeometry(x, upstream, attributes);
    return [groups * outputs, inputs, ...kernel];
  },
  gradient: ({ inputs: [x, upstream], attributes: { kernel: _, ...attributes }, upstream: outer, needs }) => [
    needs[0] ? math.conv2dInputGradient(upstream, outer, lastTwo(x.shape), attributes) : undefined,
    needs[1] ? math.conv2d(x, outer, attributes) : undefined,
  ],
  evaluate([x, upstream], attributes, shape) {
    const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
    eachRow(filterGradientGeometry(x.shape, upstream.shape, attributes), ({ from, step, to, tap, length }) => {
      let total = 0;
      for (let i = 0, at = from; i < length; i++, at += step) total += x.data[at] * upstream.data[to + i];
      result[tap] += total;
    });
    return result;
  },
});

const lastTwo = (shape: Shape): [number, number] => [shape[2], shape[3]];

/** Of one filter's tap, and one line of results: which elements of the images meet which of the results. */
interface Row {
  /** The first element of the images, and how far it is to the next. */
  readonly from: number;
  readonly step: number;
  /** The first of the results, which lie side by side. */
  readonly to: number;
  readonly tap: number;
  readonly length: number;
}

/** Calls `visit` for every tap of every filter and every line of results, as far as they meet inside the images. */
function eachRow(geometry: ConvolutionGeometry, visit: (row: Row) => void): void {
  const { rows, groups, inputs, outputs, size, kernel, output, strides, padding, dilations } = geometry;
  const columns = Array.from({ length: kernel[1] }, (_, q) =>
    meeting(q * dilations[1] - padding[1], strides[1], size[1], output[1]),
  );
  for (let row = 0; row < rows; row++)
    for (let filter = 0; filter < groups * outputs; filter++)
      for (let input = 0; input < inputs; input++)
        for (let p = 0; p < kernel[0]; p++)
          for (let i = 0; i < output[0]; i++) {
            const y = i * strides[0] + p * dilations[0] - padding[0];
            if (y < 0 || y >= size[0]) continue;
            const channel = (row * groups + Math.floor(filter / outputs)) * inputs + input;
            columns.forEach(({ first, length, from }, q) => {
              visit({
                from: (channel * size[0] + y) * size[1] + from,
                step: strides[1],
                to: ((row * groups * outputs + filter) * output[0] + i) * output[1] + first,
                tap: ((filter * inputs + input) * kernel[0] + p) * kernel[1] + q,
                length,
              });
            });
          }
}

/** The results j for which j · stride + offset lies in the image: the first, how many, and where the first one reads. */
function meeting(offset: number, stride: number, size: number, output: number): { first: number; length: number; from: number } {
  const first = Math.max(0, Math.ceil(-offset / stride));
  const last = Math.min(output - 1, Math.floor((size - 1 - offset) / stride));
  return { first, length: Math.max(0, last - first + 1), from: first * stride + offset };
}
