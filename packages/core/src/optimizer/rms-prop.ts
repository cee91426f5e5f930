// RMSProp: gradients divided by a running root mean square of themselves.
import { z } from "zod";
import { math } from "../graph/index.ts";
import { tagged } from "../tagged.ts";
import type { UpdateRule } from "./rule.ts";
import { decay, epsilon, notNegative, positive, settings } from "./settings.ts";

export interface RmsPropOptions {
  /** η, above 0. Default: 0.01. */
  readonly learningRate?: number;
  /** α: the decay of the mean of squared gradients, from 0 to less than 1. Default: 0.99. */
  readonly alpha?: number;
  /** ε: keeps the division away from zero. Default: 1e-8. */
  readonly epsilon?: number;
  /** µ: how much of the last direction to keep, from 0 (none) to less than 1. Default: 0. */
  readonly momentum?: number;
  /** Divide by the standard deviation instead of the root mean square. Default: false. */
  readonly centered?: boolean;
  /** λ: adds λθ to the gradient (L2 regularisation), 0 or above. Default: 0. */
  readonly weightDecay?: number;
}
export type RmsPropSpec = RmsPropOptions & { readonly kind: "rmsProp" };

/**
 * RMSProp, as PyTorch's `RMSprop` computes it:
 *
 *     g ← g + λθ        v ← αv + (1 − α)g²
 *     d = g / (√v + ε), or centred g / (√(v − m²) + ε) with m ← αm + (1 − α)g
 *     θ ← θ − ηd, or with momentum θ − ηb with b ← µb + d
 *
 * Tieleman & Hinton 2012, "Neural networks for machine learning", lecture 6.5; centred: Graves 2013, "Generating sequences with
 * recurrent neural networks", equations 38 to 45. A variance that rounding made less than 0 counts as 0.
 */
export function rmsProp(options: RmsPropOptions = {}): RmsPropSpec {
  return tagged("rmsProp", options, "{ learningRate: 0.001 }");
}

/** Checks the options of `rmsProp(…)` and fills in the defaults. */
export const rmsPropSpecSchema = settings("rmsProp", {
  learningRate: positive.default(0.01),
  alpha: decay.default(0.99),
  epsilon: epsilon.default(1e-8),
  momentum: decay.default(0),
  centered: z.boolean({ error: "expected true or false" }).default(false),
  weightDecay: notNegative.default(0),
}) satisfies z.ZodType<Required<RmsPropSpec>, RmsPropSpec>;

type RmsPropState = "rmsProp.square_average" | "rmsProp.gradient_average" | "rmsProp.momentum";

export function rmsPropRule(options: Required<RmsPropSpec>): UpdateRule<RmsPropState> {
  const { alpha, epsilon, momentum, centered, weightDecay } = options;
  const names: RmsPropState[] = ["rmsProp.square_average"];
  if (centered) names.push("rmsProp.gradient_average");
  if (momentum > 0) names.push("rmsProp.momentum");
  return {
    state: names,
    update({ parameters, gradient: plain, state, learningRate }) {
      const gradient = weightDecay > 0 ? math.add(plain, math.multiply(parameters, weightDecay)) : plain;
      const averaged = (name: RmsPropState, value: typeof gradient) =>
        math.add(math.multiply(state[name], alpha), math.multiply(value, 1 - alpha));
      const next = { ...state, "rmsProp.square_average": averaged("rmsProp.square_average", math.square(gradient)) };
      let variance = next["rmsProp.square_average"];
      if (centered) {
        next["rmsProp.gradient_average"] = averaged("rmsProp.gradient_average", gradient);
        variance = math.maximum(math.subtract(variance, math.square(next["rmsProp.gradient_average"])), 0);
      }
      let direction = math.divide(gradient, math.add(math.sqrt(variance), epsilon));
      if (momentum > 0) {
        direction = math.add(math.multiply(state["rmsProp.momentum"], momentum), direction);
        next["rmsProp.momentum"] = direction;
      }
      return { parameters: math.subtract(parameters, math.multiply(direction, learningRate)), state: next };
    },
  };
}
