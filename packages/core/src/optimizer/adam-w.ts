// AdamW: Adam with a weight decay that the moments do not see.
import type { z } from "zod";
import { math } from "../graph/index.ts";
import { tagged } from "../tagged.ts";
import { adamChange, momentSettings, type MomentOptions } from "./moments.ts";
import type { UpdateRule } from "./rule.ts";
import { settings } from "./settings.ts";

export interface AdamWOptions extends MomentOptions {
  /** λ: shrinks every parameter by the share ηλ in each step, 0 or above. Default: 0.01. */
  readonly weightDecay?: number;
}
export type AdamWSpec = AdamWOptions & { readonly kind: "adamW" };

/**
 * Adam with decoupled weight decay, as PyTorch's `AdamW` computes it:
 *
 *     m ← β₁m + (1 − β₁)g        v ← β₂v + (1 − β₂)g²
 *     θ ← (1 − ηλ)θ − η · m̂ / (√v̂ + ε)    with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
 *
 * Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2, with their schedule multiplier ηₜ and their α in
 * one learning rate η, which therefore scales the decay too.
 */
export function adamW(options: AdamWOptions = {}): AdamWSpec {
  return tagged("adamW", options, "{ learningRate: 0.001 }");
}

/** Checks the options of `adamW(…)` and fills in the defaults. */
export const adamWSpecSchema = settings("adamW", momentSettings(0.01)) satisfies z.ZodType<Required<AdamWSpec>, AdamWSpec>;

export function adamWRule(options: Required<AdamWSpec>): UpdateRule<"adamW.first_moment" | "adamW.second_moment"> {
  const { beta1, beta2, epsilon, weightDecay } = options;
  return {
    state: ["adamW.first_moment", "adamW.second_moment"],
    update({ parameters, gradient, state, learningRate, step }) {
      const { change, first, second } = adamChange({
        gradient,
        first: state["adamW.first_moment"],
        second: state["adamW.second_moment"],
        ...{ learningRate, step, beta1, beta2, epsilon },
      });
      const kept = math.subtract(math.constant(learningRate, 1), math.multiply(learningRate, weightDecay));
      return {
        parameters: math.subtract(weightDecay > 0 ? math.multiply(parameters, kept) : parameters, change),
        state: { "adamW.first_moment": first, "adamW.second_moment": second },
      };
    },
  };
}
