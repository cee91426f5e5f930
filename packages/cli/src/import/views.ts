// Tensors whose first dimension does not count the samples, as attention in PyTorch has them inside. Nothing is moved for that: a view says
// how the file's axes are made of a value's, until an operation needs them in another order.
import { elementCount, math, type Shape } from "@tabgrad/core";
import { Unsupported } from "./node-reader.ts";
import { shapeRows, type Computed, type View } from "./step.ts";
import type { Translator } from "./translation.ts";

/** Stands for the number of rows where any will do: no other size has this factor. */
const anyRows = 1_000_003;

export const viewOf = ({ value, view }: Computed): View => view ?? value.shape.map((_, axis) => [axis]);

const isPlain = (view: View): boolean => view.every((axes, i) => axes.length === 1 && axes[0] === i);

/** The same value under a view; without one where that is how the value lies anyway. */
export const seen = ({ value, step }: Computed, view: View): Computed => ({
  kind: "computed",
  value,
  step,
  ...(!isPlain(view) && { view }),
});

const rowsMoved = (): Unsupported => new Unsupported("it moves the first dimension, which counts the samples");

/** The file's sizes; NaN where they depend on the number of rows, unless that is known. */
export function sizesOf(x: Computed, rows: number | undefined): number[] {
  const { shape } = x.value;
  return viewOf(x).map((axes) =>
    axes.reduce((size, axis) => size * (axis === 0 ? ((rows ?? NaN) * shape[0]) / shapeRows : shape[axis]), 1),
  );
}

const identity = (order: readonly number[]): boolean => order.every((axis, i) => axis === i);

function ordered(x: Computed, order: readonly number[], translator: Translator): Computed {
  if (identity(order)) return { kind: "computed", value: x.value, step: x.step };
  const list = `[${order.join(", ")}]`;
  return translator.emit([x], {
    value: ([value]) => math.transpose(value, order),
    expression: ([value]) => `math.transpose(${value}, ${list})`,
  });
}

function shaped(x: Computed, sample: Shape, translator: Translator): Computed {
  const list = `[${[-1, ...sample].join(", ")}]`;
  return translator.emit([x], {
    value: ([value]) => math.reshape(value, [-1, ...sample]),
    expression: ([value]) => `math.reshape(${value}, ${list})`,
  });
}

/** As the file has it, for operations that know no views. @throws Unsupported where the rows are not first */
export function settled(x: Computed, translator: Translator): Computed {
  if (!x.view) return x;
  const [[first] = []] = x.view;
  if (first !== 0) throw rowsMoved();
  const result = ordered(x, x.view.flat(), translator);
  const isWhole = x.view.every((axes) => axes.length === 1);
  const sample = x.view.slice(1).map((axes) => elementCount(axes.map((axis) => x.value.shape[axis])));
  return isWhole ? result : shaped(result, sample, translator);
}

/** For operations along the file's last axis alone: the rows first, that axis last, whatever is in between. */
export function alongLast(x: Computed, translator: Translator): Computed {
  if (!x.view) return x;
  const leading = x.view.slice(0, -1);
  const last = x.view[x.view.length - 1];
  if (last.includes(0)) throw rowsMoved();
  const kept = [0, ...leading.flat().filter((axis) => axis !== 0)];
  const result = ordered(x, [...kept, ...last], translator);
  const sizes = [...kept.slice(1), ...last].map((axis) => x.value.shape[axis]);
  const sample = [...sizes.slice(0, kept.length - 1), elementCount(sizes.slice(kept.length - 1))];
  const merged = last.length === 1 ? result : shaped(result, sample, translator);
  return seen(merged, [...leading.map((axes) => axes.map((axis) => kept.indexOf(axis))), [kept.length]]);
}

/** The file's axes in another order. */
export function permuted(x: Computed, permutation: readonly number[], translator: Translator): Computed {
  const view = viewOf(x);
  const result = seen(
    x,
    permutation.map((axis) => view[axis]),
  );
  return result.view?.[0]?.[0] === 0 ? settled(result, translator) : result;
}

/** A piece of one of the value's axes; the first one of axis 0 is the rows, or the rows as often as they were stacked. */
interface Piece {
  readonly axis: number;
  readonly size: number;
  readonly isRows: boolean;
}

/**
 * Other axes of the same numbers in the same order.
 * @param target sizes; 0 keeps one, and one of them, NaN or -1, is whatever is left
 * @throws Unsupported where that tears the rows apart
 */
export function regrouped(x: Computed, target: readonly number[], translator: Translator): Computed {
  const rows = translator.rows ?? anyRows;
  const { shape } = x.value;
  const before = sizesOf(x, rows);
  const sizes = target.map((size, i) => (size === 0 ? before[i] : size));
  const isOpen = (size: number): boolean => Number.isNaN(size) || size === -1;
  if (sizes.filter(isOpen).length > 1) throw new Unsupported(`its shape [${target.join(", ")}] leaves two sizes open`);
  const left = before.reduce((all, size) => all * size, 1) / sizes.reduce((all, size) => (isOpen(size) ? all : all * size), 1);
  const waiting: Piece[] = viewOf(x).flatMap((axes) =>
    axes.flatMap((axis): Piece[] => {
      if (axis !== 0) return [{ axis, size: shape[axis], isRows: false }];
      const stack = shape[0] / shapeRows;
      const piece = { axis, size: rows, isRows: true };
      return stack === 1 ? [piece] : [piece, { axis, size: stack, isRows: false }];
    }),
  );
  const groups = sizes.map((size) => taken(waiting, isOpen(size) ? left : size));
  if (waiting.some(({ size }) => size !== 1)) throw new Unsupported("it mixes samples, or takes them apart");
  return split(x, groups, translator);
}

/** The next pieces that make up so many numbers; the last one is parted where it is too large. */
function taken(waiting: Piece[], size: number): Piece[] {
  const group: Piece[] = [];
  for (let missing = size; missing !== 1;) {
    const next = waiting.shift();
    if (!next) throw new Unsupported("it mixes samples, or takes them apart");
    if (missing % next.size === 0) {
      group.push(next);
      missing /= next.size;
    } else if (!next.isRows && next.size % missing === 0) {
      group.push({ ...next, size: missing });
      waiting.unshift({ ...next, size: next.size / missing });
      missing = 1;
    } else throw new Unsupported("it mixes samples, or takes them apart");
  }
  return group;
}

/** The value with an axis for each piece, and the view that groups make of them. */
function split(x: Computed, groups: readonly (readonly Piece[])[], translator: Translator): Computed {
  const pieces = groups.flat();
  const inOrder = x.value.shape.flatMap((_, axis) => pieces.filter((piece) => piece.axis === axis));
  const view = groups.map((group) => group.map((piece) => inOrder.indexOf(piece)));
  const isSame = inOrder.length === x.value.shape.length && inOrder.every(({ axis }, i) => axis === i);
  if (isSame && x.value.shape[0] === shapeRows) return seen(x, view);
  const sample = inOrder.slice(1).map(({ size }) => size);
  const result = seen(shaped(x, sample, translator), view);
  return result.view?.[0]?.[0] === 0 ? settled(result, translator) : result;
}
