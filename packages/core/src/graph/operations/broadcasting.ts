// Elementwise operations of two and three tensors, with NumPy's broadcasting.
import * as math from "../math.ts";
import { defineOperation, type GradientContext, type OperationDefinition, type Tensor } from "../operation.ts";
import { broadcastShapes, broadcastStrides, elementCount, type Shape } from "../shape.ts";
import type { Value } from "../value.ts";

type Binary = "add" | "subtract" | "multiply" | "divide" | "power" | "maximum" | "minimum" | "equal" | "greater";

/** `derivative` gives d loss / d a and d loss / d b in the output's shape; what was broadcast is summed here. */
function binary<K extends Binary>(
  name: K,
  formula: string,
  value: (a: number, b: number) => number,
  derivative?: (context: GradientContext<K>) => readonly [() => Value, () => Value],
): OperationDefinition<K> {
  return defineOperation<K>({
    name,
    formula,
    arity: 2,
    shape: ([a, b]) => broadcastShapes(a, b),
    gradient(context) {
      const parts = derivative?.(context);
      return context.inputs.map((input, i) => (parts && context.needs[i] ? math.sumTo(parts[i](), input.shape) : undefined));
    },
    evaluate: (inputs, _, shape) => mapBroadcast(inputs, shape, value),
  });
}

/** Applies `value` to the corresponding elements of two or three tensors that broadcast to `shape`. */
function mapBroadcast(inputs: readonly Tensor[], shape: Shape, value: (a: number, b: number, c: number) => number): Float64Array {
  const [a, b, c = a] = inputs;
  // What a run reports of every step is made of single numbers.
  if (shape.length === 0) return Float64Array.of(value(a.data[0], b.data[0], c.data[0]));
  const line = shape[shape.length - 1];
  const strides = [a, b, c].map((input) => broadcastStrides(input.shape, shape));
  const [stepA, stepB, stepC] = strides.map((stride) => stride[shape.length - 1] ?? 0);
  const offsets = [0, 0, 0];
  const index = shape.map(() => 0);
  const result = new Float64Array(elementCount(shape));
  for (let start = 0; start < result.length; start += line) {
    let [atA, atB, atC] = offsets;
    for (let i = start; i < start + line; i++, atA += stepA, atB += stepB, atC += stepC)
      result[i] = value(a.data[atA], b.data[atB], c.data[atC]);
    // The next line: count up the other axes, like an odometer.
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      index[axis]++;
      offsets.forEach((_, which) => (offsets[which] += strides[which][axis]));
      if (index[axis] < shape[axis]) break;
      offsets.forEach((_, which) => (offsets[which] -= strides[which][axis] * shape[axis]));
      index[axis] = 0;
    }
  }
  return result;
}

export const add = binary(
  "add",
  "y = a + b",
  (a, b) => a + b,
  ({ upstream }) => [() => upstream, () => upstream],
);

export const subtract = binary(
  "subtract",
  "y = a − b",
  (a, b) => a - b,
  ({ upstream }) => [() => upstream, () => math.negate(upstream)],
);

export const multiply = binary(
  "multiply",
  "y = a · b",
  (a, b) => a * b,
  ({ upstream, inputs: [a, b] }) => [() => math.multiply(upstream, b), () => math.multiply(upstream, a)],
);

export const divide = binary(
  "divide",
  "y = a / b",
  (a, b) => a / b,
  ({ upstream, output, inputs: [, b] }) => [
    () => math.divide(upstream, b),
    () => math.negate(math.divide(math.multiply(upstream, output), b)),
  ],
);

export const power = binary(
  "power",
  "y = aᵇ, for a > 0 or a constant whole b",
  Math.pow,
  ({ upstream, output, inputs: [a, b] }) => [
    () => math.multiply(upstream, math.multiply(b, math.power(a, math.subtract(b, 1)))),
    () => math.multiply(upstream, math.multiply(output, math.log(a))),
  ],
);

export const maximum = binary(
  "maximum",
  "y = max(a, b); at a = b the gradient goes to b",
  Math.max,
  ({ upstream, inputs: [a, b] }) => {
    const first = math.greater(a, b);
    return [() => math.multiply(upstream, first), () => math.multiply(upstream, math.subtract(math.constant(a, 1), first))];
  },
);

export const minimum = binary(
  "minimum",
  "y = min(a, b); at a = b the gradient goes to b",
  Math.min,
  ({ upstream, inputs: [a, b] }) => {
    const first = math.greater(b, a);
    return [() => math.multiply(upstream, first), () => math.multiply(upstream, math.subtract(math.constant(a, 1), first))];
  },
);

export const equal = binary("equal", "y = 1 if a = b, else 0", (a, b) => (a === b ? 1 : 0));

export const greater = binary("greater", "y = 1 if a > b, else 0", (a, b) => (a > b ? 1 : 0));

export const select = defineOperation<"select">({
  name: "select",
  formula: "y = a where c ≠ 0, else b",
  arity: 3,
  shape: ([condition, then, otherwise]) => broadcastShapes(broadcastShapes(condition, then), otherwise),
  gradient({ upstream, inputs: [condition, then, otherwise], needs }) {
    const zero = math.constant(upstream, 0);
    return [
      undefined,
      needs[1] ? math.sumTo(math.select(condition, upstream, zero), then.shape) : undefined,
      needs[2] ? math.sumTo(math.select(condition, zero, upstream), otherwise.shape) : undefined,
    ];
  },
  evaluate: (inputs, _, shape) => mapBroadcast(inputs, shape, (condition, then, otherwise) => (condition !== 0 ? then : otherwise)),
});
