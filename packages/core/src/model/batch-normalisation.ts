// Batch normalisation: what comes out for one sample depends on which others are in its microbatch. A run's microbatches are fixed by seed
// and step, not by who computes them, and so is the result.
import { TabgradError } from "../errors.ts";
import * as math from "../graph/math.ts";
import { elementCount } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Layer, LayerContext } from "./layer.ts";
import { normalisationChecks, type NormalisationOptions } from "./normalisation.ts";
import { optionsOf } from "./options.ts";
import { show } from "./role.ts";

export interface BatchNormOptions extends NormalisationOptions {
  /** How far the running statistics move towards a step's statistics, above 0 and at most 1. Default: 0.1. */
  readonly momentum?: number;
}

/**
 * y = (x − μ) / √(σ² + ε) · w + b for each channel of x, [rows, channels, …], with w the parameter "weight" and b "bias" (1 and 0 at
 * first). In training, μ and σ² are mean and variance (by n) over the samples of one microbatch and all their positions; in evaluation and
 * prediction they are the parameters "running_mean" and "running_var" (0 and 1 at first). All names are PyTorch's.
 * Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167; over part of a batch: Hoffer et al. 2017, https://arxiv.org/abs/1705.08741
 *
 * **The batch of the statistics is the run's `microbatchSize`**, not `batchSize`, nor what a worker computes at once: use 16 or more. With one
 * sample and one position, y is b. In each step, the running statistics move by `momentum` towards the mean over all of its samples of
 * their microbatches' μ and σ² (by n − 1), as the loss weighs the samples, and by nothing else: neither learning rate, schedule, clipping,
 * weight decay nor averaging touch them.
 * @throws TabgradError MODEL_INVALID where an option is wrong or a sample is one number
 */
export function batchNorm(options?: BatchNormOptions): Layer {
  const checks = { ...normalisationChecks, momentum: checkMomentum };
  const { epsilon = 1e-5, momentum = 0.1, affine = true } = optionsOf("batchNorm", options, checks);
  return {
    role: "layer",
    kind: "batchNorm",
    detail: "",
    build(x, context) {
      if (x.shape.length < 2) {
        throw context.error("a sample is one number, and has no channels", "Use it after a layer of several units.");
      }
      const [, channels, ...positions] = x.shape;
      const each = (parameter: Value): Value => math.reshape(parameter, [channels, 1]);
      const weights = affine && {
        weight: each(context.parameter("weight", [channels], { kind: "constant", value: 1 })),
        bias: each(context.parameter("bias", [channels], { kind: "constant", value: 0 })),
      };
      const flat = math.reshape(x, [-1, channels, elementCount(positions)]);
      const own = normalisedByItself(flat, epsilon, context);
      const mean = each(context.statistic("running_mean", own.mean, { initial: 0, momentum }));
      const variance = each(context.statistic("running_var", own.variance, { initial: 1, momentum }));
      const known = math.multiply(math.subtract(flat, mean), inverseRoot(variance, epsilon));
      const y = math.ifTraining(own.normalised, known);
      const scaled = weights ? math.add(math.multiply(y, weights.weight), weights.bias) : y;
      return math.reshape(scaled, [-1, channels, ...positions]);
    },
  };
}

interface Normalised {
  /** Shape [rows, channels, positions]. */
  readonly normalised: Value;
  /** What each sample's microbatch has, [rows, channels]; the variance by n − 1, as PyTorch's running one is. */
  readonly mean: Value;
  readonly variance: Value;
}

/** @param x shape [rows, channels, positions] */
function normalisedByItself(x: Value, epsilon: number, context: LayerContext): Normalised {
  const [, channels, positions] = x.shape;
  const { values, weights } = context.microbatches(x);
  const count = math.multiply(math.sum(weights, [1], true), positions);
  // A microbatch without samples has sums of 0, and whatever comes of them counts for nothing.
  const total = (some: Value): Value => math.sum(math.multiply(some, weights), [1, 3], true);
  const mean = math.divide(total(values), math.maximum(count, 1));
  const centred = math.subtract(values, mean);
  const squares = total(math.square(centred));
  const variance = math.divide(squares, math.maximum(count, 1));
  const ofSamples = (statistic: Value): Value => math.reshape(math.multiply(statistic, weights), [-1, channels]);
  return {
    normalised: math.reshape(math.multiply(centred, inverseRoot(variance, epsilon)), [-1, channels, positions]),
    mean: ofSamples(mean),
    variance: ofSamples(math.divide(squares, math.maximum(math.subtract(count, 1), 1))),
  };
}

const inverseRoot = (variance: Value, epsilon: number): Value =>
  math.divide(math.constant(variance, 1), math.sqrt(math.add(variance, epsilon)));

function checkMomentum(kind: string, option: string, momentum: unknown): void {
  if (typeof momentum === "number" && momentum > 0 && momentum <= 1) return;
  throw new TabgradError(
    "MODEL_INVALID",
    `${kind}: ${option} is ${show(momentum)}; expected a number above 0 and at most 1`,
    "Write, for example, batchNorm({ momentum: 0.1 }): how far the running statistics move in a step.",
  );
}
