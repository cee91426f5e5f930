// Pooling of images: the largest or the mean value of each window, and their gradients. Both families are closed under differentiation:
// maxPool2dGradient and maxPool2dGather are each other's gradients, and so are averagePool2d and its gradient.
// Where several cells of a window are equally large, the first in row-major order is meant, as in PyTorch and ONNX Runtime.
import type { OperationAttributes, PoolingAttributes } from "../attributes.ts";
import * as math from "../math.ts";
import { defineOperation, type Tensor } from "../operation.ts";
import { elementCount, formatShape, sameShape, ShapeError, type Shape } from "../shape.ts";

/** The sizes of one pooling; pairs are height, width. */
export interface PoolingGeometry extends PoolingAttributes {
  /** Images times channels: each is pooled by itself. */
  readonly planes: number;
  /** Of the images before and after. */
  readonly size: readonly [number, number];
  readonly output: readonly [number, number];
}

/** @param x images [N, C, H, W]. @throws ShapeError */
export function poolingGeometry(x: Shape, { kernel, strides, padding }: PoolingAttributes): PoolingGeometry {
  if (x.length !== 4) throw new ShapeError(`pooling needs images [N, C, H, W], not ${formatShape(x)}`);
  const size = [x[2], x[3]] as const;
  const along = (axis: 0 | 1): number => {
    const margins = [padding[axis], padding[axis + 2]];
    const what = axis === 0 ? "height" : "width";
    // So that every window has a cell of the image in it.
    if (margins.some((margin) => margin >= kernel[axis]))
      throw new ShapeError(`padding of ${Math.max(...margins)} leaves windows of ${what} ${kernel[axis]} with nothing in them`);
    const padded = size[axis] + margins[0] + margins[1];
    if (padded < kernel[axis])
      throw new ShapeError(
        `a window of ${what} ${kernel[axis]} does not fit into ${padded}, the padded ${what} of ${formatShape(x)}`,
      );
    return Math.floor((padded - kernel[axis]) / strides[axis]) + 1;
  };
  return { kernel, strides, padding, planes: x[0] * x[1], size, output: [along(0), along(1)] };
}

function pooledShape(x: Shape, attributes: PoolingAttributes): Shape {
  const { output } = poolingGeometry(x, attributes);
  return [x[0], x[1], ...output];
}

function checkPooled(pooled: Shape, x: Shape, attributes: PoolingAttributes): void {
  const expected = pooledShape(x, attributes);
  if (!sameShape(pooled, expected))
    throw new ShapeError(`the gradient of images ${formatShape(expected)} has their shape, not ${formatShape(pooled)}`);
}

export const maxPool2d = defineOperation<"maxPool2d">({
  name: "maxPool2d",
  formula: "y[n,c,i,j] = the largest x[n, c, i·s+p−top, j·s+q−left] over p, q inside x; the gradient goes to the first of equals",
  arity: 1,
  shape: ([x], attributes) => pooledShape(x, attributes),
  gradient: ({ inputs: [x], attributes, upstream }) => [math.maxPool2dGradient(x, upstream, attributes)],
  evaluate: ([x], attributes) => Float64Array.from(winners(x, attributes), (winner) => x.data[winner]),
});

export const maxPool2dGradient = defineOperation<"maxPool2dGradient">({
  name: "maxPool2dGradient",
  formula: "y = d Σ b · maxPool2d(a) / da",
  arity: 2,
  shape([x, upstream], attributes) {
    checkPooled(upstream, x, attributes);
    return x;
  },
  gradient: ({ inputs: [x], attributes, upstream: outer }) => [undefined, math.maxPool2dGather(x, outer, attributes)],
  evaluate([x, upstream], attributes) {
    const result = new Float64Array(x.data.length);
    winners(x, attributes).forEach((winner, window) => (result[winner] += upstream.data[window]));
    return result;
  },
});

export const maxPool2dGather = defineOperation<"maxPool2dGather">({
  name: "maxPool2dGather",
  formula: "y = b at the places where a has the results of maxPool2d(a)",
  arity: 2,
  shape([x, values], attributes) {
    if (!sameShape(x, values))
      throw new ShapeError(`values of shape ${formatShape(values)} do not lie in the places of images ${formatShape(x)}`);
    return pooledShape(x, attributes);
  },
  gradient: ({ inputs: [x], attributes, upstream }) => [undefined, math.maxPool2dGradient(x, upstream, attributes)],
  evaluate: ([x, values], attributes) => Float64Array.from(winners(x, attributes), (winner) => values.data[winner]),
});

export const averagePool2d = defineOperation<"averagePool2d">({
  name: "averagePool2d",
  formula: "y[n,c,i,j] = the mean of x[n, c, i·s+p−top, j·s+q−left] over p, q; the padding is left out, or counted as zeros",
  arity: 1,
  shape: ([x], attributes) => pooledShape(x, attributes),
  gradient: ({ inputs: [x], attributes, upstream }) => [math.averagePool2dGradient(upstream, [x.shape[2], x.shape[3]], attributes)],
  evaluate([x], attributes, shape) {
    const result = new Float64Array(elementCount(shape));
    eachWindow(poolingGeometry(x.shape, attributes), (window, cells) => {
      const total = cells.reduce((sum, cell) => sum + x.data[cell], 0);
      result[window] = total / divisor(attributes, cells.length);
    });
    return result;
  },
});

export const averagePool2dGradient = defineOperation<"averagePool2dGradient">({
  name: "averagePool2dGradient",
  formula: "y = d Σ x · averagePool2d(a) / da for a of height and width `size`",
  arity: 1,
  shape([upstream], attributes) {
    const x = [upstream[0], upstream[1], ...attributes.size];
    checkPooled(upstream, x, attributes);
    return x;
  },
  gradient: ({ attributes: { size: _, ...attributes }, upstream: outer }) => [math.averagePool2d(outer, attributes)],
  evaluate([upstream], attributes, shape) {
    const result = new Float64Array(elementCount(shape));
    eachWindow(poolingGeometry(shape, attributes), (window, cells) => {
      const share = upstream.data[window] / divisor(attributes, cells.length);
      for (const cell of cells) result[cell] += share;
    });
    return result;
  },
});

const divisor = ({ kernel, countPadding }: OperationAttributes["averagePool2d"], cells: number): number =>
  countPadding ? kernel[0] * kernel[1] : cells;

/** For each window the index of its largest element; the first of equals, and a NaN before all others. */
function winners(x: Tensor, attributes: PoolingAttributes): number[] {
  const result: number[] = [];
  eachWindow(poolingGeometry(x.shape, attributes), (_, cells) => {
    let best = cells[0];
    for (const cell of cells) if (x.data[cell] > x.data[best] || Number.isNaN(x.data[cell])) best = cell;
    result.push(best);
  });
  return result;
}

/** Calls `visit` with every window's index, and the indices of its cells that lie in the image. Windows come in row-major order. */
function eachWindow(
  { planes, size, output, kernel, strides, padding }: PoolingGeometry,
  visit: (window: number, cells: readonly number[]) => void,
): void {
  const spans = ([0, 1] as const).map((axis) =>
    Array.from({ length: output[axis] }, (_, i) => {
      const start = i * strides[axis] - padding[axis];
      const first = Math.max(0, start);
      return Array.from({ length: Math.min(size[axis], start + kernel[axis]) - first }, (_, p) => first + p);
    }),
  );
  let window = 0;
  for (let plane = 0; plane < planes; plane++)
    for (const lines of spans[0])
      for (const places of spans[1]) {
        const cells = lines.flatMap((line) => places.map((place) => (plane * size[0] + line) * size[1] + place));
        visit(window++, cells);
      }
}
