// Adagrad: a rate of its own for each parameter, the smaller the larger its gradients were so far.
import type { z } from "zod";
import { math } from "../graph/index.ts";
import { tagged } from "../tagged.ts";
import type { UpdateRule } from "./rule.ts";
import { epsilon, notNegative, positive, settings } from "./settings.ts";

export interface AdagradOptions {
  /** η, above 0. Default: 0.01. */
  readonly learningRate?: number;
  /** ε: keeps the division away from zero. Default: 1e-10. */
  readonly epsilon?: number;
  /** λ: adds λθ to the gradient (L2 regularisation), 0 or above. Default: 0. */
  readonly weightDecay?: number;
}
export type AdagradSpec = AdagradOptions & { readonly kind: "adagrad" };

/**
 * Adagrad, as PyTorch's `Adagrad` computes it:
 *
 *     g ← g + λθ        s ← s + g²        θ ← θ − ηg / (√s + ε)
 *
 * Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic optimization", figure 1, with diagonal
 * matrices.
 */
export function adagrad(options: AdagradOptions = {}): AdagradSpec {
  return tagged("adagrad", options, "{ learningRate: 0.01 }");
}

/** Checks the options of `adagrad(…)` and fills in the defaults. */
export const adagradSpecSchema = settings("adagrad", {
  learningRate: positive.default(0.01),
  epsilon: epsilon.default(1e-10),
  weightDecay: notNegative.default(0),
}) satisfies z.ZodType<Required<AdagradSpec>, AdagradSpec>;

export function adagradRule({ epsilon, weightDecay }: Required<AdagradSpec>): UpdateRule<"adagrad.sum"> {
  return {
    state: ["adagrad.sum"],
    update({ parameters, gradient, state, learningRate }) {
      const decayed = weightDecay > 0 ? math.add(gradient, math.multiply(parameters, weightDecay)) : gradient;
      const sum = math.add(state["adagrad.sum"], math.square(decayed));
      const direction = math.divide(decayed, math.add(math.sqrt(sum), epsilon));
      return { parameters: math.subtract(parameters, math.multiply(direction, learningRate)), state: { "adagrad.sum": sum } };
    },
  };
}
