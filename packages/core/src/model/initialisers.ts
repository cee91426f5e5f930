// How parameters begin. An initialiser becomes an `Initialisation` of the graph once the layer knows how many values meet in it.
import type { Initialisation } from "../graph/attributes.ts";
import { TabgradError } from "../errors.ts";
import { optionsOf } from "./options.ts";
import { checkNumber, roleOf, show } from "./role.ts";

/** How many values flow into one unit of a layer, and out of one input: for a dense layer, its inputs and its units. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

export interface Initialiser {
  readonly role: "initialiser";
  /** The function that makes it: "glorotUniform". */
  readonly kind: string;
  readonly resolve: (fans: Fans) => Initialisation;
}

/** @param example how it is written. @throws TabgradError MODEL_INVALID unless `value` is an initialiser */
export function checkInitialiser(kind: string, option: string, value: unknown, example = `${option}: heNormal()`): void {
  if (roleOf(value) === "initialiser") return;
  const message = `${kind}: ${option} is ${show(value)}; expected an initialiser`;
  throw new TabgradError("MODEL_INVALID", message, `Write, for example, ${example}.`);
}

const symmetric = (limit: number): Initialisation => ({ kind: "uniform", low: -limit, high: limit });
const centred = (deviation: number): Initialisation => ({ kind: "normal", mean: 0, deviation });

/**
 * Uniform in ±√(6 / (fanIn + fanOut)), so of variance 2 / (fanIn + fanOut): keeps the variance of activations and of gradients from
 * layer to layer where the activation is about linear at 0 (tanh, sigmoid, none). Also called Xavier.
 * Glorot & Bengio 2010, equation 16, https://proceedings.mlr.press/v9/glorot10a.html
 */
export const glorotUniform = (): Initialiser => ({
  role: "initialiser",
  kind: "glorotUniform",
  resolve: ({ fanIn, fanOut }) => symmetric(Math.sqrt(6 / (fanIn + fanOut))),
});

/**
 * Normal with mean 0 and variance 2 / (fanIn + fanOut), not truncated. Also called Xavier.
 * Glorot & Bengio 2010, equation 12, https://proceedings.mlr.press/v9/glorot10a.html
 */
export const glorotNormal = (): Initialiser => ({
  role: "initialiser",
  kind: "glorotNormal",
  resolve: ({ fanIn, fanOut }) => centred(Math.sqrt(2 / (fanIn + fanOut))),
});

export interface HeOptions {
  /** The slope of the rectifier for negative x: 0 for ReLU, which is the default. */
  readonly slope?: number;
}

/**
 * Uniform in ±√(6 / ((1 + slope²) · fanIn)), so of variance 2 / ((1 + slope²) · fanIn): makes up for what a rectifier cuts off. Also
 * called Kaiming. He, Zhang, Ren & Sun 2015, equations 10 and 15, https://arxiv.org/abs/1502.01852
 */
export function heUniform(options?: HeOptions): Initialiser {
  const { slope = 0 } = optionsOf("heUniform", options, { slope: checkNumber });
  return { role: "initialiser", kind: "heUniform", resolve: ({ fanIn }) => symmetric(Math.sqrt(6 / ((1 + slope ** 2) * fanIn))) };
}

/**
 * Normal with mean 0 and variance 2 / ((1 + slope²) · fanIn), not truncated. Also called Kaiming.
 * He, Zhang, Ren & Sun 2015, equations 10 and 15, https://arxiv.org/abs/1502.01852
 */
export function heNormal(options?: HeOptions): Initialiser {
  const { slope = 0 } = optionsOf("heNormal", options, { slope: checkNumber });
  return { role: "initialiser", kind: "heNormal", resolve: ({ fanIn }) => centred(Math.sqrt(2 / ((1 + slope ** 2) * fanIn))) };
}

/** Every value is `value`. */
export function constant(value: number): Initialiser {
  checkNumber("constant", "value", value);
  return { role: "initialiser", kind: "constant", resolve: () => ({ kind: "constant", value }) };
}

/** Every value is 0: for biases. As weights they would keep all units of a layer equal for ever. */
export const zeros = (): Initialiser => ({ ...constant(0), kind: "zeros" });

/** Every value is 1. */
export const ones = (): Initialiser => ({ ...constant(1), kind: "ones" });

/** Uniform in [low, high), of variance (high − low)² / 12. Default: [−0.05, 0.05). */
export function uniform(options?: { readonly low?: number; readonly high?: number }): Initialiser {
  const { low = -0.05, high = 0.05 } = optionsOf("uniform", options, { low: checkNumber, high: checkNumber });
  if (low >= high) {
    throw new TabgradError(
      "MODEL_INVALID",
      `uniform: low is ${low} and high is ${high}; expected low below high`,
      "Swap them, or use constant().",
    );
  }
  return { role: "initialiser", kind: "uniform", resolve: () => ({ kind: "uniform", low, high }) };
}

/** Normal with the given mean and standard deviation. Default: 0 and 0.05. */
export function normal(options?: { readonly mean?: number; readonly deviation?: number }): Initialiser {
  const { mean = 0, deviation = 0.05 } = optionsOf("normal", options, { mean: checkNumber, deviation: checkNumber });
  if (deviation < 0) {
    throw new TabgradError(
      "MODEL_INVALID",
      `normal: deviation is ${deviation}; expected at least 0`,
      "Give the standard deviation, which has no sign.",
    );
  }
  return { role: "initialiser", kind: "normal", resolve: () => ({ kind: "normal", mean, deviation }) };
}
