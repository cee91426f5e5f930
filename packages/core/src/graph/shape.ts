// Shapes: what they are, how they broadcast, how they are printed. Nothing here knows an operation.

/** Dimensions, outermost first; `[]` is one number. Every dimension is a positive integer. */
export type Shape = readonly number[];

/** A shape rule's complaint. The builder adds the layer and turns it into a TabgradError. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

export const formatShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** @returns the shape. @throws ShapeError unless every dimension is a whole number from 1 */
export function checkDimensions(shape: Shape): Shape {
  const wrong = shape.find((dimension) => !Number.isInteger(dimension) || dimension < 1);
  if (wrong !== undefined) throw new ShapeError(`${formatShape(shape)} is not a shape: dimensions are whole numbers from 1`);
  return shape;
}

/** Number of values in a tensor of this shape. */
export const elementCount = (shape: Shape): number => shape.reduce((product, dimension) => product * dimension, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * Strides with which a tensor of shape `from` is read as if it had shape `to`: 0 along every broadcast axis.
 * `from` must broadcast to `to`.
 */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const own = stridesOf(from);
  const missing = to.length - from.length;
  return to.map((_, axis) => (axis < missing || from[axis - missing] === 1 ? 0 : own[axis - missing]));
}

/** NumPy's broadcasting rule (https://numpy.org/doc/stable/user/basics.broadcasting.html). @throws ShapeError */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let back = 1; back <= rank; back++) {
    const x = a[a.length - back] ?? 1;
    const y = b[b.length - back] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ${x} meets ${y} in dimension -${back}`,
      );
    }
    result[rank - back] = x === 1 ? y : x;
  }
  return result;
}

/** True if a tensor of shape `from` can be repeated to shape `to`. */
export function broadcastsTo(from: Shape, to: Shape): boolean {
  if (from.length > to.length) return false;
  const missing = to.length - from.length;
  return from.every((dimension, axis) => dimension === 1 || dimension === to[axis + missing]);
}

/** Turns -1 into the last axis and so on. @throws ShapeError if there is no such axis. */
export function normaliseAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= rank) {
    const expected = rank === 0 ? "it is one number" : `expected a whole number from ${-rank} to ${rank - 1}`;
    throw new ShapeError(`axis ${axis} does not exist in a tensor of rank ${rank}; ${expected}`);
  }
  return normal;
}

/** Ascending, without duplicates, none negative. @throws ShapeError */
export function normaliseAxes(axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => normaliseAxis(axis, rank)).sort((a, b) => a - b);
  const twice = normal.find((axis, i) => axis === normal[i - 1]);
  if (twice !== undefined) throw new ShapeError(`axis ${twice} is named twice`);
  return normal;
}
