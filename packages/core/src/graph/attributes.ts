// The table of operations: every operation's name and what parametrises it. This is the vocabulary of the graph, on the wire as in
// memory; the rules that belong to a name stand in operations/.
import type { Shape } from "./shape.ts";

/** How the initial values of a parameter are drawn. Resolved by the layer, so that a graph needs no knowledge of layers. */
export type Initialisation =
  | { readonly kind: "constant"; readonly value: number }
  /** Uniform in [low, high). */
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal"; readonly mean: number; readonly deviation: number };

export type NoAttributes = Readonly<Record<string, never>>;

/** An operation over some axes of one tensor. */
export interface ReduceAttributes {
  /** Ascending, not negative. */
  readonly axes: readonly number[];
  /** Keep the reduced axes with dimension 1. */
  readonly keepDimensions: boolean;
}

/** How the last dimension is normalised. */
export interface NormaliseAttributes {
  /** Whether the mean is taken off first. */
  readonly centred: boolean;
  /** Added to the mean square before the root is taken; above 0. */
  readonly epsilon: number;
}

/** How the window of a convolution walks over the last two dimensions of [N, C, H, W]. */
export interface ConvolutionAttributes {
  /** Cells from one window to the next, down and to the right; from 1. */
  readonly strides: readonly [number, number];
  /** Zeros around the input: top, left, bottom, right; from 0. */
  readonly padding: readonly [number, number, number, number];
  /** Cells from one tap of the window to the next, down and to the right; from 1. */
  readonly dilations: readonly [number, number];
  /** Channels are cut into so many groups, in order, and each is convolved by itself; from 1. */
  readonly groups: number;
}

/** How a window walks over the last two dimensions of [N, C, H, W] and sums them up. */
export interface PoolingAttributes {
  /** Height and width of the window; from 1. */
  readonly kernel: readonly [number, number];
  /** Cells from one window to the next, down and to the right; from 1. */
  readonly strides: readonly [number, number];
  /** Cells around the input: top, left, bottom, right; from 0, and fewer than the window has. */
  readonly padding: readonly [number, number, number, number];
}

export interface OperationAttributes {
  // Sources: no inputs.
  /** Fed on every run. `shape` is one sample's if `batched`: the tensor is [rows, ...shape]. */
  input: { readonly name: string; readonly shape: Shape; readonly batched: boolean };
  /**
   * Part of the flat parameter vector. `frozen`: it is not trained, and has no gradient. `statistic`: it follows the mean over a step's
   * samples of the output "statistic:NAME", by this share of the way in each step.
   */
  parameter: {
    readonly name: string;
    readonly shape: Shape;
    readonly initialisation: Initialisation;
    readonly frozen?: true;
    readonly statistic?: { readonly momentum: number };
  };
  /** `values` has either one value, which fills the shape, or one for each element. */
  constant: { readonly shape: Shape; readonly values: readonly number[] };

  // Elementwise, one input.
  negate: NoAttributes;
  exp: NoAttributes;
  log: NoAttributes;
  sqrt: NoAttributes;
  abs: NoAttributes;
  sign: NoAttributes;
  step: NoAttributes;
  relu: NoAttributes;
  leakyRelu: { readonly slope: number };
  sigmoid: NoAttributes;
  tanh: NoAttributes;
  softplus: NoAttributes;
  erf: NoAttributes;
  gelu: NoAttributes;
  sin: NoAttributes;
  cos: NoAttributes;

  // Elementwise, two inputs, broadcasting.
  add: NoAttributes;
  subtract: NoAttributes;
  multiply: NoAttributes;
  divide: NoAttributes;
  power: NoAttributes;
  maximum: NoAttributes;
  minimum: NoAttributes;
  equal: NoAttributes;
  greater: NoAttributes;
  /** Three inputs: condition, then, otherwise. */
  select: NoAttributes;

  /** Two inputs of one shape: what gelu is taken of, and d loss / d its result. */
  geluGradient: NoAttributes;

  // Contractions and reductions.
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  conv2d: ConvolutionAttributes;
  /** `size` is that of the images that were convolved: height, width. */
  conv2dInputGradient: ConvolutionAttributes & { readonly size: readonly [number, number] };
  /** `kernel` is the size of the filters: height, width. */
  conv2dFilterGradient: ConvolutionAttributes & { readonly kernel: readonly [number, number] };
  maxPool2d: PoolingAttributes;
  maxPool2dGradient: PoolingAttributes;
  maxPool2dGather: PoolingAttributes;
  /** `countPadding`: a window is divided by all its cells, and else by those inside the image. */
  averagePool2d: PoolingAttributes & { readonly countPadding: boolean };
  /** `size` is that of the images that were pooled: height, width. */
  averagePool2dGradient: PoolingAttributes & { readonly countPadding: boolean; readonly size: readonly [number, number] };
  sum: ReduceAttributes;
  max: ReduceAttributes;
  argmax: { readonly axis: number };
  softmax: { readonly axis: number };
  logSoftmax: { readonly axis: number };
  normalise: NormaliseAttributes;
  normaliseGradient: NormaliseAttributes;

  // Movement: no arithmetic.
  /** One dimension may be -1: whatever is left. */
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  broadcastTo: { readonly shape: Shape };
  oneHot: { readonly depth: number };
  slice: { readonly axis: number; readonly start: number; readonly stop: number };
  pad: { readonly axis: number; readonly before: number; readonly after: number };
  /** One input or more. */
  concatenate: { readonly axis: number };

  // Movement by index.
  gather: NoAttributes;
  /** `count` is the result's first dimension. */
  scatterAdd: { readonly count: number };

  // Training.
  /** One input: the samples' keys, [rows, 4]. `shape` is one sample's; numbers of different streams have nothing to do with each other. */
  uniform: { readonly shape: Shape; readonly stream: number };
  /** Two inputs: what it is in training, and what it is otherwise. */
  ifTraining: NoAttributes;
}

/** What engines compute: in the graphs that they run it is settled whether they train. */
export type EngineOperation = Exclude<OperationName, "ifTraining">;
export type OperationName = keyof OperationAttributes;
