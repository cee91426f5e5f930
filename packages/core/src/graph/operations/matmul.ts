// Matrix multiplication over the last two dimensions, batched over the ones before, which broadcast.
import * as math from "../math.ts";
import { defineOperation, type Tensor } from "../operation.ts";
import { broadcastShapes, broadcastStrides, elementCount, formatShape, ShapeError, type Shape } from "../shape.ts";
import type { Value } from "../value.ts";

export interface MatmulDimensions {
  /** The broadcast shape of the leading dimensions. */
  readonly batch: Shape;
  /** The output's last two dimensions are [m, n]; k is summed over. */
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** @throws ShapeError */
export function matmulDimensions(a: Shape, b: Shape, flags: { transposeA: boolean; transposeB: boolean }): MatmulDimensions {
  if (a.length < 2 || b.length < 2) {
    throw new ShapeError(`matmul needs at least two dimensions on both sides, not ${formatShape(a)} and ${formatShape(b)}`);
  }
  const [m, k] = flags.transposeA ? [a[a.length - 1], a[a.length - 2]] : [a[a.length - 2], a[a.length - 1]];
  const [n, otherK] = flags.transposeB ? [b[b.length - 2], b[b.length - 1]] : [b[b.length - 1], b[b.length - 2]];
  if (k !== otherK) {
    const sides = `${formatShape(a)}${flags.transposeA ? "ᵀ" : ""} and ${formatShape(b)}${flags.transposeB ? "ᵀ" : ""}`;
    throw new ShapeError(`matmul of ${sides}: the left side has ${k} columns, the right side ${otherK} rows`);
  }
  return { batch: broadcastShapes(a.slice(0, -2), b.slice(0, -2)), m, n, k };
}

export const matmul = defineOperation<"matmul">({
  name: "matmul",
  formula: "y = op(a) · op(b) over the last two dimensions, op being the transpose where the flag is set",
  arity: 2,
  shape([a, b], attributes) {
    const { batch, m, n } = matmulDimensions(a, b, attributes);
    return [...batch, m, n];
  },
  // With C = AB: dA = dC·Bᵀ, dB = Aᵀ·dC (Goodfellow, Bengio & Courville 2016, §6.5.6). The flags turn the other cases into these
  // without a transpose ever being made.
  gradient({ inputs: [a, b], attributes: { transposeA, transposeB }, upstream, needs }) {
    const forA = (): Value =>
      transposeA
        ? math.matmul(b, upstream, { transposeA: transposeB, transposeB: true })
        : math.matmul(upstream, b, { transposeB: !transposeB });
    const forB = (): Value =>
      transposeB
        ? math.matmul(upstream, a, { transposeA: true, transposeB: transposeA })
        : math.matmul(a, upstream, { transposeA: !transposeA });
    return [needs[0] ? math.sumTo(forA(), a.shape) : undefined, needs[1] ? math.sumTo(forB(), b.shape) : undefined];
  },
  evaluate: ([a, b], attributes) => multiplyMatrices(a, b, attributes),
});

function multiplyMatrices(a: Tensor, b: Tensor, flags: { transposeA: boolean; transposeB: boolean }): Float64Array {
  const { batch, m, n, k } = matmulDimensions(a.shape, b.shape, flags);
  const offsetsA = matrixOffsets(a.shape, batch);
  const offsetsB = matrixOffsets(b.shape, batch);
  const [rowA, innerA] = flags.transposeA ? [1, m] : [k, 1];
  const [innerB, columnB] = flags.transposeB ? [1, k] : [n, 1];
  const result = new Float64Array(elementCount(batch) * m * n);
  const [left, right] = [a.data, b.data];
  offsetsA.forEach((startA, matrix) => {
    const startB = offsetsB[matrix];
    for (let row = 0; row < m; row++) {
      const position = (matrix * m + row) * n;
      let [atA, atB] = [startA + row * rowA, startB];
      let inner = 0;
      // A whole row of results at a time, four products further: b is read as it lies in memory, and yet each sum gets its products
      // one after another in the order of `inner`, so that the result is that of the textbook's loop to the last bit.
      for (; inner + 4 <= k; inner += 4, atA += 4 * innerA, atB += 4 * innerB) {
        const [a0, a1, a2, a3] = [left[atA], left[atA + innerA], left[atA + 2 * innerA], left[atA + 3 * innerA]];
        let at = atB;
        for (let to = position; to < position + n; to++, at += columnB) {
          const sum = result[to] + a0 * right[at] + a1 * right[at + innerB];
          result[to] = sum + a2 * right[at + 2 * innerB] + a3 * right[at + 3 * innerB];
        }
      }
      for (; inner < k; inner++, atA += innerA, atB += innerB) {
        for (let column = 0; column < n; column++) result[position + column] += left[atA] * right[atB + column * columnB];
      }
    }
  });
  return result;
}

/** Where the matrix for each index of the broadcast batch begins. */
function matrixOffsets(shape: Shape, batch: Shape): number[] {
  const matrix = shape[shape.length - 1] * shape[shape.length - 2];
  const strides = broadcastStrides(shape.slice(0, -2), batch).map((stride) => stride * matrix);
  let offsets = [0];
  batch.forEach((dimension, axis) => {
    offsets = offsets.flatMap((offset) => Array.from({ length: dimension }, (_, i) => offset + i * strides[axis]));
  });
  return offsets;
}
