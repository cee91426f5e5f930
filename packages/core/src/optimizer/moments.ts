// The two moving averages that Adam and its variants share.
import { math, type Value } from "../graph/index.ts";
import { decay, epsilon, notNegative, positive } from "./settings.ts";

/** β₁, β₂, ε and η as Kingma & Ba recommend them, and as PyTorch has them. */
export const adamDefaults = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** The settings of Adam and its variants. */
export interface MomentOptions {
  /** η, above 0. Default: 0.001. */
  readonly learningRate?: number;
  /** β₁: the decay of the mean of gradients, from 0 to less than 1. Default: 0.9. */
  readonly beta1?: number;
  /** β₂: the decay of the mean of squared gradients, from 0 to less than 1. Default: 0.999. */
  readonly beta2?: number;
  /** ε: keeps the division away from zero. Default: 1e-8. */
  readonly epsilon?: number;
}

/** Their checks; the variants add a weight decay. */
export const momentSettings = (weightDecay: number) => ({
  learningRate: positive.default(adamDefaults.learningRate),
  beta1: decay.default(adamDefaults.beta1),
  beta2: decay.default(adamDefaults.beta2),
  epsilon: epsilon.default(adamDefaults.epsilon),
  weightDecay: notNegative.default(weightDecay),
});

interface MomentInputs extends Required<Omit<MomentOptions, "learningRate">> {
  readonly gradient: Value;
  readonly first: Value;
  readonly second: Value;
  readonly learningRate: Value;
  readonly step: Value;
}

/**
 * Algorithm 1 of Kingma & Ba 2015, "Adam: a method for stochastic optimization":
 *
 *     m ← β₁m + (1 − β₁)g        v ← β₂v + (1 − β₂)g²
 *     change = η · m̂ / (√v̂ + ε)   with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
 *
 * ε is added after the correction of v, as in the paper's algorithm and in PyTorch. Both corrections are scalars.
 */
export function adamChange({ gradient, first, second, learningRate, step, beta1, beta2, epsilon }: MomentInputs): {
  readonly change: Value;
  readonly first: Value;
  readonly second: Value;
} {
  const one = math.constant(step, 1);
  /** 1 − βᵗ. */
  const correction = (beta: number): Value => math.subtract(one, math.power(math.constant(step, beta), step));
  const newFirst = math.add(math.multiply(first, beta1), math.multiply(gradient, 1 - beta1));
  const newSecond = math.add(math.multiply(second, beta2), math.multiply(math.square(gradient), 1 - beta2));
  const root = math.multiply(math.sqrt(newSecond), math.divide(one, math.sqrt(correction(beta2))));
  const direction = math.divide(newFirst, math.add(root, epsilon));
  return { change: math.multiply(direction, math.divide(learningRate, correction(beta1))), first: newFirst, second: newSecond };
}
