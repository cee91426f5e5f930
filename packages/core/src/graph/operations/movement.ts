// Operations that move values without arithmetic.
import * as math from "../math.ts";
import { defineOperation, type Tensor } from "../operation.ts";
import {
  broadcastsTo,
  broadcastStrides,
  checkDimensions,
  elementCount,
  formatShape,
  normaliseAxis,
  sameShape,
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
    return readStrided(
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
  evaluate: ([x], _, shape) => readStrided(x.data, shape, broadcastStrides(x.shape, shape)),
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

export const slice = defineOperation<"slice">({
  name: "slice",
  formula: "y = the elements of x from start up to stop, exclusive, along the axis",
  arity: 1,
  shape([x], { axis, start, stop }) {
    const length = x[normaliseAxis(axis, x.length)];
    if (!Number.isInteger(start) || !Number.isInteger(stop) || start < 0 || start >= stop || stop > length)
      throw new ShapeError(`axis ${axis} of ${formatShape(x)} has no slice from ${start} to ${stop}`);
    return withLength(x, axis, stop - start);
  },
  gradient: ({ inputs: [x], attributes: { axis, start, stop }, upstream }) => [
    math.pad(upstream, axis, start, x.shape[axis] - stop),
  ],
  evaluate: ([x], { axis, start }, shape) => copyLines(x, shape, axis, { from: start, to: 0, length: shape[axis] }),
});

export const pad = defineOperation<"pad">({
  name: "pad",
  formula: "y = x with zeros before and after it along the axis",
  arity: 1,
  shape([x], { axis, before, after }) {
    if (![before, after].every((count) => Number.isInteger(count) && count >= 0))
      throw new ShapeError(`padding is counted in whole numbers from 0, not ${before} and ${after}`);
    return withLength(x, axis, x[normaliseAxis(axis, x.length)] + before + after);
  },
  gradient: ({ inputs: [x], attributes: { axis, before }, upstream }) => [
    math.slice(upstream, axis, before, before + x.shape[axis]),
  ],
  evaluate: ([x], { axis, before }, shape) => copyLines(x, shape, axis, { from: 0, to: before, length: x.shape[axis] }),
});

export const concatenate = defineOperation<"concatenate">({
  name: "concatenate",
  formula: "y = a, b, … end to end along the axis",
  arity: "variadic",
  shape(parts, { axis }) {
    const [first] = parts;
    normaliseAxis(axis, first.length);
    const odd = parts.find(
      (part) => part.length !== first.length || !sameShape(withLength(part, axis, 1), withLength(first, axis, 1)),
    );
    if (odd) throw new ShapeError(`${formatShape(first)} and ${formatShape(odd)} differ in more than axis ${axis}`);
    return withLength(
      first,
      axis,
      parts.reduce((total, part) => total + part[axis], 0),
    );
  },
  gradient({ inputs, attributes: { axis }, upstream, needs }) {
    let start = 0;
    return inputs.map(({ shape }, i) => {
      start += shape[axis];
      return needs[i] ? math.slice(upstream, axis, start - shape[axis], start) : undefined;
    });
  },
  evaluate(parts, { axis }, shape) {
    const result = new Float64Array(elementCount(shape));
    let to = 0;
    for (const part of parts) {
      copyLines(part, shape, axis, { from: 0, to, length: part.shape[axis] }, result);
      to += part.shape[axis];
    }
    return result;
  },
});

const withLength = (shape: Shape, axis: number, length: number): Shape =>
  shape.map((dimension, i) => (i === axis ? length : dimension));

/** Copies `length` elements along the axis, from index `from` of x to index `to` of a tensor of this shape, which is zero elsewhere. */
function copyLines(
  x: Tensor,
  shape: Shape,
  axis: number,
  { from, to, length }: { from: number; to: number; length: number },
  result = new Float64Array(elementCount(shape)),
): Float64Array {
  const inner = elementCount(shape.slice(axis + 1));
  const outer = elementCount(shape.slice(0, axis));
  for (let i = 0; i < outer; i++) {
    const source = (i * x.shape[axis] + from) * inner;
    result.set(x.data.subarray(source, source + length * inner), (i * shape[axis] + to) * inner);
  }
  return result;
}

/** Reads `data` with the given strides, in row-major order of `shape`. */
function readStrided(data: Float64Array, shape: Shape, strides: readonly number[]): Float64Array {
  const target = stridesOf(shape);
  return Float64Array.from({ length: elementCount(shape) }, (_, i) => {
    let position = 0;
    target.forEach((stride, axis) => (position += (Math.floor(i / stride) % shape[axis]) * strides[axis]));
    return data[position];
  });
}
