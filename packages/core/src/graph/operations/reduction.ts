// Operations that look along axes: reductions, and the softmax family, which reduces and broadcasts back.
import type { OperationAttributes, ReduceAttributes } from "../attributes.ts";
import * as math from "../math.ts";
import { defineOperation, type Tensor } from "../operation.ts";
import { elementCount, normaliseAxes, normaliseAxis, stridesOf, type Shape } from "../shape.ts";
import type { Value } from "../value.ts";

function reducedShape(shape: Shape, { axes, keepDimensions }: ReduceAttributes): Shape {
  const gone = normaliseAxes(axes, shape.length);
  return keepDimensions
    ? shape.map((dimension, axis) => (gone.includes(axis) ? 1 : dimension))
    : shape.filter((_, axis) => !gone.includes(axis));
}

const withKeptDimensions = (value: Value, original: Shape, axes: readonly number[]): Value =>
  math.reshape(value, reducedShape(original, { axes, keepDimensions: true }));

function reduce(
  x: Tensor,
  { axes }: ReduceAttributes,
  start: number,
  combine: (total: number, element: number) => number,
): Float64Array {
  const kept = reducedShape(x.shape, { axes, keepDimensions: true });
  // Stride 0 along the reduced axes sends all their elements to one place.
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const own = stridesOf(x.shape);
  const result = new Float64Array(elementCount(kept)).fill(start);
  x.data.forEach((element, i) => {
    let target = 0;
    own.forEach((stride, axis) => (target += (Math.floor(i / stride) % x.shape[axis]) * strides[axis]));
    result[target] = combine(result[target], element);
  });
  return result;
}

export const sum = defineOperation<"sum">({
  name: "sum",
  formula: "y = Σ x over the axes",
  arity: 1,
  shape: ([x], attributes) => reducedShape(x, attributes),
  gradient: ({ inputs: [x], attributes: { axes }, upstream }) => [
    math.broadcastTo(withKeptDimensions(upstream, x.shape, axes), x.shape),
  ],
  evaluate: ([x], attributes) => reduce(x, attributes, 0, (total, element) => total + element),
});

export const max = defineOperation<"max">({
  name: "max",
  formula: "y = max x over the axes; the gradient is shared by equal maxima",
  arity: 1,
  shape: ([x], attributes) => reducedShape(x, attributes),
  gradient({ inputs: [x], output, attributes: { axes }, upstream }) {
    const winners = math.equal(x, withKeptDimensions(output, x.shape, axes));
    const share = math.divide(withKeptDimensions(upstream, x.shape, axes), math.sum(winners, axes, true));
    return [math.multiply(winners, share)];
  },
  evaluate: ([x], attributes) => reduce(x, attributes, -Infinity, Math.max),
});

export const argmax = defineOperation<"argmax">({
  name: "argmax",
  formula: "y = the first index along the axis at which x is largest",
  arity: 1,
  shape: ([x], { axis }) => x.filter((_, other) => other !== normaliseAxis(axis, x.length)),
  gradient: () => [undefined],
  evaluate: ([x], { axis }, shape) => {
    const result = new Float64Array(elementCount(shape));
    eachLine(x, axis, (line, index) => {
      let best = 0;
      line.forEach((element, i) => (best = element > line[best] ? i : best));
      result[index] = best;
    });
    return result;
  },
});

export const softmax = defineOperation<"softmax">({
  name: "softmax",
  formula: "yᵢ = e^(xᵢ − max x) / Σⱼ e^(xⱼ − max x) along the axis (Bridle 1990)",
  arity: 1,
  shape: ([x], { axis }) => (normaliseAxis(axis, x.length), x),
  gradient({ output, attributes: { axis }, upstream }) {
    const weighted = math.multiply(upstream, output);
    return [math.subtract(weighted, math.multiply(output, math.sum(weighted, [axis], true)))];
  },
  evaluate: ([x], attributes) => mapLines(x, attributes, (shifted, logSum) => Math.exp(shifted - logSum)),
});

export const logSoftmax = defineOperation<"logSoftmax">({
  name: "logSoftmax",
  formula: "yᵢ = xᵢ − max x − ln Σⱼ e^(xⱼ − max x) along the axis",
  arity: 1,
  shape: ([x], { axis }) => (normaliseAxis(axis, x.length), x),
  gradient: ({ output, attributes: { axis }, upstream }) => [
    math.subtract(upstream, math.multiply(math.exp(output), math.sum(upstream, [axis], true))),
  ],
  evaluate: ([x], attributes) => mapLines(x, attributes, (shifted, logSum) => shifted - logSum),
});

/** Calls `visit` with every line of x along `axis`, and the line's index among the lines in row-major order. */
function eachLine(x: Tensor, axis: number, visit: (line: number[], index: number, positions: number[]) => void): void {
  const stride = stridesOf(x.shape)[axis];
  const length = x.shape[axis];
  const lines = x.data.length / length;
  for (let index = 0; index < lines; index++) {
    const start = Math.floor(index / stride) * stride * length + (index % stride);
    const positions = Array.from({ length }, (_, i) => start + i * stride);
    visit(
      positions.map((position) => x.data[position]),
      index,
      positions,
    );
  }
}

/** @param value of x − max x and ln Σ e^(x − max x), which a large maximum must not swallow */
function mapLines(
  x: Tensor,
  { axis }: OperationAttributes["softmax"],
  value: (shifted: number, logSum: number) => number,
): Float64Array {
  const result = new Float64Array(x.data.length);
  eachLine(x, axis, (line, _, positions) => {
    const top = Math.max(...line);
    const logSum = Math.log(line.reduce((total, element) => total + Math.exp(element - top), 0));
    positions.forEach((position, i) => (result[position] = value(line[i] - top, logSum)));
  });
  return result;
}
