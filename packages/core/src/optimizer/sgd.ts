// Stochastic gradient descent: plain, with momentum, and with Nesterov's momentum.
import { z } from "zod";
import { math } from "../graph/index.ts";
import { tagged } from "../tagged.ts";
import type { UpdateRule } from "./rule.ts";
import { decay, notNegative, positive, settings } from "./settings.ts";

export interface SgdOptions {
  /** η, above 0. */
  readonly learningRate: number;
  /** µ: how much of the last direction to keep, from 0 (none: plain gradient descent) to less than 1. Default: 0. */
  readonly momentum?: number;
  /** τ: how much of each new gradient to leave out of the direction, from 0 to less than 1. Default: 0. */
  readonly dampening?: number;
  /** Look ahead along the direction (Nesterov). Needs momentum, and no dampening. Default: false. */
  readonly nesterov?: boolean;
  /** λ: adds λθ to the gradient (L2 regularisation), 0 or above. Default: 0. */
  readonly weightDecay?: number;
}
export type SgdSpec = SgdOptions & { readonly kind: "sgd" };

/**
 * Stochastic gradient descent, as PyTorch's `SGD` computes it:
 *
 *     g ← g + λθ
 *     v ← g in the first step, else µv + (1 − τ)g      (without momentum v is g)
 *     θ ← θ − ηv, or with Nesterov's momentum θ − η(g + µv)
 *
 * Momentum: Polyak 1964, "Some methods of speeding up the convergence of iteration methods". Nesterov's form: Sutskever, Martens,
 * Dahl & Hinton 2013, "On the importance of initialization and momentum in deep learning", equations 3 and 4; they put the learning
 * rate into the direction (v ← µv − ηg), PyTorch and this apply it afterwards, which is the same while the rate does not change.
 */
export function sgd(options: SgdOptions): SgdSpec {
  return tagged("sgd", options, "{ learningRate: 0.1 }");
}

/** Checks the options of `sgd(…)` and fills in the defaults. */
export const sgdSpecSchema = settings("sgd", {
  learningRate: positive,
  momentum: decay.default(0),
  dampening: decay.default(0),
  nesterov: z.boolean({ error: "expected true or false" }).default(false),
  weightDecay: notNegative.default(0),
}).refine(({ nesterov, momentum, dampening }) => !nesterov || (momentum > 0 && dampening === 0), {
  path: ["nesterov"],
  error: "Nesterov's momentum needs a momentum above 0 and no dampening; set momentum to 0.9, for example",
}) satisfies z.ZodType<Required<SgdSpec>, SgdSpec>;

export function sgdRule({ momentum, dampening, nesterov, weightDecay }: Required<SgdSpec>): UpdateRule<"sgd.momentum"> {
  return {
    state: momentum > 0 ? ["sgd.momentum"] : [],
    update({ parameters, gradient, state, learningRate, step }) {
      const decayed = weightDecay > 0 ? math.add(gradient, math.multiply(parameters, weightDecay)) : gradient;
      const descend = (direction: typeof gradient) => math.subtract(parameters, math.multiply(direction, learningRate));
      if (momentum === 0) return { parameters: descend(decayed), state };
      // The state is zero before the first step, so that only the gradient's share differs there.
      const one = math.constant(step, 1);
      const share = math.select(math.equal(step, 1), one, math.constant(step, 1 - dampening));
      const velocity = math.add(math.multiply(state["sgd.momentum"], momentum), math.multiply(decayed, share));
      const direction = nesterov ? math.add(decayed, math.multiply(velocity, momentum)) : velocity;
      return { parameters: descend(direction), state: { "sgd.momentum": velocity } };
    },
  };
}
