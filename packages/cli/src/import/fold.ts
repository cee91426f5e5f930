// Arithmetic with constants alone: what exporters write to work out a shape, and weights that are turned before they are used.
import { broadcastShapes, elementCount, stridesOf, type Shape } from "@tabgrad/core";
import type { Constant } from "./step.ts";

export const constantOf = (name: string, shape: Shape, data: Iterable<number>): Constant => ({
  kind: "constant",
  name,
  shape,
  data: Float64Array.from(data),
});

/** Elementwise, broadcasting as NumPy does. */
export function broadcast(a: Constant, b: Constant, apply: (a: number, b: number) => number): Constant {
  const shape = broadcastShapes(a.shape, b.shape);
  const at = (operand: Constant, index: readonly number[]): number => {
    const missing = shape.length - operand.shape.length;
    const strides = stridesOf(operand.shape);
    return operand.data[
      operand.shape.reduce((sum, size, axis) => sum + (size === 1 ? 0 : index[axis + missing] * strides[axis]), 0)
    ];
  };
  const data = Array.from(indicesOf(shape), (index) => apply(at(a, index), at(b, index)));
  return constantOf(a.data.length > 1 ? a.name : b.name, shape, data);
}

/** Every value by itself. */
export const mapped = ({ name, shape, data }: Constant, apply: (value: number) => number): Constant =>
  constantOf(name, shape, Array.from(data, apply));

/** A part along an axis. */
export function cut({ name, shape, data, isInteger }: Constant, axis: number, start: number, end: number): Constant {
  const part = shape.map((size, i) => (i === axis ? end - start : size));
  const strides = stridesOf(shape);
  const values = Array.from(
    indicesOf(part),
    (index) => data[index.reduce((sum, at, i) => sum + (i === axis ? at + start : at) * strides[i], 0)],
  );
  return { ...constantOf(name, part, values), isInteger };
}

/** Values in the order of a permutation of the axes. */
export function transposed({ name, shape, data, origin }: Constant, permutation: readonly number[]): Constant {
  const strides = stridesOf(shape);
  const target = permutation.map((axis) => shape[axis]);
  const values = Array.from(
    indicesOf(target),
    (index) => data[permutation.reduce((sum, axis, i) => sum + index[i] * strides[axis], 0)],
  );
  const turned = constantOf(name, target, values);
  return origin && shape.length === 2 && permutation[0] === 1
    ? { ...turned, origin: { ...origin, transposed: !origin.transposed } }
    : turned;
}

/** Slices along the first axis, as Gather takes them. */
export function gathered({ name, shape, data, isInteger }: Constant, indices: Constant): Constant {
  const width = elementCount(shape.slice(1));
  const values = Array.from(indices.data).flatMap((index) => {
    const from = (index < 0 ? index + shape[0] : index) * width;
    return Array.from(data.subarray(from, from + width));
  });
  return { ...constantOf(name, [...indices.shape, ...shape.slice(1)], values), isInteger };
}

/** All indices of a tensor, in row-major order. */
function* indicesOf(shape: Shape): Generator<number[]> {
  const index = shape.map(() => 0);
  for (let count = elementCount(shape); count > 0; count--) {
    yield [...index];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}
