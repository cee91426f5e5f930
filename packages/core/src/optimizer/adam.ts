// Adam: adaptive moment estimation.
import type { z } from "zod";
import { math } from "../graph/index.ts";
import { tagged } from "../tagged.ts";
import { adamChange, momentSettings, type MomentOptions } from "./moments.ts";
import type { UpdateRule } from "./rule.ts";
import { settings } from "./settings.ts";

export interface AdamOptions extends MomentOptions {
  /** λ: adds λθ to the gradient (L2 regularisation), 0 or above. Default: 0. `adamW` decays the parameters themselves. */
  readonly weightDecay?: number;
}
export type AdamSpec = AdamOptions & { readonly kind: "adam" };

/**
 * Adam, as PyTorch's `Adam` computes it:
 *
 *     g ← g + λθ
 *     m ← β₁m + (1 − β₁)g        v ← β₂v + (1 − β₂)g²
 *     θ ← θ − η · m̂ / (√v̂ + ε)    with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
 *
 * Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
 */
export function adam(options: AdamOptions = {}): AdamSpec {
  return tagged("adam", options, "{ learningRate: 0.001 }");
}

/** Checks the options of `adam(…)` and fills in the defaults. */
export const adamSpecSchema = settings("adam", momentSettings(0)) satisfies z.ZodType<Required<AdamSpec>, AdamSpec>;

export function adamRule(options: Required<AdamSpec>): UpdateRule<"adam.first_moment" | "adam.second_moment"> {
  const { beta1, beta2, epsilon, weightDecay } = options;
  return {
    state: ["adam.first_moment", "adam.second_moment"],
    update({ parameters, gradient, state, learningRate, step }) {
      const { change, first, second } = adamChange({
        gradient: weightDecay > 0 ? math.add(gradient, math.multiply(parameters, weightDecay)) : gradient,
        first: state["adam.first_moment"],
        second: state["adam.second_moment"],
        ...{ learningRate, step, beta1, beta2, epsilon },
      });
      return {
        parameters: math.subtract(parameters, change),
        state: { "adam.first_moment": first, "adam.second_moment": second },
      };
    },
  };
}
