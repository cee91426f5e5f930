// The operations as functions on values: what layers, losses and gradient rules are written in. Formulas stand in operations/.
import type {
  ConvolutionAttributes,
  NoAttributes,
  NormaliseAttributes,
  PoolingAttributes,
  ReduceAttributes,
} from "./attributes.ts";
import { elementCount, formatShape, normaliseAxes, normaliseAxis, sameShape, ShapeError, type Shape } from "./shape.ts";
import type { Value } from "./value.ts";

const none: NoAttributes = {};

type Unary =
  | "negate"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "step"
  | "relu"
  | "sigmoid"
  | "tanh"
  | "softplus"
  | "erf"
  | "gelu"
  | "sin"
  | "cos";
type Binary = "add" | "subtract" | "multiply" | "divide" | "power" | "maximum" | "minimum" | "equal" | "greater";

const unary = (operation: Unary) => (x: Value) => x.emitter.emit(operation, [x], none);
const binary = (operation: Binary) => (a: Value, b: Value | number) =>
  a.emitter.emit(operation, [a, typeof b === "number" ? constant(a, b) : b], none);

/** A constant in the graph that `beside` belongs to; a scalar unless a shape is given. */
export const constant = (beside: Value, values: number | readonly number[], shape: Shape = []): Value =>
  beside.emitter.emit("constant", [], { shape, values: typeof values === "number" ? [values] : values });

export const negate = unary("negate");
export const exp = unary("exp");
export const log = unary("log");
export const sqrt = unary("sqrt");
export const abs = unary("abs");
export const sign = unary("sign");
export const step = unary("step");
export const relu = unary("relu");
export const sigmoid = unary("sigmoid");
export const tanh = unary("tanh");
export const softplus = unary("softplus");
export const erf = unary("erf");
/** x · ½ (1 + erf(x / √2)) */
export const gelu = unary("gelu");
export const sin = unary("sin");
export const cos = unary("cos");
export const leakyRelu = (x: Value, slope: number): Value => x.emitter.emit("leakyRelu", [x], { slope });

export const add = binary("add");
export const subtract = binary("subtract");
export const multiply = binary("multiply");
export const divide = binary("divide");
export const power = binary("power");
export const maximum = binary("maximum");
export const minimum = binary("minimum");
export const equal = binary("equal");
export const greater = binary("greater");
export const square = (x: Value): Value => multiply(x, x);

export const select = (condition: Value, then: Value, otherwise: Value): Value =>
  condition.emitter.emit("select", [condition, then, otherwise], none);

/** d loss / d x of `gelu`, from d loss / d its result. */
export const geluGradient = (x: Value, upstream: Value): Value => x.emitter.emit("geluGradient", [x, upstream], none);

export const matmul = (a: Value, b: Value, { transposeA = false, transposeB = false } = {}): Value =>
  a.emitter.emit("matmul", [a, b], { transposeA, transposeB });

const convolution = (options: Partial<ConvolutionAttributes>): ConvolutionAttributes => ({
  strides: [1, 1],
  padding: [0, 0, 0, 0],
  dilations: [1, 1],
  groups: 1,
  ...options,
});

/** Images [N, C, H, W] and filters [O, C / groups, kH, kW]; by default one cell a step, no padding, no dilation, one group. */
export const conv2d = (x: Value, filters: Value, options: Partial<ConvolutionAttributes> = {}): Value =>
  x.emitter.emit("conv2d", [x, filters], convolution(options));

/** d loss / d images of `conv2d`, of the given height and width, from d loss / d its result. */
export const conv2dInputGradient = (
  upstream: Value,
  filters: Value,
  size: readonly [number, number],
  options: Partial<ConvolutionAttributes> = {},
): Value => upstream.emitter.emit("conv2dInputGradient", [upstream, filters], { ...convolution(options), size });

/** d loss / d filters of `conv2d`, of the given height and width, from d loss / d its result. */
export const conv2dFilterGradient = (
  x: Value,
  upstream: Value,
  kernel: readonly [number, number],
  options: Partial<ConvolutionAttributes> = {},
): Value => x.emitter.emit("conv2dFilterGradient", [x, upstream], { ...convolution(options), kernel });

/** How to pool: at least the window; by default windows lie side by side, without padding. */
export type PoolingOptions = Pick<PoolingAttributes, "kernel"> & Partial<PoolingAttributes>;

const pooling = ({ kernel, strides = kernel, padding = [0, 0, 0, 0] }: PoolingOptions): PoolingAttributes => ({
  kernel,
  strides,
  padding,
});

/** The largest value of each window of images [N, C, H, W]; the padding never is. */
export const maxPool2d = (x: Value, options: PoolingOptions): Value => x.emitter.emit("maxPool2d", [x], pooling(options));

/** d loss / d images of `maxPool2d`, from d loss / d its result. */
export const maxPool2dGradient = (x: Value, upstream: Value, options: PoolingOptions): Value =>
  x.emitter.emit("maxPool2dGradient", [x, upstream], pooling(options));

/** From `values`, of the shape of x, those at the places where `maxPool2d` finds its results in x. */
export const maxPool2dGather = (x: Value, values: Value, options: PoolingOptions): Value =>
  x.emitter.emit("maxPool2dGather", [x, values], pooling(options));

/** The mean of each window of images [N, C, H, W]: of its cells inside the image, or of all, with zeros outside. */
export const averagePool2d = (x: Value, options: PoolingOptions & { readonly countPadding?: boolean }): Value =>
  x.emitter.emit("averagePool2d", [x], { ...pooling(options), countPadding: options.countPadding ?? false });

/** d loss / d images of `averagePool2d`, of the given height and width, from d loss / d its result. */
export const averagePool2dGradient = (
  upstream: Value,
  size: readonly [number, number],
  options: PoolingOptions & { readonly countPadding?: boolean },
): Value =>
  upstream.emitter.emit("averagePool2dGradient", [upstream], {
    ...pooling(options),
    countPadding: options.countPadding ?? false,
    size,
  });

const reduction = (x: Value, axes: readonly number[] | undefined, keepDimensions: boolean): ReduceAttributes => ({
  axes: axes ? normaliseAxes(axes, x.shape.length) : x.shape.map((_, axis) => axis),
  keepDimensions,
});

/** Over all axes unless some are given. */
export const sum = (x: Value, axes?: readonly number[], keepDimensions = false): Value =>
  x.emitter.emit("sum", [x], reduction(x, axes, keepDimensions));

export const max = (x: Value, axes?: readonly number[], keepDimensions = false): Value =>
  x.emitter.emit("max", [x], reduction(x, axes, keepDimensions));

export function mean(x: Value, axes?: readonly number[], keepDimensions = false): Value {
  const total = sum(x, axes, keepDimensions);
  return multiply(total, elementCount(total.shape) / elementCount(x.shape));
}

export const argmax = (x: Value, axis = -1): Value => x.emitter.emit("argmax", [x], { axis: normaliseAxis(axis, x.shape.length) });
export const softmax = (x: Value, axis = -1): Value =>
  x.emitter.emit("softmax", [x], { axis: normaliseAxis(axis, x.shape.length) });
export const logSoftmax = (x: Value, axis = -1): Value =>
  x.emitter.emit("logSoftmax", [x], { axis: normaliseAxis(axis, x.shape.length) });

/**
 * (x − μ) / √(σ² + ε) along the last dimension, with its mean μ and variance σ² (by n, not n − 1): what layer normalisation is made of. Not
 * centred it is x / √(mean x² + ε).
 */
export const normalise = (x: Value, { centred = true, epsilon = 1e-5 }: Partial<NormaliseAttributes> = {}): Value =>
  x.emitter.emit("normalise", [x], { centred, epsilon });

/** d loss / d x of `normalise`, from d loss / d its result. */
export const normaliseGradient = (x: Value, upstream: Value, attributes: NormaliseAttributes): Value =>
  x.emitter.emit("normaliseGradient", [x, upstream], attributes);

export const reshape = (x: Value, shape: Shape): Value => x.emitter.emit("reshape", [x], { shape });
export const transpose = (x: Value, permutation: readonly number[]): Value => x.emitter.emit("transpose", [x], { permutation });
export const broadcastTo = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : x.emitter.emit("broadcastTo", [x], { shape });
export const oneHot = (indices: Value, depth: number): Value => indices.emitter.emit("oneHot", [indices], { depth });

/** The elements of `x` whose index along the axis is from `start` up to `stop`, exclusive. The axis must not be that of the rows. */
export const slice = (x: Value, axis: number, start: number, stop: number): Value =>
  x.emitter.emit("slice", [x], { axis: normaliseAxis(axis, x.shape.length), start, stop });

/** `x` with this many zeros before and after it along the axis. */
export const pad = (x: Value, axis: number, before: number, after: number): Value =>
  x.emitter.emit("pad", [x], { axis: normaliseAxis(axis, x.shape.length), before, after });

/** One or more tensors, end to end along an axis; their other dimensions must be equal. */
export const concatenate = (parts: readonly Value[], axis = -1): Value =>
  parts[0].emitter.emit("concatenate", parts, { axis: normaliseAxis(axis, parts[0].shape.length) });

/**
 * The rows of a table with these indices, which are whole numbers from 0; any other index gives zeros.
 * @param table shape [count, ...width]
 * @param indices any shape
 * @returns shape [...indices.shape, ...width]
 */
export const gather = (table: Value, indices: Value): Value => table.emitter.emit("gather", [table, indices], none);

/**
 * Adds up what has the same index, into a tensor of zeros: what `gather` is differentiated into. An index outside counts for nothing.
 * @param updates shape [...indices.shape, ...width]
 * @returns shape [count, ...width]
 */
export const scatterAdd = (updates: Value, indices: Value, count: number): Value =>
  updates.emitter.emit("scatterAdd", [updates, indices], { count });

/**
 * Uniform random numbers in [0, 1), another set for each sample, step and stream.
 * @param keys shape [rows, 4]: the graph's input `keysInput`
 * @param shape one sample's
 * @returns shape [rows, ...shape]
 */
export const uniform = (keys: Value, shape: Shape, stream: number): Value =>
  keys.emitter.emit("uniform", [keys], { shape, stream });

/** `a` in training, and `b`, of the same shape, in evaluation and prediction. */
export const ifTraining = (a: Value, b: Value): Value => a.emitter.emit("ifTraining", [a, b], none);

/**
 * Rotary position embedding: turns each pair (xᵢ, xᵢ₊ₙ) of a vector of length 2n at position t by the angle t · base^(−i/n), so that the
 * product of two turned vectors depends on how far apart they are, not on where. Su et al. 2021, https://arxiv.org/abs/2104.09864,
 * with halves in place of neighbours as pairs, as GPT-NeoX and Llama have them.
 * @param x shape [..., positions, 2n]
 * @throws ShapeError where the last dimension is odd
 */
export function rotary(x: Value, { base = 10_000 }: { readonly base?: number } = {}): Value {
  const [positions, width] = x.shape.slice(-2);
  if (x.shape.length < 2 || width % 2 !== 0)
    throw new ShapeError(`rotary needs a shape [..., positions, an even number], not ${formatShape(x.shape)}`);
  const pairs = width / 2;
  const count = (length: number): number[] => Array.from({ length }, (_, i) => i);
  const frequencies = count(pairs).map((i) => base ** (-i / pairs));
  const angles = multiply(constant(x, count(positions), [positions, 1]), constant(x, frequencies, [pairs]));
  const [sine, cosine] = [sin(angles), cos(angles)];
  const [a, b] = [slice(x, -1, 0, pairs), slice(x, -1, pairs, width)];
  return concatenate([subtract(multiply(a, cosine), multiply(b, sine)), add(multiply(a, sine), multiply(b, cosine))]);
}

/** Undoes broadcasting: sums `x` over the axes along which a tensor of shape `shape` was repeated to become `x.shape`. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const missing = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dimension, axis) =>
    axis < missing || (shape[axis - missing] === 1 && dimension !== 1) ? [axis] : [],
  );
  const reduced = axes.length > 0 ? sum(x, axes) : x;
  return sameShape(reduced.shape, shape) ? reduced : reshape(reduced, shape);
}
