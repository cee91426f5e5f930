// Normalisation within a sample: what comes out for one sample does not depend on which others are in its microbatch, so neither does
// it on who computes it.
import * as math from "../graph/math.ts";
import type { TabgradError } from "../errors.ts";
import { elementCount, formatShape, type Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Layer, LayerContext } from "./layer.ts";
import { checkFlag, optionsOf, type OptionChecks } from "./options.ts";
import { checkPositive, checkSize } from "./role.ts";

export interface NormalisationOptions {
  /** Added to the variance (or mean square) before the root is taken. Default: 1e-5; of `rmsNorm`, 1e-6. */
  readonly epsilon?: number;
  /** Whether to multiply by the parameter "weight" and add the parameter "bias" (`rmsNorm` has none). Default: true. */
  readonly affine?: boolean;
}

export const normalisationChecks: OptionChecks<NormalisationOptions> = { epsilon: checkPositive, affine: checkFlag };

export interface LayerNormOptions extends NormalisationOptions {
  /** Over how many of the last dimensions: 1 is each position's vector by itself. Default: 1. */
  readonly dimensions?: number;
  /** Whether to add the parameter "bias" where there is a "weight". Default: true. */
  readonly bias?: boolean;
}

/**
 * y = (x − μ) / √(σ² + ε) · w + b, with mean μ and variance σ² (by n, not n − 1) over the last dimensions.
 * "weight" and "bias" have the shape of these dimensions and begin as 1 and 0, as in PyTorch's `nn.LayerNorm`.
 * Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450
 * @throws TabgradError MODEL_INVALID where an option is wrong or a sample has fewer dimensions
 */
export function layerNorm(options?: LayerNormOptions): Layer {
  const {
    dimensions = 1,
    epsilon = 1e-5,
    affine = true,
    bias = true,
  } = optionsOf("layerNorm", options, {
    dimensions: (kind, name, value) => checkSize(kind, name, value, "layerNorm({ dimensions: 1 })"),
    ...normalisationChecks,
    bias: checkFlag,
  });
  return {
    role: "layer",
    kind: "layerNorm",
    detail: dimensions === 1 ? "" : `${dimensions} dimensions`,
    build(x, context) {
      const shape = lastDimensions(x, dimensions, context);
      const flat = dimensions === 1 ? x : math.reshape(x, [-1, ...x.shape.slice(1, -dimensions), elementCount(shape)]);
      const normal = math.normalise(flat, { epsilon });
      const y = dimensions === 1 ? normal : math.reshape(normal, [-1, ...x.shape.slice(1)]);
      return affine ? weighted(y, shape, bias, context) : y;
    },
  };
}

/**
 * y = x / √(mean(x²) + ε) · w over the last dimension: layerNorm without the mean. "weight" has the shape of that dimension and begins
 * as 1. Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467
 * @throws TabgradError MODEL_INVALID where an option is wrong or a sample is one number
 */
export function rmsNorm(options?: NormalisationOptions): Layer {
  const { epsilon = 1e-6, affine = true } = optionsOf("rmsNorm", options, normalisationChecks);
  return {
    role: "layer",
    kind: "rmsNorm",
    detail: "",
    build(x, context) {
      const shape = lastDimensions(x, 1, context);
      const y = math.normalise(x, { centred: false, epsilon });
      return affine ? weighted(y, shape, false, context) : y;
    },
  };
}

/**
 * As `layerNorm`, over each of `groups` groups of channels and all their positions: x is [rows, channels, …], and y as before.
 * "weight" and "bias" have one value for each channel. With one group it takes a whole sample, with as many as there are channels it is
 * instance normalisation. Wu & He 2018, https://arxiv.org/abs/1803.08494
 * @throws TabgradError MODEL_INVALID where an option is wrong or the groups do not divide the channels
 */
export function groupNorm(groups: number, options?: NormalisationOptions): Layer {
  checkSize("groupNorm", "groups", groups, "groupNorm(8)");
  const { epsilon = 1e-5, affine = true } = optionsOf("groupNorm", options, normalisationChecks);
  return {
    role: "layer",
    kind: "groupNorm",
    detail: `${groups} ${groups === 1 ? "group" : "groups"}`,
    build(x, context) {
      if (x.shape.length < 2) throw oneNumber(context);
      const [, channels, ...positions] = x.shape;
      if (channels % groups !== 0) {
        const fitting = Array.from({ length: channels }, (_, i) => i + 1).filter((size) => channels % size === 0);
        const message = `${channels} channels cannot be parted into ${groups} groups; a sample has shape ${formatShape(x.shape.slice(1))}`;
        throw context.error(message, `Use a divisor of ${channels}: ${fitting.slice(-8).join(", ")}.`);
      }
      const apart = math.reshape(x, [-1, groups, elementCount(x.shape.slice(1)) / groups]);
      const y = math.reshape(math.normalise(apart, { epsilon }), [-1, ...x.shape.slice(1)]);
      return affine ? weighted(y, [channels], true, context, [channels, ...positions.map(() => 1)]) : y;
    },
  };
}

/** y · weight + bias; `broadcast` is their shape as it meets y's last dimensions. */
function weighted(y: Value, shape: Shape, bias: boolean, context: LayerContext, broadcast: Shape = shape): Value {
  const parameter = (name: string, value: number): Value =>
    math.reshape(context.parameter(name, shape, { kind: "constant", value }), broadcast);
  const product = math.multiply(y, parameter("weight", 1));
  return bias ? math.add(product, parameter("bias", 0)) : product;
}

function lastDimensions(x: Value, dimensions: number, context: LayerContext): Shape {
  const sample = x.shape.slice(1);
  if (sample.length === 0) throw oneNumber(context);
  if (sample.length >= dimensions) return sample.slice(-dimensions);
  const message = `a sample has shape ${formatShape(sample)}, and ${dimensions} dimensions are to be normalised`;
  throw context.error(message, `Give at most ${sample.length}.`);
}

const oneNumber = (context: LayerContext): TabgradError =>
  context.error("a sample is one number, and there is nothing to normalise it with", "Use it after a layer of several units.");
