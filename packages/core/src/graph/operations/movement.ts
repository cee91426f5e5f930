// Operations that move values without arithmetic.
import * as math from "../math.ts";
import { defineOperation } from "../operation.ts";
import {
  broadcastsTo,
  broadcastStrides,
  checkDimensions,
  elementCount,
  formatShape,
  ShapeError,
  stridesOf,
  type Shape,
} from "../shape.ts";

export const reshape = defineOperation<"reshape">({
  name: "reshape",
  formula: "y = the elements of x in the same row-major order, in another shape",
  arity: 1,
  shape([x], { shape }) {
    const known = elementCount(shape.filter((dimension) => dimension !== -1));
    const missing = elementCount(x) / known;
    const resolved = shape.map((dimension) => (dimension === -1 ? missing : dimension));
    const wellFormed = resolved.every((dimension) => Number.isInteger(dimension) && dimension > 0);
    if (shape.filter((dimension) => dimension === -1).length > 1 || !wellFormed || elementCount(resolved) !== elementCount(x)) {
      throw new ShapeError(`${formatShape(x)} has ${elementCount(x)} elements and cannot become ${formatShape(shape)}`);
    }
    return resolved;
  },
  gradient: ({ inputs: [x], upstream }) => [math.reshape(upstream, x.shape)],
  evaluate: ([x]) => x.data.slice(),
});

export const transpose = defineOperation<"transpose">({
  name: "transpose",
  formula: "y = x with its axes in the order of the permutation: axis i of y is axis permutation[i] of x",
  arity: 1,
  shape([x], { permutation }) {
    if (permutation.length !== x.length || !x.every((_, axis) => permutation.includes(axis))) {
      throw new ShapeError(`[${permutation.join(", ")}] is not a permutation of the axes of ${formatShape(x)}`);
    }
    return permutation.map((axis) => x[axis]);
  },
  gradient: ({ attributes: { permutation }, upstream }) => [
    math.transpose(
      upstream,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  evaluate: ([x], { permutation }, shape) => {
    const strides = stridesOf(x.shape);
    return gather(
      x.data,
      shape,
      permutation.map((axis) => strides[axis]),
    );
  },
});

export const broadcastTo = defineOperation<"broadcastTo">({
  name: "broadcastTo",
  formula: "y = x, repeated along new axes and along axes of dimension 1",
  arity: 1,
  shape([x], { shape }) {
    if (!broadcastsTo(x, checkDimensions(shape)))
      throw new ShapeError(`${formatShape(x)} cannot be repeated to ${formatShape(shape)}`);
    return shape;
  },
  gradient: ({ inputs: [x], upstream }) => [math.sumTo(upstream, x.shape)],
  evaluate: ([x], _, shape) => gather(x.data, shape, broadcastStrides(x.shape, shape)),
});

export const oneHot = defineOperation<"oneHot">({
  name: "oneHot",
  formula: "y[…, j] = 1 if x[…] = j, else 0, for j below the depth; an index outside gives a row of zeros",
  arity: 1,
  shape([x], { depth }) {
    if (!Number.isInteger(depth) || depth < 1)
      throw new ShapeError(`the depth of a one-hot code is a whole number from 1, not ${depth}`);
    return [...x, depth];
  },
  gradient: () => [undefined],
  evaluate: ([x], { depth }) =>
    Float64Array.from({ length: x.data.length * depth }, (_, i) => (x.data[Math.floor(i / depth)] === i % depth ? 1 : 0)),
});

/** Reads `data` with the given strides, in row-major order of `shape`. */
function gather(data: Float64Array, shape: Shape, strides: readonly number[]): Float64Array {
  const target = stridesOf(shape);
  return Float64Array.from({ length: elementCount(shape) }, (_, i) => {
    let position = 0;
    target.forEach((stride, axis) => (position += (Math.floor(i / stride) % shape[axis]) * strides[axis]));
    return data[position];
  });
}
