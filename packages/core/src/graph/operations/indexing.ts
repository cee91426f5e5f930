// Operations that move values to and from where a tensor of indices says.
import * as math from "../math.ts";
import { defineOperation, type Tensor } from "../operation.ts";
import { elementCount, formatShape, sameShape, ShapeError, type Shape } from "../shape.ts";

export const gather = defineOperation<"gather">({
  name: "gather",
  formula: "y[i, …] = a[b[i], …], i being all axes of b; zeros where b is no whole number from 0 below a's first dimension",
  arity: 2,
  shape([table, indices]) {
    if (table.length === 0) throw new ShapeError("gather needs a table, whose first axis the indices count along, not one number");
    return [...indices, ...table.slice(1)];
  },
  gradient: ({ inputs: [table, indices], upstream, needs }) => [
    needs[0] ? math.scatterAdd(upstream, indices, table.shape[0]) : undefined,
    undefined,
  ],
  evaluate([table, indices], _, shape) {
    const result = new Float64Array(elementCount(shape));
    eachRow(indices, table.shape, (row, i, width) => result.set(table.data.subarray(row * width, (row + 1) * width), i * width));
    return result;
  },
});

export const scatterAdd = defineOperation<"scatterAdd">({
  name: "scatterAdd",
  formula: "y[j, …] = Σ a[i, …] over all i with b[i] = j, i being all axes of b, for j below the count",
  arity: 2,
  shape([updates, indices], { count }) {
    if (!sameShape(updates.slice(0, indices.length), indices))
      throw new ShapeError(
        `scatterAdd of ${formatShape(updates)}: its shape must begin with that of the indices, ${formatShape(indices)}`,
      );
    if (!Number.isInteger(count) || count < 1) throw new ShapeError(`scatterAdd counts in whole numbers from 1, not ${count}`);
    return [count, ...updates.slice(indices.length)];
  },
  gradient: ({ inputs: [, indices], upstream, needs }) => [needs[0] ? math.gather(upstream, indices) : undefined, undefined],
  evaluate([updates, indices], _, shape) {
    const result = new Float64Array(elementCount(shape));
    eachRow(indices, shape, (row, i, width) => {
      for (let column = 0; column < width; column++) result[row * width + column] += updates.data[i * width + column];
    });
    return result;
  },
});

/** Calls `visit` with each index that is a row of a tensor of this shape, its number among the indices, and the values in a row. */
function eachRow(indices: Tensor, [count, ...rest]: Shape, visit: (row: number, i: number, width: number) => void): void {
  const width = elementCount(rest);
  indices.data.forEach((row, i) => {
    if (Number.isInteger(row) && row >= 0 && row < count) visit(row, i, width);
  });
}
