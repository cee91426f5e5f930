// Lion: every parameter moves by the learning rate, in the direction of a momentum's sign.
import type { z } from "zod";
import { math } from "../graph/index.ts";
import { tagged } from "../tagged.ts";
import type { UpdateRule } from "./rule.ts";
import { decay, notNegative, positive, settings } from "./settings.ts";

export interface LionOptions {
  /** η, above 0; three to ten times smaller than Adam's suits. Default: 0.0001. */
  readonly learningRate?: number;
  /** β₁: how much of the momentum is in the direction of a step, from 0 to less than 1. Default: 0.9. */
  readonly beta1?: number;
  /** β₂: the decay of the momentum, from 0 to less than 1. Default: 0.99. */
  readonly beta2?: number;
  /** λ: shrinks every parameter by the share ηλ in each step, 0 or above; three to ten times AdamW's suits. Default: 0. */
  readonly weightDecay?: number;
}
export type LionSpec = LionOptions & { readonly kind: "lion" };

/**
 * Lion (evolved sign momentum), with the decoupled weight decay of its authors:
 *
 *     θ ← (1 − ηλ)θ − η · sign(β₁m + (1 − β₁)g)        then m ← β₂m + (1 − β₂)g
 *
 * Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2. The sign of 0 is 0.
 */
export function lion(options: LionOptions = {}): LionSpec {
  return tagged("lion", options, "{ learningRate: 0.0001 }");
}

/** Checks the options of `lion(…)` and fills in the defaults. */
export const lionSpecSchema = settings("lion", {
  learningRate: positive.default(1e-4),
  beta1: decay.default(0.9),
  beta2: decay.default(0.99),
  weightDecay: notNegative.default(0),
}) satisfies z.ZodType<Required<LionSpec>, LionSpec>;

export function lionRule({ beta1, beta2, weightDecay }: Required<LionSpec>): UpdateRule<"lion.momentum"> {
  return {
    state: ["lion.momentum"],
    update({ parameters, gradient, state, learningRate }) {
      const mixed = (beta: number) => math.add(math.multiply(state["lion.momentum"], beta), math.multiply(gradient, 1 - beta));
      const kept = math.subtract(math.constant(learningRate, 1), math.multiply(learningRate, weightDecay));
      return {
        parameters: math.subtract(
          weightDecay > 0 ? math.multiply(parameters, kept) : parameters,
          math.multiply(math.sign(mixed(beta1)), learningRate),
        ),
        state: { "lion.momentum": mixed(beta2) },
      };
    },
  };
}
